#pragma once

#include <string>

#include "core/object_keys.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// RESTORE.txt: how to restore with pg_restore, tar and sha256sum, without us.
std::string restore_text(const EnvironmentSettings& environment, const KeySpace& keys);

}  // namespace dolibarr_backup
