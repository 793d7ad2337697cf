#pragma once

#include <optional>
#include <string>

#include "core/report_model.h"
#include "page/texts.h"

namespace dolibarr_backup {

/// Where a served page leads to; a file leads nowhere.
struct PageLinks {
  std::string other_language, search;
};

/// The whole page of a report: one HTML file that loads nothing and runs nothing, for a
/// screen of any width and for A4. Pure.
std::string report_page(const ReportModel& model, Language language,
                        const std::optional<PageLinks>& links = std::nullopt);

}  // namespace dolibarr_backup
