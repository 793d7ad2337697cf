#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "core/legal_log.h"
#include "core/settings.h"

/// A proof that the legal log (llx_blockedlog) of a restored database is the one that
/// Dolibarr wrote.
namespace dolibarr_backup {

/// The last row of one entity: what a later copy of the log must still contain.
struct LegalLogHead {
  int64_t rowid = 0;
  std::string signature;
  bool operator==(const LegalLogHead&) const = default;
};

/// Where the time zone of a check came from.
enum class ZoneOrigin {
  given,    ///< by the caller, and most rows agree, or there is none to try
  found,    ///< by trying: rows agree with it
  assumed,  ///< most rows agree with no zone, or there is none to try
};

struct LegalLogReport {
  bool absent = false;  ///< the database has no such table: the module was never there
  LegalLogCounts counts;
  std::string time_zone;  ///< in which the rows' time stamps were read
  ZoneOrigin zone_origin = ZoneOrigin::assumed;
  std::vector<std::string> notes;         ///< for people
  std::map<int64_t, LegalLogHead> heads;  ///< by entity
  /// Nothing contradicts the chain. Not a proof of rows that need a key, are unverifiable,
  /// or were removed from the end, which only an earlier head can show.
  bool sound() const { return counts.broken == 0; }
};

/// Verifies every row of <prefix>blockedlog per entity in order of rowid, in one read-only
/// snapshot. `php_time_zone` is PHP's date.timezone, in which Dolibarr wrote its time
/// stamps; "" if not known. If it is not known or no row agrees with it, it is found by
/// trying all zones on a row of each week. In the hour that a change of clocks repeats,
/// both readings are tried, where Dolibarr itself tries only one.
///
/// Memory is bounded by a batch of rows. Throws PgError, Errc::source for a table that
/// lacks columns which every version has, Errc::config for an unknown zone.
LegalLogReport check_legal_log(const DatabaseSettings& settings, const std::string& php_time_zone,
                               const std::stop_token& stop);

}  // namespace dolibarr_backup
