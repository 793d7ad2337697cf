#pragma once

#include <string>
#include <vector>

#include "core/settings.h"

namespace dolibarr_backup {

/// Where the pod finds the caller's SQL.
inline constexpr const char* kPodSql = "/run/secrets/dolibarr-backup/sql";

/// A file of the caller's that the pod gets by way of the transient Secret: it may hold secrets.
struct PodFile {
  std::string name;     ///< in that folder
  std::string content;  ///< base64
};

/// What a pod of ours runs. Of a restore it is the target's pod, in the target's namespace.
struct PodCommand {
  std::string component;               ///< the label: backup, list, drill, ...
  std::vector<std::string> arguments;  ///< after --config and --env: the command, its options
  /// It looks at the database and the documents; else the pod gets no way to either.
  bool reads_sources = false;
  bool writes_documents = false;  ///< they are mounted writable
  bool replaces = false;          ///< both, while it runs: no other pod may use the documents
  bool scale_down = false;   ///< the workloads whose pods use the documents stand at 0 meanwhile
  std::vector<PodFile> sql;  ///< of --sql
  /// Whose backup is brought back, if it is another environment's; it outlives this.
  const EnvironmentSettings* source = nullptr;
};

}  // namespace dolibarr_backup
