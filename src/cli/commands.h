#pragma once

#include <stop_token>
#include <string>

#include "base/error.h"
#include "cli/command_line.h"

namespace dolibarr_backup {

/// Runs the command: results on stdout, diagnostics on stderr. Returns the exit code.
int run_command(const CommandLine& line, const std::stop_source& stop);

/// Tells what ended a command before it had a result: on stderr, and with --json as a
/// document on stdout (docs/json.md). Returns the exit code.
int tell_failure(const CommandLine& line, const Error& error);

/// Who holds an archive: --who, or who runs this program and where.
std::string who(const CommandLine& line);

/// Writes `text` to stdout. Returns 0, or the exit code of having told that it cannot.
int print_result(const std::string& text);

/// "error: ..." and, on its own line, "hint: ...", through the log; secrets in
/// the error are masked.
void report_error(const Error& error);

}  // namespace dolibarr_backup
