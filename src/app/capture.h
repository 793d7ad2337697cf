#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>

#include "app/look.h"
#include "app/pending_archive.h"
#include "core/run_record.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// What one attempt captured: everything is in the store, nothing is visible.
/// Destruction aborts what was not completed.
struct Capture {
  std::map<Half, std::unique_ptr<PendingArchive>> pending;
  std::map<Half, Error> failures;
  std::optional<DocumentsCapture> docs;
};

/// What the manifests say beside what the look saw.
struct CaptureContext {
  const EnvironmentSettings& environment;
  ObjectStore& store;
  const KeySpace& keys;
  RunId run;
  std::map<Half, uint64_t> expected_bytes;
};

/// The data path: streams the wanted halves of `look` into the store, both at
/// once, in bounded memory. A half that fails stands in `failures`; throws only
/// Errc::interrupted.
Capture capture_halves(const Look& look, const std::set<Half>& wanted,
                       const CaptureContext& context, Progress& progress,
                       const std::stop_token& stop);

}  // namespace dolibarr_backup
