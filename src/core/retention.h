#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "core/object_keys.h"

/// Which archives stay (docs/format.md, "Retention"). Pure.
namespace dolibarr_backup {

struct RetentionPolicy {
  int days = 30;
  int months = 12;
  int years = 11;
  unsigned fiscal_year_end_month = 12;  ///< the fiscal year ends with the last moment of
  unsigned fiscal_year_end_day = 31;    ///< this day; 29 February means the month's last day
  bool operator==(const RetentionPolicy&) const = default;
};

enum class Tier { newest, daily, monthly, yearly };
std::string_view name_of(Tier tier);

/// An instant whose state must stay restorable.
struct KeptInstant {
  Tier tier;
  Instant instant;    ///< the last second of the period
  std::string label;  ///< "2026-06-30", "2026-06", "fiscal year 2026"
  bool operator==(const KeptInstant&) const = default;
};

/// now; the end of each of the last `days` completed days, `months` completed
/// months, `years` completed fiscal years, in `time_zone` (IANA name; throws
/// Errc::config if unknown). Newest first within each tier.
std::vector<KeptInstant> kept_instants(const RetentionPolicy& policy, Instant now,
                                       const std::string& time_zone);

/// The end of a bare date ("2026-03-31") in `time_zone`, or an RFC 3339 time;
/// throws Errc::usage otherwise.
Instant parse_as_of(std::string_view text, const std::string& time_zone);

/// What a run record says of a pair, or of a single half where the other has none yet.
struct PairAt {
  Instant at;                           ///< the record's time
  std::optional<std::string> db, docs;  ///< archive keys
  bool operator==(const PairAt&) const = default;
};

struct StoredArchive {
  std::string key;
  Half half = Half::db;
  Instant taken;
  uint64_t size = 0;
};

struct Retention {
  struct Decision {
    StoredArchive archive;
    bool keep = true;
    std::vector<std::string> reasons;  ///< why it stays, or the one why it goes
  };
  std::vector<Decision> decisions;  ///< in the order of the archives given
};

struct RetentionInput {
  std::vector<StoredArchive> archives;  ///< in force, both halves
  /// For each kept instant: the newest good pair at or before it, if any.
  std::vector<std::pair<KeptInstant, std::optional<PairAt>>> kept;
  std::map<std::string, std::string> holds;  ///< archive key -> why
};

/// Keeps an archive that a kept instant's pair names, the newest of each half,
/// and whatever is held. Where an instant has no good pair, the newest archive
/// of each half at or before it is kept instead.
Retention decide_retention(const RetentionInput& input);

}  // namespace dolibarr_backup
