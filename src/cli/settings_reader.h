#pragma once

#include <vector>

#include "cli/command_line.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// Reads the settings file and the process environment and merges them with the
/// command line's flags. Problems stay in the result, a default settings file that is
/// not there among them if something is missing. Throws Errc::config for a settings file
/// that was named and cannot be read.
SettingsResult read_settings(const CommandLine& line);

/// Adds a problem for each of the database's credential files that cannot be read. Only
/// commands that connect need them, and read them anew each time.
void check_credential_files(SettingsResult& result);

/// The environments that a command works on: the named one, the only one, or all
/// where the command allows it. Throws Errc::config with every problem found or if
/// none is defined, and Errc::usage if too many would be meant.
std::vector<EnvironmentSettings> chosen_environments(const CommandLine& line, bool all_allowed);

}  // namespace dolibarr_backup
