#pragma once

#include <string>

#include "core/report_model.h"

namespace dolibarr_backup {

/// The report as JSON (docs/json.md).
std::string period_json(const ReportModel& model);

}  // namespace dolibarr_backup
