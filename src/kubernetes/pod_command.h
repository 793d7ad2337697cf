#pragma once

#include <string>
#include <vector>

namespace dolibarr_backup {

/// What a pod of ours runs.
struct PodCommand {
  std::string component;               ///< the label: backup, list, drill, ...
  std::vector<std::string> arguments;  ///< after --config and --env: the command, its options
  /// It looks at the database and the documents; else the pod gets no way to either.
  bool reads_sources = false;
};

}  // namespace dolibarr_backup
