#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "core/settings.h"
#include "kubernetes/pod_command.h"

namespace dolibarr_backup {

/// Runs `command` for `environment` in a Job in its cluster and returns the exit code of its
/// container, read from the pod's status. `line` gets each line of the pod's output once, as it
/// comes; if the node no longer has some of them, a warning says so.
///
/// The store's credentials are copied into a Secret that lives as long as the run; it and the
/// settings belong to the Job. They are removed on every way out; what a killed process leaves
/// ends by the Job's deadline and TTL.
///
/// A command that replaces the documents is refused while other pods use them, or their workloads
/// stand at 0 until it is over (kubernetes/scale_down.h). If such pods are there at its end all the
/// same, it throws Errc::cluster, whatever it has achieved.
///
/// Throws Errc::refused for that; Errc::cluster if the cluster cannot be reached or cannot run the
/// pod, with the reason that the cluster gives; Errc::config if a Secret lacks a key;
/// Errc::interrupted when stopped.
int run_in_cluster(const EnvironmentSettings& environment, const PodCommand& command,
                   const std::function<void(const std::string&)>& line,
                   const std::stop_token& stop);

}  // namespace dolibarr_backup
