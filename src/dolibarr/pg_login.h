#pragma once

#include <stop_token>

#include "core/settings.h"
#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {

/// Connects as the settings say. If the login is refused and the credentials come from
/// files, whose contents may be replaced at any moment, they are read again once.
PgConnection log_in(const DatabaseSettings& settings, const std::stop_token& stop = {});

}  // namespace dolibarr_backup
