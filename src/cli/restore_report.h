#pragma once

#include <string>
#include <vector>

#include "app/document_access.h"
#include "app/drill.h"
#include "app/point_diff.h"
#include "app/restore.h"
#include "app/verify.h"

/// What the commands that read backups back print: text for people, and JSON
/// (docs/json.md), additive.
namespace dolibarr_backup {

std::string verify_text(const VerifyReport& report);
std::string verify_json(const VerifyReport& report);

/// What will be done, said before it is.
std::string restore_plan_text(const RestoreReport& report, Instant now);
std::string restore_text_of(const RestoreReport& report, bool dry_run);
std::string restore_json(const RestoreReport& report, bool dry_run);

std::string leftovers_text(const RestoreLeftovers& left, bool dry_run);
std::string leftovers_json(const RestoreLeftovers& left, bool dry_run);

std::string extract_text(const ExtractReport& report, const std::string& folder);
std::string extract_json(const ExtractReport& report, const std::string& folder);

std::string versions_text(const std::vector<DocumentVersion>& versions);
std::string versions_json(const std::vector<DocumentVersion>& versions);

std::string diff_text(const ChosenPoint& a, const ChosenPoint& b, const PointDiff& diff);
std::string diff_json(const ChosenPoint& a, const ChosenPoint& b, const PointDiff& diff);

std::string drill_text(const DrillReport& report);
std::string drill_json(const DrillReport& report);

}  // namespace dolibarr_backup
