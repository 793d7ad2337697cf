#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/discovery.h"
#include "core/status.h"

namespace dolibarr_backup {

/// docs/json.md. Additive.
std::string status_json(const std::vector<EnvironmentStatus>& statuses,
                        const std::optional<Discovery>& discovery);

/// The first environment of such a text, as a pod of the same version told it. Throws
/// Errc::cluster for any other text.
EnvironmentStatus read_status_json(const std::string& text);

}  // namespace dolibarr_backup
