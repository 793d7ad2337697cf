#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What changes in a Dolibarr database although nobody did any business: logins,
/// scheduled jobs, tokens that renew themselves. Left out of business digests, so
/// that a quiet day uploads nothing; never left out of a dump nor of rows digests.
/// Pure data and pure functions.
namespace dolibarr_backup {

/// Raise it whenever an entry changes: fingerprints of different versions differ.
inline constexpr int kVolatileListVersion = 1;

/// One entry. Neither columns nor rows: the whole table.
struct VolatileEntry {
  std::string_view table;                  ///< without the table prefix
  std::vector<std::string_view> columns;   ///< left out of every row
  std::string_view row_column;             ///< rows whose text here ...
  std::vector<std::string_view> row_like;  ///< ... fits one of these LIKE patterns are left out
  std::string_view reason;
};

/// The list, by table. Something durable never stands in it: when in doubt, a
/// needless upload is the better mistake.
std::span<const VolatileEntry> volatile_list();

/// What the list means for one table as it is in this database.
struct VolatilePart {
  bool whole_table = false;
  std::vector<std::string> columns;  ///< that exist, in the list's order
  std::string row_column;            ///< "" if no rows are left out
  std::vector<std::string> row_like;
  bool empty() const { return !whole_table && columns.empty() && row_column.empty(); }
  /// Rows come and go by themselves, so the sequence behind the table moves too.
  bool moves_sequence() const { return whole_table || !row_column.empty(); }
  bool operator==(const VolatilePart&) const = default;
};

/// `table` with its prefix; what the list names and `columns` lacks is passed over.
VolatilePart volatile_part(std::string_view table, std::string_view prefix,
                           const std::set<std::string, std::less<>>& columns);

/// The condition, in SQL, under which a row counts; "true" if all do. `alias` is
/// an SQL name of the row.
std::string durable_row_condition(const VolatilePart& part, std::string_view alias);

/// "1-" and eight hexadecimal digits: version and hash of the list as applied with
/// this prefix. Goes into Fingerprint.volatile_list.
std::string volatile_list_id(std::string_view prefix);

}  // namespace dolibarr_backup
