#pragma once

#include <stop_token>

#include "cli/command_line.h"

namespace dolibarr_backup {

/// Returns Errc::unwell's exit code if any environment is not well.
int run_status(const CommandLine& line, const std::stop_source& stop);

/// Tells the metrics of the environment that a run was of, if the settings say where to.
/// Also of one that was interrupted, in ten seconds at most. Never throws: what fails is a
/// warning.
void tell_metrics_of(const CommandLine& line, const std::stop_source& stop);

}  // namespace dolibarr_backup
