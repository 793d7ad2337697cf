#pragma once

#include "app/catalog.h"
#include "app/list.h"
#include "core/settings.h"
#include "core/status.h"

namespace dolibarr_backup {

/// So many of the newest run records are read at once, whatever the prefix holds: more than a
/// year of nightly runs. Verifies, drills and breaks of the chain are looked for in them.
inline constexpr size_t kStatusRecords = 400;

/// How the environment's backups stand at `now`. Only reads.
EnvironmentStatus environment_status(Catalog& catalog, const EnvironmentSettings& environment,
                                     Instant now);

/// The facts that it is judged by. Of the newest records `count` are read, and as many more as
/// it takes to find the last success of each half. What is returned points into the catalog.
StatusFacts gather_status(Catalog& catalog, const EnvironmentSettings& environment,
                          const Listing& listing, size_t count);

}  // namespace dolibarr_backup
