#include "dolibarr/table_list.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "dolibarr/pg_session.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kNamesShown = 20;

/// "a, b and 3 more".
std::string join_names(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kNamesShown);
  std::string text = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::vector<std::string> first_column(const PgResult& result) {
  std::vector<std::string> names;
  for (int row = 0; row < result.rows(); ++row) names.push_back(result.text(row, 0));
  return names;
}

/// Relations whose definition and rows pg_dump reads; an extension's configuration
/// tables are dumped by the condition that the extension gave.
std::string relations_query(std::string_view columns) {
  return fmt::format(R"({}, configuration AS (
  SELECT pg_catalog.unnest(e.extconfig) AS id, pg_catalog.unnest(e.extcondition) AS filter
  FROM pg_catalog.pg_extension e
), dumped AS (
  SELECT c.*, c.oid AS id, n.nspname, k.filter, k.id IS NOT NULL AS configures
  FROM pg_catalog.pg_class c JOIN space n ON n.oid = c.relnamespace
  LEFT JOIN configuration k ON k.id = c.oid
  WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
  AND (k.id IS NOT NULL OR c.oid IN (SELECT r.id FROM relation r))
)
SELECT {} FROM dumped d
)",
                     dumped_objects(), columns);
}

void require_readable(PgConnection& connection) {
  const PgResult denied =
      connection.query(relations_query("pg_catalog.format('%s.%s', d.nspname, d.relname)") + R"(
WHERE NOT pg_catalog.has_schema_privilege(d.relnamespace, 'USAGE')
OR NOT CASE d.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(d.id, 'SELECT')
       ELSE pg_catalog.has_table_privilege(d.id, 'SELECT') END
ORDER BY 1)");
  if (denied.rows() > 0)
    throw PgError("42501", "permission denied to read " + join_names(first_column(denied)));
  const PgResult hidden = connection.query(
      relations_query("pg_catalog.format('%s.%s', d.nspname, d.relname)") +
      "WHERE d.relrowsecurity AND pg_catalog.row_security_active(d.id) ORDER BY 1");
  if (hidden.rows() == 0) return;
  PgError error("42501",
                "row security policies would hide rows of " + join_names(first_column(hidden)));
  error.with_hint("back up as the tables' owner or as a role with BYPASSRLS");
  throw error;
}

/// Which of `names` somebody else holds exclusively, and who.
std::string describe_lock_holders(PgConnection& connection) {
  const PgResult holders = connection.query(R"(
SELECT pg_catalog.format('%s.%s (pid %s)', n.nspname, c.relname, l.pid)
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'S')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                  WHERE d.datname = pg_catalog.current_database())
AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() ORDER BY 1)");
  return holders.rows() == 0 ? "a table" : join_names(first_column(holders));
}

void lock(PgConnection& connection, const std::vector<std::string>& sql_names,
          const std::stop_token& stop) {
  if (sql_names.empty()) return;
  connection.query("SAVEPOINT before_locks");
  try {
    connection.query(
        fmt::format("LOCK TABLE ONLY {} IN ACCESS SHARE MODE", fmt::join(sql_names, ", ONLY ")), {},
        stop);
  } catch (const PgError& error) {
    if (error.sqlstate != "55P03") throw;
    connection.query("ROLLBACK TO SAVEPOINT before_locks");
    throw PgError(error.sqlstate,
                  "another session keeps locked " + describe_lock_holders(connection));
  }
}

/// The catalog rows are those of the snapshot, pg_relation_filenode() is of now. A
/// table truncated or rewritten in between would look empty to the snapshot.
void require_not_rewritten(PgConnection& connection) {
  const PgResult rewritten =
      connection.query(relations_query("pg_catalog.format('%s.%s', d.nspname, d.relname)") +
                       "WHERE d.relkind = 'r' AND d.relfilenode IS DISTINCT FROM "
                       "pg_catalog.pg_relation_filenode(d.id) ORDER BY 1");
  if (rewritten.rows() == 0) return;
  PgError error("", "changed while the snapshot was taken: " + join_names(first_column(rewritten)));
  error.with_hint("the tables were truncated or rewritten at this moment; try again");
  throw error;
}

std::map<uint32_t, std::vector<std::string>> columns_of_tables(PgConnection& connection) {
  const PgResult rows = connection.query(
      relations_query("a.attrelid, a.attname") +
      "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.id AND a.attnum > 0 AND NOT "
      "a.attisdropped WHERE d.relkind = 'r' ORDER BY a.attrelid, a.attnum");
  std::map<uint32_t, std::vector<std::string>> columns;
  for (int row = 0; row < rows.rows(); ++row)
    columns[static_cast<uint32_t>(rows.integer(row, 0))].push_back(rows.text(row, 1));
  return columns;
}

std::vector<PgSequence> list_sequences(PgConnection& connection) {
  const PgResult rows = connection.query(
      relations_query("d.id, d.nspname, d.relname, pg_catalog.format('%s.%s', n.nspname, "
                      "t.relname)") +
      R"(
LEFT JOIN pg_catalog.pg_depend o ON o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND o.objid = d.id AND o.refclassid = o.classid AND o.deptype IN ('a', 'i') AND o.refobjsubid > 0
LEFT JOIN pg_catalog.pg_class t ON t.oid = o.refobjid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
WHERE d.relkind = 'S' ORDER BY 2, 3)");
  std::vector<PgSequence> sequences;
  for (int row = 0; row < rows.rows(); ++row) {
    sequences.push_back({static_cast<uint32_t>(rows.integer(row, 0)), rows.text(row, 1),
                         rows.text(row, 2), rows.text(row, 3)});
    if (sequences.back().owner_table == ".") sequences.back().owner_table.clear();
  }
  return sequences;
}

}  // namespace

TableList list_and_lock_tables(PgConnection& connection, const std::string& table_prefix,
                               const std::stop_token& stop) {
  require_readable(connection);
  const PgResult lockable =
      connection.query(relations_query("pg_catalog.format('%I.%I', d.nspname, d.relname)") +
                       "WHERE d.relkind IN ('r', 'p') ORDER BY 1");
  lock(connection, first_column(lockable), stop);
  require_not_rewritten(connection);

  const PgResult rows = connection.query(
      relations_query("d.id, d.nspname, d.relname, d.filter, m.amname, "
                      "pg_catalog.pg_table_size(d.id), pg_catalog.pg_relation_size(d.id) / "
                      "pg_catalog.current_setting('block_size')::pg_catalog.int8, "
                      "d.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()") +
      "LEFT JOIN pg_catalog.pg_am m ON m.oid = d.relam WHERE d.relkind = 'r' ORDER BY 2, 3");
  const std::map<uint32_t, std::vector<std::string>> columns = columns_of_tables(connection);
  TableList list;
  for (int row = 0; row < rows.rows(); ++row) {
    if (rows.boolean(row, 7)) {
      ++list.unlogged_skipped;
      continue;
    }
    PgTable table{static_cast<uint32_t>(rows.integer(row, 0)), rows.text(row, 1), rows.text(row, 2),
                  rows.text(row, 3)};
    table.heap = rows.is_null(row, 4) || rows.view(row, 4) == "heap";
    table.bytes = static_cast<uint64_t>(rows.integer(row, 5));
    table.pages = static_cast<uint64_t>(rows.integer(row, 6));
    if (const auto found = columns.find(table.oid); found != columns.end())
      table.columns = found->second;
    table.volatile_part =
        volatile_part(table.name, table_prefix, {table.columns.begin(), table.columns.end()});
    list.tables.push_back(std::move(table));
  }
  list.sequences = list_sequences(connection);
  return list;
}

}  // namespace dolibarr_backup
