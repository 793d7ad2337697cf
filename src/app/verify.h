#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/catalog.h"
#include "base/error.h"
#include "base/progress.h"
#include "core/run_record.h"
#include "core/settings.h"

namespace dolibarr_backup {

struct VerifyOptions {
  bool quick = false;  ///< names, sizes and the chain of records; no archive is read
  /// Read archives until this share of all their bytes was read, those that were not
  /// verified for the longest time first: 1/30 a day covers everything in a month.
  double share = 1.0;
};

/// One thing that is not as it was stored.
struct VerifyFinding {
  std::string key;      ///< the object
  std::string problem;  ///< for people
};

struct VerifyReport {
  RunRecord record;
  uint64_t archives = 0;  ///< in force
  uint64_t read = 0;      ///< of these, read whole by this run
  uint64_t read_bytes = 0;
  uint64_t never_read = 0;  ///< never verified by any run, this one included
  std::vector<VerifyFinding> findings;
  std::optional<Error> failure;  ///< Errc::corrupt if anything was found
};

/// Whether what lies in the store is what was stored. Quick: each archive in force and
/// its manifest are there with their recorded sizes, each run record can be read, is
/// this environment's, and is the one that later records refer to. Else also, archive
/// by archive: the manifest's digest, the archive's digest, gzip's checksums, and that a dump
/// begins as one.
///
/// What it found is recorded, also if it is interrupted: the next run goes on, and a
/// backup takes anew what was damaged. Throws Errc::store if the store fails.
VerifyReport verify(Catalog& catalog, const EnvironmentSettings& environment,
                    const VerifyOptions& options, const std::function<Instant()>& clock,
                    Progress& progress, const std::stop_token& stop);

}  // namespace dolibarr_backup
