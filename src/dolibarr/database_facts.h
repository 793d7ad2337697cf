#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dolibarr/database.h"
#include "dolibarr/pg_connection.h"

/// What the database says of itself and of Dolibarr. Each in the connection's
/// pinned transaction.
namespace dolibarr_backup {

struct FoundTable {
  std::string sql_name;  ///< quoted, with its schema
  bool has_columns = false;
};
/// Tables of that name in all schemas, `public` first, and whether each has all `columns`.
std::vector<FoundTable> find_tables(PgConnection& connection, const std::string& name,
                                    const std::vector<std::string>& columns);
/// The first of them; nullopt unless it has all `columns`.
std::optional<std::string> find_table(PgConnection& connection, const std::string& name,
                                      const std::vector<std::string>& columns);

/// Adds a warning if no table of Dolibarr's is there under the prefix.
DatabaseFacts read_database_facts(PgConnection& connection, const std::string& table_prefix,
                                  std::vector<std::string>& warnings);
SnapshotMark read_snapshot_mark(PgConnection& connection, const std::string& system_identifier);
/// Folders named `temp` that belong to an object: see core/documents_rules.
ContentFolders read_content_folders(PgConnection& connection, const std::string& table_prefix);
/// Fetches in batches: a million rows fit.
void read_indexed_files(PgConnection& connection, const std::string& table_prefix,
                        const IndexedFileVisitor& visit);

}  // namespace dolibarr_backup
