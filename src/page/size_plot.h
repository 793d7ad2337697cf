#pragma once

#include <vector>

#include "core/report_model.h"
#include "page/html.h"
#include "page/wording.h"

namespace dolibarr_backup {

/// An SVG of one half's sizes from `from` to `to`: steps, from zero, with labelled axes.
/// Colours come from the page's classes `plot-*`. Writes nothing if there is no size.
void write_size_plot(Html& html, const Wording& wording, Half half,
                     const std::vector<ReportSize>& sizes, Instant from, Instant to);

}  // namespace dolibarr_backup
