#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "app/catalog.h"
#include "core/prune_plan.h"
#include "core/settings.h"
#include "store/object_store.h"

namespace dolibarr_backup {

struct PruneOptions {
  bool dry_run = false;
  bool force = false;             ///< overrides what may be overridden
  std::set<std::string> release;  ///< archives with an automatic hold that may go, by name or key
  /// Instead of the settings' grace: for unfinished uploads, and for orphans, which are
  /// uploads whose run did not live to record them.
  std::optional<std::chrono::hours> uploads_older_than;
};

struct PruneReport {
  PrunePlan plan;
  Retention retention;  ///< every archive in force with its reasons
  uint64_t removed = 0, removed_bytes = 0, aborted_uploads = 0;
  std::map<std::string, std::string> refused;  ///< key -> what the store answered (a lock)
};

/// Which archives in force stay and why: the retention of the settings over the
/// catalog, holds included, last copies not.
/// `released`: archives that automatic holds no longer keep.
Retention evaluate_retention(Catalog& catalog, const EnvironmentSettings& environment, Instant now,
                             const std::set<std::string>& released = {});

/// The kept instants of the settings, each with the newest good pair at or before it whose
/// archives are there.
std::vector<std::pair<KeptInstant, std::optional<PairAt>>> kept_pairs(
    Catalog& catalog, const EnvironmentSettings& environment, Instant now);

/// Plans, and unless dry_run executes that very plan. Throws Errc::refused with
/// the plan's refusals. What was removed is recorded in a run record of its own.
PruneReport prune(Catalog& catalog, const EnvironmentSettings& environment,
                  const PruneOptions& options, const std::function<Instant()>& clock,
                  const std::stop_token& stop);

}  // namespace dolibarr_backup
