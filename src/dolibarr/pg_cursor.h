#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {

/// The rows of a query one by one, fetched in batches, in the connection's transaction:
/// however many there are, memory holds one batch. Several may be open at once under
/// different names. Closed at its end; the connection must outlive it.
class PgCursor {
 public:
  /// `name` is a plain identifier; `batch` the rows of one fetch.
  PgCursor(PgConnection& connection, std::string name, const std::string& query, int batch);

  /// Moves to the next row; false at the end.
  bool next(const std::stop_token& stop);
  bool is_null(int column) const { return rows_->is_null(row_, column); }
  /// "" for null; valid until next().
  std::string_view view(int column) const { return rows_->view(row_, column); }
  std::string text(int column) const { return rows_->text(row_, column); }
  int64_t integer(int column) const { return rows_->integer(row_, column); }

 private:
  PgConnection& connection_;
  std::string name_;
  int batch_;
  std::optional<PgResult> rows_;
  int row_ = 0;
};

/// The columns of a table, given as find_table() names it.
std::set<std::string, std::less<>> columns_of(PgConnection& connection,
                                              const std::string& sql_name);

}  // namespace dolibarr_backup
