#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"

/// What the law lets only grow: rows of the legal log and validated lines of the ledger.
/// Two points in time are compared: what the earlier one had, the later one must have too,
/// unchanged.
namespace dolibarr_backup {

/// The names of what only grows; the tables have the prefix before it.
inline constexpr const char* kLegalLog = "blockedlog";
/// Lines with a date_validated. Left out, because they change after validation by right:
/// lettering_code, date_lettering (reconciling), date_export (exporting), tms and
/// fk_user_modif (who touched it last).
inline constexpr const char* kLedger = "accounting_bookkeeping";

/// Of all columns but those left out; of the legal log, tms (who touched it last). A column
/// that is null is as if it were not there, so that one which a later version adds without a
/// default changes nothing.
struct GrowingDigest {
  uint64_t rows = 0;
  int64_t greatest_rowid = 0;   ///< 0 if there are no rows
  std::string validated_until;  ///< the ledger's greatest date_validated; "" if it has none
  std::string digest;           ///< 64 hexadecimal digits; does not depend on the rows' order
  bool operator==(const GrowingDigest&) const = default;
};

/// By kLegalLog and kLedger; what the database lacks is not in it.
using GrowingDigests = std::map<std::string, GrowingDigest>;

/// Digests all rows, or, given an earlier point's digests, only those rows which that point
/// can have had: up to its greatest rowid and, of the ledger, its greatest date_validated,
/// since lines are not validated in order of rowid. The result equals `up_to` if, and but for
/// collisions of MD5 only if, no such row was edited, removed or inserted.
/// A line validated within the very second of the greatest date_validated, but after that
/// point, shows as a difference; differing_rows() then names it.
GrowingDigests growing_digests(const DatabaseSettings& settings, const GrowingDigests& up_to,
                               const std::stop_token& stop);

/// Compares two databases' rows of `what` one by one and names those that an earlier point
/// had and a later one has not, or has otherwise, and those that came between them:
/// "llx_accounting_bookkeeping rowid 5: debit 100.00 -> 120.00 (piece_num 12, journal VT)",
/// "llx_accounting_bookkeeping rowid 6: gone (piece_num 12, journal VT)". At most `greatest`.
/// Columns that only one of them has are passed over. Both are read as streams, in order of
/// rowid; memory is bounded by a batch of rows.
std::vector<std::string> differing_rows(const DatabaseSettings& before, const DatabaseSettings& now,
                                        const std::string& what, size_t greatest,
                                        const std::stop_token& stop);

}  // namespace dolibarr_backup
