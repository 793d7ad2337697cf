#pragma once

#include "app/catalog.h"
#include "core/report_model.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// What a report of these days tells, read from the store: every run record, and names and
/// sizes of what is there; no archive. Only reads. Throws Errc::usage for a period that
/// ends before it begins, begins in the future, or is longer than twelve years.
ReportModel report(Catalog& catalog, const EnvironmentSettings& environment, Instant now,
                   date::local_days first, date::local_days last);

}  // namespace dolibarr_backup
