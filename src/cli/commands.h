#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "cli/command_line.h"

namespace dolibarr_backup {

/// What a command says of itself to those who are told of runs.
struct CommandOutcome {
  std::string environment;  ///< once it is known
  std::string text;         ///< the result as it was printed
  std::string json;         ///< as a document; "" if there is none
  std::string error, hint;  ///< of what ended it, secrets masked
};

/// Runs the command: results on stdout, diagnostics on stderr. Returns the exit code.
int run_command(const CommandLine& line, const std::stop_source& stop);

/// Prints a result, as text or with --json as the document, and what ended the command, if
/// anything did; keeps both in `outcome`. Returns the exit code.
int tell_result(const CommandLine& line, CommandOutcome& outcome, std::string text,
                std::string json, const std::optional<Error>& failure);

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
