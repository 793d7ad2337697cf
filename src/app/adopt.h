#pragma once

#include <string>
#include <vector>

#include "app/catalog.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// Takes over what the reference script wrote under the prefix: from now on its
/// archives are listed, kept, pruned and restored like ours, also those newer
/// than our first run. Writes a record; nothing if there is nothing to adopt.
/// Returns the keys adopted now.
std::vector<std::string> adopt(Catalog& catalog, const EnvironmentSettings& environment,
                               bool dry_run, Instant now);

}  // namespace dolibarr_backup
