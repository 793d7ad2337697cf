#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/catalog.h"
#include "app/point.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/secret.h"
#include "core/settings.h"

namespace dolibarr_backup {

struct DrillOptions {
  std::optional<Instant> as_of;
  std::string work_folder;  ///< where the trial restore goes; it is removed again
  Secret conf_key;          ///< conf.php's key; empty: encrypted values are not tried
};

/// One thing that a drill looked at.
struct Proof {
  enum class Outcome {
    proven,
    warning,  ///< true of the instance rather than of its backup; to be looked at
    failed,
    untold,  ///< could not be told, and why
  };
  std::string name;  ///< "database", "documents", "index", "legal log", ...
  Outcome outcome = Outcome::proven;
  std::string text;                   ///< numbers, for people
  std::vector<std::string> culprits;  ///< rows and files by name
};
std::string_view name_of(Proof::Outcome outcome);

struct DrillReport {
  RunRecord record;
  ChosenPoint point;
  std::vector<Proof> proofs;
  double restore_seconds = 0;    ///< from the first byte fetched to both halves restored
  std::optional<Error> failure;  ///< Errc::unproven if any proof failed, else what ended it
};

/// Restores the newest good point (or that of `as_of`) into a PostgreSQL server of its own and
/// a temporary folder, and proves: rows, schema and files are those of the manifests; the
/// documents are those that the database knows; the legal log's chain holds; nothing of the
/// legal log or the validated ledger changed or went since the last drill; the key opens what
/// is encrypted. The result is a run record. Nothing of the environment's database or
/// documents is touched.
///
/// Throws Errc::refused if there is no point, Errc::interrupted; what else ends it, such as a
/// server that is not installed, is the report's failure.
DrillReport drill(Catalog& catalog, const EnvironmentSettings& environment,
                  const DrillOptions& options, const std::function<Instant()>& clock,
                  Progress& progress, const std::stop_token& stop);

}  // namespace dolibarr_backup
