#pragma once

#include <string>
#include <vector>

namespace dolibarr_backup {

/// Why an archive stays, for people: the reasons that core/retention gives, but for each
/// tier only its first and last instant and their count, those without a good pair last:
/// "newest db archive, daily 2026-10-26..2026-11-19 (25); unpaired: monthly 2026-09".
/// Where all of them are unpaired: "daily 2026-10-26..2026-11-19 (25); unpaired". Pure.
std::string short_reasons(const std::vector<std::string>& reasons);

}  // namespace dolibarr_backup
