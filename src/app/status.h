#pragma once

#include "app/catalog.h"
#include "app/list.h"
#include "core/settings.h"
#include "core/status.h"

namespace dolibarr_backup {

/// So many of the newest run records are read, whatever the prefix holds: more than a year of
/// nightly runs. Where runs come more often, all those since judged_since() are.
inline constexpr size_t kStatusRecords = 400;

/// What the prefix holds, and how it stands.
struct JudgedListing {
  Listing listing;
  EnvironmentStatus status;
};

/// How the environment's backups stand at `now`, with what they were judged by. Only reads.
JudgedListing judge_environment(Catalog& catalog, const EnvironmentSettings& environment,
                                Instant now);
/// The judgement alone.
EnvironmentStatus environment_status(Catalog& catalog, const EnvironmentSettings& environment,
                                     Instant now);

/// The facts that it is judged by. Of the newest records `count` are read, and as many more as
/// it takes to find the last success of each half. What is returned points into the catalog.
StatusFacts gather_status(Catalog& catalog, const EnvironmentSettings& environment,
                          const Listing& listing, size_t count);

}  // namespace dolibarr_backup
