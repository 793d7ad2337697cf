#pragma once

#include <cstdint>
#include <string>

#include "core/manifest.h"
#include "dolibarr/pg_connection.h"
#include "dolibarr/table_list.h"

/// The digests of one table's rows (docs/format.md, "Fingerprints", exact-1). They
/// depend on nothing but what the rows are: a row is hashed as text, and the sums of
/// both halves of its MD5 do not know an order, so that page ranges add up.
namespace dolibarr_backup {

/// A range of a table's pages; the whole table if `end` is 0.
struct PageRange {
  uint64_t begin = 0;
  uint64_t end = 0;   ///< one past the last page
  bool last = false;  ///< whatever lies behind belongs to it
};

/// Sums over some rows of one table; they add up.
struct RowSums {
  uint64_t rows = 0;
  __int128 first = 0, second = 0;  ///< of both halves of each row's MD5, as signed numbers
  RowSums& operator+=(const RowSums& more);
  /// 64 hexadecimal digits.
  std::string digest() const;
};

struct TableSums {
  RowSums all;      ///< every row, every column
  RowSums durable;  ///< without what the volatile list leaves out
  TableSums& operator+=(const TableSums& more);
};

/// The query whose one row read_table_sums() understands.
std::string table_sums_query(const PgTable& table, const PageRange& range);
TableSums read_table_sums(const PgTable& table, const PgResult& result);

/// "tms" mode: the count and the greatest tms, or "" for a table that has none or that
/// the earlier script left out.
std::string tms_query(const PgTable& table);

}  // namespace dolibarr_backup
