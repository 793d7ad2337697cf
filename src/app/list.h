#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/catalog.h"
#include "core/settings.h"

namespace dolibarr_backup {

struct ListedArchive {
  CatalogArchive archive;
  std::vector<std::string> reasons;  ///< why it stays: tiers, holds; empty if it would go
  std::optional<Instant> confirmed;  ///< newest run that found its half unchanged since
  std::optional<std::string> held;
};

/// A pair that can be restored: from when it came into force until it was last confirmed.
struct ListedPoint {
  RunId run;  ///< the run that made it
  Instant since, confirmed;
  std::string db, docs;  ///< archive keys
  PairJudgement judgement = PairJudgement::none;
  std::optional<Instant> proven;  ///< newest drill that succeeded; looked up of the newest point
};

struct Listing {
  std::string environment, prefix, store;
  Instant now;
  std::vector<ListedPoint> points;      ///< newest first; torn ones included and labelled
  std::vector<ListedArchive> archives;  ///< newest first; in force
  std::vector<ListedArchive> orphans;   ///< ours, no record names them
  std::vector<ListedArchive> foreign;   ///< of another tool, newer than our first run
  std::vector<ObjectInfo> not_ours;
  std::vector<PendingUpload> uploads;
  std::optional<RunId> last_run;
  std::optional<RunResult> last_result;
};

/// What the prefix holds; app/status judges it. Only reads.
Listing list_environment(Catalog& catalog, const EnvironmentSettings& environment, Instant now);

}  // namespace dolibarr_backup
