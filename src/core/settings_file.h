#pragma once

#include <map>
#include <string>

#include "core/settings_layers.h"

namespace dolibarr_backup {

/// What a settings file says, by environment.
struct SettingsFile {
  struct Environment {
    Origin origin;          ///< the line that names it
    SettingLayer settings;  ///< what it inherits included; values not judged yet
  };
  std::map<std::string, Environment> environments;
};

/// Reads the YAML text. What it cannot understand becomes a problem with its line;
/// the rest is still read. `is_private`: secrets may stand in it. Pure.
SettingsFile read_settings_file(const std::string& text, const std::string& file_name,
                                bool is_private, SettingsFindings& findings);

}  // namespace dolibarr_backup
