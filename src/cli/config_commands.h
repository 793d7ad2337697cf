#pragma once

#include <string>

#include "core/settings.h"

namespace dolibarr_backup {

/// What `config show` prints: every setting with its value and where it came from,
/// then the problems and warnings; as JSON: docs/json.md. Holds no secret.
std::string config_show(const SettingsResult& result, bool json);

/// Writes the commented settings file to `target`, readable by its owner only, and
/// returns what to do next; the text itself if `target` is "". Throws Errc::config
/// if there is such a file already (it stays as it is) or it cannot be written.
std::string config_init(const std::string& target);

}  // namespace dolibarr_backup
