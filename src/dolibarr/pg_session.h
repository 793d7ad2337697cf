#pragma once

#include <chrono>
#include <string>

#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {

/// Begins REPEATABLE READ READ ONLY with every setting pinned that could change the
/// text of a row or hide it, whatever the role, the database or PGOPTIONS say, and
/// without time limits but the one for locks. `snapshot` is another session's
/// exported snapshot, or "" for one of its own.
void begin_pinned(PgConnection& connection, const std::string& snapshot,
                  std::chrono::milliseconds lock_wait);

/// WITH clauses that catalog queries begin with: what pg_dump would dump, that is
/// `space` (schemas but the system's), `member` (objects of extensions), `relation`
/// (pg_class with nspname) and `routine` (pg_proc with nspname), both without
/// extensions' members.
std::string_view dumped_objects();

}  // namespace dolibarr_backup
