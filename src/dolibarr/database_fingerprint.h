#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/progress.h"
#include "core/settings.h"
#include "dolibarr/database.h"
#include "dolibarr/table_list.h"

namespace dolibarr_backup {

/// Opens one more session in the same snapshot.
using OpenSession = std::function<PgConnection()>;

/// Digests everything durable of the listed tables, sequences, large objects and of
/// the schema, over `connection` and as many further sessions as settings.connections
/// says. Throws what the first failing query threw, with the table's name.
DatabaseFingerprint fingerprint_database(PgConnection& connection, const OpenSession& open_session,
                                         const TableList& list, const DatabaseSettings& settings,
                                         Progress& progress, const std::stop_token& stop);

}  // namespace dolibarr_backup
