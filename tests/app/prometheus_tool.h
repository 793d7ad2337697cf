#pragma once

#include <string>
#include <vector>

#include "base/units.h"

namespace dolibarr_backup {

/// What `promtool check metrics` has against a text; "" if nothing.
std::string metrics_problem(const std::string& metrics);

/// Lets `promtool test rules` judge the shipped alert rules over `metrics` as scraped at `now`:
/// what it says unless exactly `expected` fire; "" if they do.
std::string alert_problem_of(const std::string& metrics, Instant now,
                             std::vector<std::string> expected);

}  // namespace dolibarr_backup
