#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dolibarr/pg_connection.h"
#include "dolibarr/volatile_list.h"

namespace dolibarr_backup {

/// One table whose rows pg_dump would dump.
struct PgTable {
  uint32_t oid = 0;
  std::string schema, name;
  std::string filter;  ///< SQL condition of an extension's configuration table; else ""
  bool heap = true;    ///< rows lie in pages, so that page ranges can share the work
  uint64_t bytes = 0;  ///< with its oversized values
  uint64_t pages = 0;
  std::vector<std::string> columns;  ///< in order
  VolatilePart volatile_part;

  std::string full_name() const { return schema + "." + name; }
  std::string sql_name() const { return quote_name(schema, name); }
};

struct PgSequence {
  uint32_t oid = 0;
  std::string schema, name;
  std::string owner_table;  ///< "schema.table" of the column it serves; "" if none
};

/// The relations of a database, locked against changes of their definition.
struct TableList {
  std::vector<PgTable> tables;  ///< by schema and name
  std::vector<PgSequence> sequences;
  uint64_t unlogged_skipped = 0;  ///< a standby has no rows of unlogged tables
};

/// Lists and locks (ACCESS SHARE, as pg_dump does) in the connection's transaction,
/// so that what it sees cannot be emptied or rewritten before the dump began. Call
/// it right after the snapshot. Throws PgError that names the tables the role may
/// not read, those whose row policies would hide rows, those that another session
/// locks for longer than lock_timeout, and those rewritten since the snapshot. Waiting for a lock
/// ends with Errc::interrupted when stopped.
TableList list_and_lock_tables(PgConnection& connection, const std::string& table_prefix,
                               const std::stop_token& stop = {});

}  // namespace dolibarr_backup
