#include "dolibarr/ledger_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

#include "dolibarr/database_facts.h"
#include "dolibarr/pg_cursor.h"
#include "dolibarr/pg_login.h"
#include "dolibarr/pg_session.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

constexpr int kRowsPerFetch = 100;  // a row of the legal log holds a whole invoice
constexpr size_t kGreatestShown = 80;

/// A table that only grows.
struct GrowingTable {
  std::string name;
  std::vector<std::string> left_out;
  std::string validated;  ///< the column without which a row does not count; "" if all do
  std::vector<std::pair<std::string, std::string>> titles;  ///< column, and its word for people
};

const std::vector<GrowingTable>& growing_tables() {
  static const std::vector<GrowingTable> tables = {
      {kLegalLog, {"tms"}, "", {{"action", "action"}, {"ref_object", "ref"}}},
      {kLedger,
       {"lettering_code", "date_lettering", "date_export", "tms", "fk_user_modif"},
       "date_validated",
       {{"piece_num", "piece_num"}, {"code_journal", "journal"}}}};
  return tables;
}

const GrowingTable& growing_table(const std::string& name) {
  for (const GrowingTable& table : growing_tables())
    if (table.name == name) return table;
  throw Error(Errc::bug, "not a table that only grows: " + name);
}

std::optional<std::string> find_growing(PgConnection& connection, const DatabaseSettings& settings,
                                        const GrowingTable& table) {
  std::vector<std::string> needed = {"rowid"};
  if (!table.validated.empty()) needed.push_back(table.validated);
  return find_table(connection, settings.table_prefix + table.name, needed);
}

std::string greatest_of(const GrowingTable& table) {
  return table.validated.empty() ? "''"
                                 : fmt::format("coalesce(max({})::text, '')", table.validated);
}

std::string counted_rows(const GrowingTable& table, const GrowingDigest* up_to) {
  std::string condition = "true";
  if (!table.validated.empty()) condition = table.validated + " IS NOT NULL";
  if (up_to) condition += fmt::format(" AND rowid <= {}", up_to->greatest_rowid);
  if (up_to && !up_to->validated_until.empty())
    condition += fmt::format(" AND {} <= {}", table.validated,
                             quote_literal(up_to->validated_until) + "::timestamp");
  return condition;
}

// Sums of both halves of each row's MD5, as the fingerprint of a table has them; but of a
// row's members by name, so that columns may come and change places.
std::string digest_query(const GrowingTable& table, const std::string& sql_name,
                         const GrowingDigest* up_to) {
  std::string row = "to_jsonb(t)";
  for (const std::string& column : table.left_out) row += " - " + quote_literal(column);
  return fmt::format(
      "SELECT count(*), coalesce(max(rowid), 0), {0}, "
      "coalesce(sum(('x' || left(hash, 16))::bit(64)::int8), 0), "
      "coalesce(sum(('x' || right(hash, 16))::bit(64)::int8), 0) FROM (SELECT t.*, "
      "md5(convert_to(jsonb_strip_nulls({1})::text, CASE getdatabaseencoding() "
      "WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)) AS hash FROM {2} t WHERE {3} OFFSET 0) "
      "AS hashed",
      greatest_of(table), row, sql_name, counted_rows(table, up_to));
}

GrowingDigest read_digest(const PgResult& result) {
  GrowingDigest digest;
  digest.rows = static_cast<uint64_t>(result.integer(0, 0));
  digest.greatest_rowid = result.integer(0, 1);
  digest.validated_until = result.text(0, 2);
  digest.digest =
      sha256_hex(fmt::format("{} {} {}", digest.rows, result.view(0, 3), result.view(0, 4)));
  return digest;
}

/// One database's rows of a table, in order of rowid.
class RowStream {
 public:
  RowStream(PgConnection& connection, const std::string& sql_name,
            const std::vector<std::string>& columns, const std::string& condition)
      : cursor_(connection, "growing_rows", query(sql_name, columns, condition), kRowsPerFetch) {}

  void next(const std::stop_token& stop) { more_ = cursor_.next(stop); }
  bool more() const { return more_; }
  int64_t rowid() const { return cursor_.integer(0); }
  bool is_null(size_t column) const { return cursor_.is_null(static_cast<int>(column) + 1); }
  std::string_view value(size_t column) const { return cursor_.view(static_cast<int>(column) + 1); }

 private:
  static std::string query(const std::string& sql_name, const std::vector<std::string>& columns,
                           const std::string& condition) {
    std::string list = "rowid";
    for (const std::string& column : columns) list += ", " + quote_name(column) + "::text";
    return fmt::format("SELECT {} FROM {} WHERE {} ORDER BY rowid", list, sql_name, condition);
  }
  PgCursor cursor_;
  bool more_ = false;
};

// "100.00000000" as "100.00".
std::string shown_value(const RowStream& rows, size_t column) {
  if (rows.is_null(column)) return "(nothing)";
  std::string text(rows.value(column));
  const size_t point = text.find('.');
  const bool decimal = point != std::string::npos && point > 0 && point + 3 < text.size() &&
                       text.find_first_not_of("-0123456789.") == std::string::npos;
  if (decimal) text.resize(std::max(text.find_last_not_of('0') + 1, point + 3));
  return text.empty() ? "(nothing)" : text;
}

/// Merges two streams of rows and names where they differ.
class RowComparison {
 public:
  RowComparison(const GrowingTable& table, std::string title, std::vector<std::string> columns,
                std::string validated_until, size_t greatest)
      : table_(table),
        title_(std::move(title)),
        columns_(std::move(columns)),
        validated_until_(std::move(validated_until)),
        greatest_(greatest) {}

  std::vector<std::string> compare(RowStream& before, RowStream& now, const std::stop_token& stop) {
    before.next(stop);
    now.next(stop);
    while (before.more() && names_.size() < greatest_) {
      if (!now.more() || before.rowid() < now.rowid()) {
        name(before, "gone");
        before.next(stop);
      } else if (now.rowid() < before.rowid()) {
        judge_newcomer(now);
        now.next(stop);
      } else {
        compare_row(before, now);
        before.next(stop);
        now.next(stop);
      }
    }
    return std::move(names_);
  }

 private:
  void name(const RowStream& rows, const std::string& what) {
    std::vector<std::string> titles;
    for (const auto& [column, word] : table_.titles)
      if (const auto found = std::find(columns_.begin(), columns_.end(), column);
          found != columns_.end())
        titles.push_back(fmt::format(
            "{} {}", word, shown_value(rows, static_cast<size_t>(found - columns_.begin()))));
    names_.push_back(fmt::format("{} rowid {}: {}", title_, rows.rowid(), what));
    if (!titles.empty()) names_.back() += fmt::format(" ({})", fmt::join(titles, ", "));
  }
  // A row between those that were there. Of the ledger it may be a line validated since.
  void judge_newcomer(const RowStream& now) {
    if (table_.validated.empty()) return name(now, "inserted among rows that were there");
    const auto found = std::find(columns_.begin(), columns_.end(), table_.validated);
    const auto column = static_cast<size_t>(found - columns_.begin());
    if (now.is_null(column) || now.value(column) > validated_until_) return;
    name(now, fmt::format("was not validated then, but says it was at {}", now.value(column)));
  }
  void compare_row(const RowStream& before, const RowStream& now) {
    std::vector<std::string> differences;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (before.is_null(i) == now.is_null(i) && before.value(i) == now.value(i)) continue;
      const bool too_long = std::max(before.value(i).size(), now.value(i).size()) > kGreatestShown;
      differences.push_back(too_long ? columns_[i] + " changed"
                                     : fmt::format("{} {} -> {}", columns_[i],
                                                   shown_value(before, i), shown_value(now, i)));
    }
    if (!differences.empty()) name(before, fmt::format("{}", fmt::join(differences, ", ")));
  }

  const GrowingTable& table_;
  std::string title_;
  std::vector<std::string> columns_;
  std::string validated_until_;
  size_t greatest_;
  std::vector<std::string> names_;
};

std::vector<std::string> common_columns(PgConnection& before, const std::string& table_before,
                                        PgConnection& now, const std::string& table_now,
                                        const std::vector<std::string>& left_out) {
  const auto mine = columns_of(before, table_before), theirs = columns_of(now, table_now);
  std::vector<std::string> common;
  for (const std::string& column : mine)
    if (theirs.contains(column) && column != "rowid" &&
        std::find(left_out.begin(), left_out.end(), column) == left_out.end())
      common.push_back(column);
  return common;
}

PgConnection open_pinned(const DatabaseSettings& settings, const std::stop_token& stop) {
  PgConnection connection = log_in(settings, stop);
  begin_pinned(connection, "", settings.lock_wait);
  return connection;
}

}  // namespace

GrowingDigests growing_digests(const DatabaseSettings& settings, const GrowingDigests& up_to,
                               const std::stop_token& stop) {
  PgConnection connection = open_pinned(settings, stop);
  GrowingDigests digests;
  for (const GrowingTable& table : growing_tables()) {
    const auto sql_name = find_growing(connection, settings, table);
    if (!sql_name) continue;
    const auto bound = up_to.find(table.name);
    const std::string query =
        digest_query(table, *sql_name, bound == up_to.end() ? nullptr : &bound->second);
    digests[table.name] = read_digest(connection.query(query, {}, stop));
  }
  return digests;
}

std::vector<std::string> differing_rows(const DatabaseSettings& before, const DatabaseSettings& now,
                                        const std::string& what, size_t greatest,
                                        const std::stop_token& stop) {
  const GrowingTable& table = growing_table(what);
  PgConnection before_session = open_pinned(before, stop), now_session = open_pinned(now, stop);
  const auto before_name = find_growing(before_session, before, table);
  const auto now_name = find_growing(now_session, now, table);
  const std::string title = before.table_prefix + what;
  if (!before_name) return {};
  if (!now_name) return {title + ": the whole table is gone"};
  std::vector<std::string> columns =
      common_columns(before_session, *before_name, now_session, *now_name, table.left_out);
  const std::string validated_until =
      before_session
          .query(fmt::format("SELECT {} FROM {}", greatest_of(table), *before_name), {}, stop)
          .text(0, 0);
  RowStream before_rows(before_session, *before_name, columns, counted_rows(table, nullptr));
  RowStream now_rows(now_session, *now_name, columns, "true");
  return RowComparison(table, title, std::move(columns), validated_until, greatest)
      .compare(before_rows, now_rows, stop);
}

}  // namespace dolibarr_backup
