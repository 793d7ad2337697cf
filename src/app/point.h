#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/catalog.h"
#include "core/run_record.h"

namespace dolibarr_backup {

/// What a restore starts from: archives that are listed, as the records vouch for them.
struct ChosenPoint {
  Instant at;                ///< of the run, or of the newer of two single archives
  std::optional<RunId> run;  ///< whose record names the pair; none of single archives
  std::optional<ArchiveEntry> db, docs;
  PairJudgement judgement = PairJudgement::none;
  bool reference = false;            ///< one of them is of the reference script: no manifest
  std::vector<std::string> damaged;  ///< keys of these that were found damaged
  /// Archives of newer good pairs that could not be taken: damaged, of another size than
  /// recorded, without their manifest or, where no time was given, gone.
  std::vector<std::string> passed_over;
};

/// The newest good pair at or before `as_of` (now, if not given) whose archives are there,
/// with their recorded sizes, and were not found damaged.
/// If there is none and `accept_unproven`: the newest pair that is torn, incomplete or damaged,
/// else the newest archive of each half in force then, also of the reference script.
/// Errc::refused, with a hint that tells what there is, if nothing fits.
ChosenPoint choose_point(Catalog& catalog, std::optional<Instant> as_of, bool accept_unproven);

/// The newest docs archive in force at `as_of` (now, if not given), whatever its pair:
/// `db` stays empty, `judgement` none. Errc::refused if there is none.
ChosenPoint choose_documents(Catalog& catalog, std::optional<Instant> as_of);

/// What the run record vouches for of an archive in force; without sha256 and manifest
/// if it is of the reference script. nullopt if it is not there or not in force.
std::optional<ArchiveEntry> archive_entry(Catalog& catalog, const std::string& archive_key);

}  // namespace dolibarr_backup
