#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dolibarr_backup {

/// The candidate that a mistyped `word` most likely meant: a third of its letters
/// may be wrong, missing or too many. nullopt if none is that close. Pure.
std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& candidates);

}  // namespace dolibarr_backup
