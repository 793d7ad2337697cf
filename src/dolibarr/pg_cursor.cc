#include "dolibarr/pg_cursor.h"

#include <fmt/format.h>

namespace dolibarr_backup {

PgCursor::PgCursor(PgConnection& connection, std::string name, const std::string& query, int batch)
    : connection_(connection), name_(std::move(name)), batch_(batch) {
  connection_.query(fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", name_, query));
}

bool PgCursor::next(const std::stop_token& stop) {
  if (rows_ && ++row_ < rows_->rows()) return true;
  if (rows_ && rows_->rows() == 0) return false;
  rows_.reset();  // not two batches at once
  rows_.emplace(connection_.query(fmt::format("FETCH {} FROM {}", batch_, name_), {}, stop));
  row_ = 0;
  if (rows_->rows() == 0) connection_.query("CLOSE " + name_);
  return rows_->rows() > 0;
}

std::set<std::string, std::less<>> columns_of(PgConnection& connection,
                                              const std::string& sql_name) {
  const PgResult rows = connection.query(
      "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 "
      "AND NOT attisdropped",
      {sql_name});
  std::set<std::string, std::less<>> columns;
  for (int row = 0; row < rows.rows(); ++row) columns.insert(rows.text(row, 0));
  return columns;
}

}  // namespace dolibarr_backup
