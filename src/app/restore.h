#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "app/catalog.h"
#include "app/point.h"
#include "base/error.h"
#include "base/progress.h"
#include "core/settings.h"
#include "dolibarr/database_restore.h"
#include "dolibarr/neutralize.h"
#include "dolibarr/tree_exchange.h"

namespace dolibarr_backup {

/// Where a restore goes: an environment's own places, or others.
struct RestoreTarget {
  std::optional<DatabaseSettings> database;
  std::optional<std::string> documents;  ///< absolute path
  /// The environment whose places these are, if they are one's; its identity is recorded.
  const EnvironmentSettings* environment = nullptr;
};

struct RestoreOptions {
  std::optional<Instant> as_of;
  std::set<Half> halves = {Half::db, Half::docs};
  bool accept_unproven = false;  ///< torn pairs, single halves, archives without manifests
  bool dry_run = false;
  std::string work_folder = "/var/tmp";  ///< where a large dump may lie meanwhile
  /// Makes the database a harmless copy before it takes the target's place.
  std::optional<Neutralization> neutralize;
};

/// What became, or would become, of one half.
struct RestoredHalf {
  ArchiveEntry archive;
  Instant taken;
  std::string target;      ///< for people
  bool exists = false;     ///< something stands there and is replaced
  bool restored = false;   ///< exchanged
  std::string kept_aside;  ///< where the old one is; "" if there was none
  uint64_t count = 0;      ///< rows or files, proven equal
  uint64_t size = 0;       ///< bytes of content (docs)
  double seconds = 0;
};

struct RestoreReport {
  ChosenPoint point;
  std::map<Half, RestoredHalf> halves;
  std::vector<std::string> notes;            ///< known before it begins
  std::vector<std::string> staging_notes;    ///< what an earlier restore had left, and became of it
  std::vector<NeutralizedStep> neutralized;  ///< planned; once the db half is restored, done
  std::optional<Error> failure;  ///< the targets are as they were unless `restored` says otherwise
};

/// Brings a point back. Both halves are made beside their targets and proven equal to what
/// was backed up before the first is exchanged; then the database, then the documents. What
/// was there before is kept aside. `announce` sees the plan before anything is made.
///
/// Throws Errc::refused if no point fits or a target may not be written to, Errc::usage for
/// a target without a place for a wanted half. Later failures are in the report.
RestoreReport restore(Catalog& catalog, const RestoreTarget& target, const RestoreOptions& options,
                      const std::function<void(const RestoreReport&)>& announce,
                      const std::function<Instant()>& clock, Progress& progress,
                      const std::stop_token& stop);

/// Writes down in the target environment's own records what came into its places and from
/// where, and whose backups its prefix holds from now on: its next backup is accepted.
/// `source`: the environment that the archives are of.
void record_restore(Catalog& target, const EnvironmentSettings& environment,
                    const std::string& source, const RestoreReport& report, Instant now);

/// What restores left at the target: half-done, or kept aside.
struct RestoreLeftovers {
  std::vector<std::string> databases;
  TreeLeftovers trees;
  std::optional<Error> failure;  ///< the discard ended there: what is named is gone, no more
};
/// Names them and, unless `dry_run`, removes them: what was kept aside is gone then. Errc::refused,
/// and nothing is removed of either half, if a restore of the target is at work or was broken off
/// in its exchange.
RestoreLeftovers discard_leftovers(const RestoreTarget& target, bool dry_run);

}  // namespace dolibarr_backup
