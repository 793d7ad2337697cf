#pragma once

#include <stop_token>

#include "cli/command_line.h"

namespace dolibarr_backup {

/// The report of a period: a page, JSON, or both. Prints its result and returns the exit
/// code; throws Error for what ended it before it had one.
int run_report(const CommandLine& line, const std::stop_source& stop);

/// Serves reports until it is stopped by a signal, which is a success.
int run_serve(const CommandLine& line, const std::stop_source& stop);

}  // namespace dolibarr_backup
