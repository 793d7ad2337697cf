#pragma once

#include <stop_token>

#include "base/error.h"
#include "cli/command_line.h"

namespace dolibarr_backup {

/// Runs the command: results on stdout, diagnostics on stderr. Returns the exit
/// code; throws Error for what ended it before it had a result.
int run_command(const CommandLine& line, const std::stop_source& stop);

/// "error: ..." and, on its own line, "hint: ...", through the log; secrets in
/// the error are masked.
void report_error(const Error& error);

}  // namespace dolibarr_backup
