#pragma once

#include <string>

#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {

/// Digest of everything that pg_dump writes beside rows: schemas, extensions,
/// tables, columns, constraints, indexes, triggers, rules, policies, views,
/// functions, types, definitions of sequences, comments. Depends on names and
/// definitions only, never on an oid. In the connection's pinned transaction.
///
/// Left out on purpose: owners and privileges, for leases of dynamic credentials
/// grant and revoke them daily; statistics.
std::string schema_digest(PgConnection& connection, const std::stop_token& stop);

}  // namespace dolibarr_backup
