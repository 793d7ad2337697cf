#pragma once

#include <vector>

#include "cli/command_line.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// Reads the settings file and the process environment and merges them with the
/// command line's flags. Problems stay in the result. Throws Errc::config for a
/// settings file that was named and cannot be read.
SettingsResult read_settings(const CommandLine& line);

/// The environments that a command works on: the named one, the only one, or all
/// where the command allows it. Throws Errc::config with every problem found, and
/// Errc::usage if none or too many would be meant.
std::vector<EnvironmentSettings> chosen_environments(const CommandLine& line, bool all_allowed);

}  // namespace dolibarr_backup
