#include "dolibarr/database_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kIdentityHexDigits = 32;
constexpr int kPgCurrentSnapshot = 130000;
constexpr int kRowsPerFetch = 10'000;

// A server may keep a function from plain roles; then the fact is unknown.
std::string value_or_unknown(PgConnection& connection, const std::string& query) {
  connection.query("SAVEPOINT before_fact");
  try {
    const PgResult result = connection.query(query);
    return result.rows() == 0 || result.is_null(0, 0) ? "" : result.text(0, 0);
  } catch (const PgError& error) {
    log::debug("db: not told: {}", error.what());
    connection.query("ROLLBACK TO SAVEPOINT before_fact");
    return "";
  }
}

// "" for no row.
std::string first_value(PgConnection& connection, const std::string& query) {
  const PgResult result = connection.query(query);
  return result.rows() == 0 || result.is_null(0, 0) ? "" : result.text(0, 0);
}

std::string hash_or_empty(const std::string& text) {
  return text.empty() ? "" : sha256_hex(text).substr(0, kIdentityHexDigits);
}

std::string constant(PgConnection& connection, const std::string& constants,
                     const std::string& name) {
  return first_value(connection, fmt::format("SELECT value FROM {} WHERE name = {} "
                                             "ORDER BY entity LIMIT 1",
                                             constants, quote_literal(name)));
}

void read_dolibarr_facts(PgConnection& connection, const std::string& table_prefix,
                         DatabaseFacts& facts, std::vector<std::string>& warnings) {
  std::string salt_hash, log_hash;
  if (const auto constants =
          find_table(connection, table_prefix + "const", {"name", "value", "entity"})) {
    facts.dolibarr_version = constant(connection, *constants, "MAIN_VERSION_LAST_UPGRADE");
    if (facts.dolibarr_version.empty())
      facts.dolibarr_version = constant(connection, *constants, "MAIN_VERSION_LAST_INSTALL");
    salt_hash = hash_or_empty(constant(connection, *constants, "MAIN_SECURITY_SALT"));
  } else {
    warnings.push_back(fmt::format(
        "there is no table {}const: is this Dolibarr's database, and the table_prefix right?",
        table_prefix));
  }
  if (const auto log = find_table(connection, table_prefix + "blockedlog", {"rowid", "signature"}))
    log_hash = hash_or_empty(first_value(
        connection, fmt::format("SELECT signature FROM {} ORDER BY rowid LIMIT 1", *log)));
  facts.identity = {facts.name, instance_text(salt_hash, log_hash)};
}

// Adds what `query` returns: paths relative to the documents.
void add_folders(PgConnection& connection, const std::string& query, ContentFolders& folders) {
  const PgResult rows = connection.query(query);
  for (int row = 0; row < rows.rows(); ++row) folders.insert(rows.text(row, 0));
}

}  // namespace

std::vector<FoundTable> find_tables(PgConnection& connection, const std::string& name,
                                    const std::vector<std::string>& columns) {
  const PgResult found = connection.query(
      "SELECT n.nspname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' "
      "ORDER BY n.nspname <> 'public', n.nspname",
      {name});
  const auto has = [&](const std::string& table, const std::string& column) {
    return connection
               .query(
                   "SELECT FROM pg_attribute WHERE attrelid = $1 AND attname = $2 "
                   "AND NOT attisdropped",
                   {table, column})
               .rows() > 0;
  };
  std::vector<FoundTable> tables;
  for (int row = 0; row < found.rows(); ++row)
    tables.push_back({quote_name(found.view(row, 0), name),
                      std::all_of(columns.begin(), columns.end(), [&](const std::string& column) {
                        return has(found.text(row, 1), column);
                      })});
  return tables;
}

std::optional<std::string> find_table(PgConnection& connection, const std::string& name,
                                      const std::vector<std::string>& columns) {
  const std::vector<FoundTable> tables = find_tables(connection, name, columns);
  if (tables.empty() || !tables.front().has_columns) return std::nullopt;
  return tables.front().sql_name;
}

DatabaseFacts read_database_facts(PgConnection& connection, const std::string& table_prefix,
                                  std::vector<std::string>& warnings) {
  const PgResult row = connection.query(
      "SELECT d.datname, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), "
      "d.datcollate, d.datctype, current_setting('server_version') "
      "FROM pg_database d WHERE d.datname = current_database()");
  DatabaseFacts facts{row.text(0, 0), row.text(0, 1), row.text(0, 2), row.text(0, 3),
                      row.text(0, 4)};
  facts.server_version = connection.server_version();
  facts.server_version_text = row.text(0, 5);
  facts.system_identifier =
      value_or_unknown(connection, "SELECT system_identifier FROM pg_control_system()");
  const std::string size =
      value_or_unknown(connection, "SELECT pg_database_size(current_database())");
  facts.size_bytes = size.empty() ? 0 : std::stoull(size);
  read_dolibarr_facts(connection, table_prefix, facts, warnings);
  return facts;
}

SnapshotMark read_snapshot_mark(PgConnection& connection, const std::string& system_identifier) {
  SnapshotMark mark{.system_identifier = system_identifier};
  mark.database = first_value(connection,
                              "SELECT oid::text || ' ' || datname FROM pg_database "
                              "WHERE datname = current_database()");
  mark.snapshot = first_value(connection, connection.server_version() >= kPgCurrentSnapshot
                                              ? "SELECT pg_current_snapshot()"
                                              : "SELECT txid_current_snapshot()");
  // A WAL file's name begins with the timeline; pg_control_checkpoint() tells it later.
  const PgResult wal = connection.query(
      "SELECT left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), "
      "pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter) "
      "WHERE NOT pg_is_in_recovery()");
  if (wal.rows() == 0) return mark;
  mark.timeline = wal.text(0, 0);
  mark.server_started = wal.text(0, 1);
  mark.statistics_reset = wal.text(0, 2);
  return mark;
}

ContentFolders read_content_folders(PgConnection& connection, const std::string& table_prefix) {
  ContentFolders folders;
  const auto table = [&](const char* name, const std::vector<std::string>& columns) {
    return find_table(connection, table_prefix + name, columns);
  };
  // Entities above 1 keep their folders under their number.
  const std::string entity = "CASE WHEN entity > 1 THEN entity::text || '/' ELSE '' END";
  if (const auto ecm = table("ecm_directories", {"label", "fk_parent", "entity"}))
    add_folders(connection,
                fmt::format("SELECT {} || 'ecm/temp' FROM {} WHERE label = 'temp' "
                            "AND coalesce(fk_parent, 0) = 0",
                            entity, *ecm),
                folders);
  // Objects whose folder is named by a reference that the user may choose.
  const std::pair<const char*, const char*> named[] = {
      {"product", "produit"}, {"projet", "projet"}, {"bank_account", "bank"}};
  for (const auto& [name, folder] : named)
    if (const auto objects = table(name, {"ref", "entity"}))
      add_folders(connection,
                  fmt::format("SELECT {} || '{}/temp' FROM {} WHERE ref = 'temp'", entity, folder,
                              *objects),
                  folders);
  if (const auto files = table("ecm_files", {"filepath"}))
    add_folders(connection,
                fmt::format("SELECT DISTINCT substring(filepath FROM '^(?:[0-9]+/)?[^/]+/temp') "
                            "FROM {} WHERE filepath ~ '^([0-9]+/)?[^/]+/temp(/|$)'",
                            *files),
                folders);
  return folders;
}

void read_indexed_files(PgConnection& connection, const std::string& table_prefix,
                        const IndexedFileVisitor& visit) {
  const auto files = find_table(connection, table_prefix + "ecm_files", {"filepath", "filename"});
  if (!files) return;
  connection.query(
      fmt::format("DECLARE indexed_files NO SCROLL CURSOR FOR SELECT "
                  "filepath || '/' || filename FROM {} "
                  "WHERE filepath <> '' AND filename <> ''",
                  *files));
  for (;;) {
    const PgResult rows =
        connection.query(fmt::format("FETCH {} FROM indexed_files", kRowsPerFetch));
    if (rows.rows() == 0) break;
    for (int row = 0; row < rows.rows(); ++row) visit(rows.view(row, 0));
  }
  connection.query("CLOSE indexed_files");
}

}  // namespace dolibarr_backup
