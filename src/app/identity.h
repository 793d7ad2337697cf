#pragma once

#include <optional>

#include "app/catalog.h"
#include "core/run_record.h"
#include "core/settings.h"

namespace dolibarr_backup {

struct IdentityReport {
  std::optional<Identity> accepted;  ///< what the prefix holds the backups of
  Identity seen;                     ///< what the settings' database is
  bool changed = false;              ///< accept_identity() wrote it down
};

/// Compares the prefix's identity with the database's.
IdentityReport show_identity(Catalog& catalog, const EnvironmentSettings& environment);
/// Makes the database's identity the prefix's, by a run record.
IdentityReport accept_identity(Catalog& catalog, const EnvironmentSettings& environment,
                               Instant now);

}  // namespace dolibarr_backup
