#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/discovery.h"
#include "core/status.h"

namespace dolibarr_backup {

/// For people, and below it one line for each environment that scripts can read; `brief`:
/// only those.
std::string status_text(const std::vector<EnvironmentStatus>& statuses,
                        const std::optional<Discovery>& discovery, bool brief);

}  // namespace dolibarr_backup
