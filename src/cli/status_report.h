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
/// docs/json.md. Additive.
std::string status_json(const std::vector<EnvironmentStatus>& statuses,
                        const std::optional<Discovery>& discovery);

}  // namespace dolibarr_backup
