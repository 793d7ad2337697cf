#pragma once

#include <optional>
#include <stop_token>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "core/settings.h"
#include "kubernetes/pod_command.h"

namespace dolibarr_backup {

/// Runs the command in its environment's cluster, if its settings have a `kubernetes` part, and
/// returns the exit code; nullopt for a command that runs here: what only brings something out of
/// the store does, also for an environment in a cluster. Throws Errc::refused or Errc::usage
/// for what cannot be done in a cluster.
std::optional<int> run_command_in_cluster(const CommandLine& line, const std::stop_source& stop,
                                          CommandOutcome& outcome);

/// The command as the environment's pod gets it. Diagnostics are asked for as JSON, to tell them
/// from the result in the one log of a pod. Throws Errc::usage for an option that means nothing
/// there, Errc::refused for a command that does not run in a cluster. Pure.
PodCommand pod_command(const CommandLine& line, const EnvironmentSettings& environment);

}  // namespace dolibarr_backup
