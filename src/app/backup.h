#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>

#include "app/prune.h"
#include "base/error.h"
#include "base/progress.h"
#include "core/run_record.h"
#include "core/settings.h"
#include "store/object_store.h"

namespace dolibarr_backup {

struct BackupOptions {
  bool force = false;   ///< take both halves even if unchanged
  bool reread = false;  ///< read all documents and compare them with the last manifest
  bool prune = true;    ///< prune after a success
};

struct BackupReport {
  RunRecord record;                 ///< as stored
  std::map<Half, std::string> why;  ///< for each half: why it was taken or not
  std::optional<Error> failure;     ///< decides the exit code; nullopt: success
  std::optional<PruneReport> prune;
  std::optional<Error> prune_failure;  ///< the backup is safe all the same

  int uploaded() const;
  int unchanged() const;
};

/// One run (docs/architecture.md, "Life of a backup"): looks at both halves,
/// stores what changed as one consistent pair, commits it by a run record, prunes.
///
/// Once the run has begun it returns a report, whose record was stored if the
/// store still answers; before that it throws. No upload stays open on any way out.
BackupReport back_up(const EnvironmentSettings& environment, ObjectStore& store,
                     const BackupOptions& options, const std::function<Instant()>& clock,
                     Progress& progress, const std::stop_token& stop);

}  // namespace dolibarr_backup
