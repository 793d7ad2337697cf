#pragma once

#include <chrono>
#include <string>

#include "app/backup.h"
#include "app/holds.h"
#include "app/identity.h"
#include "app/prune.h"
#include "app/status.h"

/// Results as JSON text (docs/json.md). Additive: keys are never renamed or removed.
namespace dolibarr_backup {

std::string backup_json(const BackupReport& report, std::chrono::seconds took);
/// Of a backup that ended before it had a run to report.
std::string unbegun_backup_json(const std::string& environment, std::chrono::seconds took,
                                const Error& error);
/// Of any other command that ended without a result.
std::string error_json(const Error& error);
std::string listing_json(const std::vector<JudgedListing>& listings);
std::string prune_json(const std::string& environment, const PruneReport& report, bool dry_run);
std::string identity_json(const std::string& environment, const IdentityReport& report);
std::string holds_json(const std::map<std::string, Hold>& holds);
std::string keys_json(const char* name, const std::vector<std::string>& keys);

}  // namespace dolibarr_backup
