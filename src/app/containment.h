#pragma once

#include "core/settings.h"

namespace dolibarr_backup {

/// Throws Errc::config if a directory store lies inside the documents tree or
/// around it, symbolic links resolved: each backup would hold all before it.
void require_store_apart(const EnvironmentSettings& environment);

}  // namespace dolibarr_backup
