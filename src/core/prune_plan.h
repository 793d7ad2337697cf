#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "core/retention.h"

/// What a prune would remove, decided before anything is removed. Pure.
namespace dolibarr_backup {

/// One object to remove.
struct PruneStep {
  std::string key;
  uint64_t bytes = 0;
  std::string reason;
  bool operator==(const PruneStep&) const = default;
};

/// One unfinished upload to abort.
struct AbortStep {
  std::string key, id;
  std::string reason;
  bool operator==(const AbortStep&) const = default;
};

struct PrunePlan {
  std::vector<PruneStep> steps;  ///< in order: each archive before its manifest
  std::vector<AbortStep> aborts;
  std::vector<std::string> refusals;  ///< why the plan must not run; empty: it may
};

/// An object of ours that no run record vouches for.
struct StrayObject {
  std::string key;
  uint64_t bytes = 0;
  Instant begun;  ///< of the run that made it, or when it was stored, if later
  Half half = Half::db;
  bool manifest = false;  ///< goes with its archive
};

struct PendingUploadInfo {
  std::string key, id;
  Instant started;
};

/// An archive in force and the manifest that goes with it.
struct PruneCandidate {
  StoredArchive archive;
  std::string reason;    ///< why it goes
  std::string manifest;  ///< "" if it has none
  uint64_t manifest_bytes = 0;
};

struct PruneInput {
  Instant now;
  std::vector<PruneCandidate> dropped;
  uint64_t archives_db = 0, archives_docs = 0;  ///< in force, the dropped ones included
  std::vector<StrayObject> orphans;  ///< archives of ours without a record, and their manifests
  std::vector<StrayObject> lone_manifests;  ///< manifests whose archive is gone
  std::vector<PendingUploadInfo> uploads;
  std::chrono::hours orphan_grace{72};
  std::chrono::hours uploads_older_than{24};
  int max_prune_percent = 50;  ///< of one half's archives
  bool force = false;          ///< the share and what cannot be read are no reasons to refuse
  bool no_records = false;     ///< no run record of ours at all
  uint64_t unreadable_records = 0;
};

PrunePlan plan_prune(const PruneInput& input);

/// Why dropping so many of a half's archives at once needs a person's word, if it does.
std::optional<std::string> too_large_share(Half half, uint64_t dropped, uint64_t in_force,
                                           int max_percent);

}  // namespace dolibarr_backup
