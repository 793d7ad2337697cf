#pragma once

#include <stop_token>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "core/settings.h"
#include "dolibarr/neutralize.h"

namespace dolibarr_backup {

/// The commands that read backups back: verify, restore, refresh, show, find, diff, drill. Each
/// prints its result and returns the exit code; throws Error for what ended it before
/// it had one.
int run_verify(const CommandLine& line, const std::stop_source& stop, CommandOutcome& outcome);
int run_restore(const CommandLine& line, const std::stop_source& stop);
int run_refresh(const CommandLine& line, const std::stop_source& stop);
int run_show(const CommandLine& line, const std::stop_source& stop);
int run_find(const CommandLine& line, const std::stop_source& stop);
int run_diff(const CommandLine& line, const std::stop_source& stop);
int run_drill(const CommandLine& line, const std::stop_source& stop, CommandOutcome& outcome);

/// A file of --sql, whole. Throws Errc::usage if it cannot be read.
OwnSql read_sql(const std::string& path);

/// Whoever replaces a protected environment says so by its name: with --confirm, or at the terminal
/// when asked. Throws Errc::refused otherwise.
void require_name_of(const EnvironmentSettings& environment, const CommandLine& line);

}  // namespace dolibarr_backup
