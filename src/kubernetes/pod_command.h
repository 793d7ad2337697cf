#pragma once

#include <string>
#include <vector>

#include "core/settings.h"

namespace dolibarr_backup {

/// What a pod of ours runs. Of a restore it is the target's pod, in the target's namespace.
struct PodCommand {
  std::string component;               ///< the label: backup, list, drill, ...
  std::vector<std::string> arguments;  ///< after --config and --env: the command, its options
  /// It looks at the database and the documents; else the pod gets no way to either.
  bool reads_sources = false;
  bool writes_documents = false;  ///< they are mounted writable
  bool replaces = false;          ///< both, while it runs: no other pod may use the documents
  bool scale_down = false;  ///< the workloads whose pods use the documents stand at 0 meanwhile
  /// Whose backup is brought back, if it is another environment's; it outlives this.
  const EnvironmentSettings* source = nullptr;
};

}  // namespace dolibarr_backup
