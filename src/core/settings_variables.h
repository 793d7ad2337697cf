#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/settings_layers.h"

/// Settings from the process environment and from flags.
namespace dolibarr_backup {

struct SettingVariables {
  SettingLayer settings;  ///< of several variables of one key, the first that is set
  /// Every variable that says where things are, by key; "" for those that only
  /// libpq knows (PGHOSTADDR, PGOPTIONS).
  std::vector<std::pair<std::string, SettingValue>> locations;
};

/// Reads what NAME_FILE names, but for the keys that are read when they are used.
SettingVariables read_setting_variables(const SettingsInput& input, SettingsFindings& findings);

SettingLayer read_setting_flags(const SettingsInput& input);

/// A problem for each variable that would lead environment `name` of `file`
/// elsewhere than the file says. What `flags` say is not compared: they win openly.
void check_locations(const SettingVariables& variables, const SettingLayer& flags,
                     const SettingLayer& file, const std::string& name,
                     const std::string& file_name, SettingsFindings& findings);

/// Lays those of the variables that may speak for an environment of the file over
/// its settings; a warning for each that replaces what the file says.
void overlay_variables(const SettingVariables& variables, SettingLayer& file,
                       SettingsFindings& findings);

/// The text of a small file without the newline at its end. Problem and nullopt if
/// it is not there, cannot be read, or is empty.
std::optional<std::string> read_value_file(const SettingsInput& input, const std::string& path,
                                           const Origin& origin, SettingsFindings& findings);

}  // namespace dolibarr_backup
