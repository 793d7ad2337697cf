#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "app/backup.h"
#include "app/holds.h"
#include "app/identity.h"
#include "app/prune.h"
#include "app/status.h"

/// Results as text for people; the last line of a backup is one that scripts can read.
namespace dolibarr_backup {

/// `brief`: only the summary line.
std::string backup_text(const BackupReport& report, std::chrono::seconds took, bool brief);
/// The summary line of a backup that ended before it had a run to report.
std::string unbegun_backup_text(const std::string& environment, std::chrono::seconds took,
                                const Error& error);
/// What such a backup's result is called.
RunResult result_of(const Error& error);
std::string listing_text(const std::vector<JudgedListing>& listings);
std::string prune_text(const std::string& environment, const PruneReport& report, bool dry_run);
std::string adopt_text(const std::vector<std::string>& keys, bool dry_run);
std::string holds_text(const std::map<std::string, Hold>& holds);
std::string identity_text(const std::string& environment, const IdentityReport& report);

}  // namespace dolibarr_backup
