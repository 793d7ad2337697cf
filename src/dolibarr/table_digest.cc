#include "dolibarr/table_digest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dolibarr_backup {
namespace {

constexpr std::string_view kRow = "dolibarr_backup_row";

std::string half_sum(std::string_view side, std::string_view hash) {
  return fmt::format("sum(('x' || {}({}, 16))::bit(64)::int8)", side, hash);
}

std::string sums_of(std::string_view hash, std::string_view filter) {
  return fmt::format("count(*){2}, {0}{2}, {1}{2}", half_sum("left", hash), half_sum("right", hash),
                     filter);
}

// A database without an encoding (SQL_ASCII) holds bytes of any, hashed as they are.
std::string hash_of(const std::string& row) {
  return fmt::format(
      "md5(convert_to({}::text, CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' "
      "ELSE 'UTF8' END))",
      row);
}

// The row without the columns that the volatile list names.
std::string durable_row(const PgTable& table) {
  std::vector<std::string> columns;
  for (const std::string& column : table.columns) {
    const auto& left_out = table.volatile_part.columns;
    if (std::find(left_out.begin(), left_out.end(), column) == left_out.end())
      columns.push_back(fmt::format("{}.{}", kRow, quote_name(column)));
  }
  return fmt::format("ROW({})", fmt::join(columns, ","));
}

std::string condition_of(const PgTable& table, const PageRange& range) {
  if (!table.filter.empty()) return " " + table.filter;  // an extension's own "WHERE ..."
  if (range.end == 0) return "";
  std::string text = fmt::format(" WHERE {}.ctid >= '({},0)'::tid", kRow, range.begin);
  if (!range.last) text += fmt::format(" AND {}.ctid < '({},0)'::tid", kRow, range.end);
  return text;
}

// Sums of signed 64-bit numbers fit 127 bits for any number of rows that fits a disk.
__int128 read_sum(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  __int128 value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9')
      throw Error(Errc::bug, "not a sum from the database: '" + std::string(text) + "'");
    value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

RowSums read_sums(const PgResult& result, int column) {
  return {static_cast<uint64_t>(result.integer(0, column)), read_sum(result.view(0, column + 1)),
          read_sum(result.view(0, column + 2))};
}

}  // namespace

RowSums& RowSums::operator+=(const RowSums& more) {
  rows += more.rows;
  first += more.first;
  second += more.second;
  return *this;
}

TableSums& TableSums::operator+=(const TableSums& more) {
  all += more.all;
  durable += more.durable;
  return *this;
}

std::string RowSums::digest() const {
  const auto hex = [](__int128 value) {
    const auto bits = static_cast<unsigned __int128>(value);
    return fmt::format("{:016x}{:016x}", static_cast<uint64_t>(bits >> 64),
                       static_cast<uint64_t>(bits));
  };
  return hex(first) + hex(second);
}

std::string table_sums_query(const PgTable& table, const PageRange& range) {
  const VolatilePart& part = table.volatile_part;
  std::string sums = sums_of("a", "");
  std::string hashes = hash_of(fmt::format("({}.*)", kRow)) + " AS a";
  if (!part.empty()) {
    sums += ", " + sums_of("b", " FILTER (WHERE durable)");
    hashes += fmt::format(", {} AS b, {} AS durable", hash_of(durable_row(table)),
                          durable_row_condition(part, kRow));
  }
  // OFFSET 0 keeps the planner from computing each hash twice.
  return fmt::format("SELECT {} FROM (SELECT {} FROM ONLY {} AS {}{} OFFSET 0) AS hashed", sums,
                     hashes, table.sql_name(), kRow, condition_of(table, range));
}

TableSums read_table_sums(const PgTable& table, const PgResult& result) {
  const RowSums all = read_sums(result, 0);
  return {all, table.volatile_part.empty() ? all : read_sums(result, 3)};
}

std::string tms_query(const PgTable& table) {
  const auto& columns = table.columns;
  if (std::find(columns.begin(), columns.end(), "tms") == columns.end()) return "";
  if (!table.volatile_part.empty()) return "";
  return fmt::format("SELECT count(*), max(tms)::text FROM ONLY {}", table.sql_name());
}

}  // namespace dolibarr_backup
