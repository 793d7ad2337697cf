#include "cli/reasons.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/retention.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kUnpaired = ", unpaired";

// What is said of one tier; of another reason it is said whole, as `tier`.
struct Group {
  std::string tier;
  std::vector<std::string> labels;
};

std::optional<Tier> tier_of(std::string_view reason) {
  for (const Tier tier : {Tier::daily, Tier::monthly, Tier::yearly})
    if (reason.starts_with(std::string(name_of(tier)) + " ")) return tier;
  return std::nullopt;
}

void add(std::vector<Group>& groups, const std::string& reason) {
  const std::optional<Tier> tier = tier_of(reason);
  if (!tier) {
    groups.push_back({reason, {}});
    return;
  }
  const std::string name(name_of(*tier));
  auto group = std::find_if(groups.begin(), groups.end(),
                            [&](const Group& one) { return one.tier == name; });
  if (group == groups.end()) group = groups.insert(groups.end(), {name, {}});
  group->labels.push_back(reason.substr(name.size() + 1));
}

// "2026-10-26..2026-11-19 (25)", "fiscal year 2019..2025 (7)"
std::string text_of(const Group& group) {
  if (group.labels.empty()) return group.tier;
  const auto [first, last] = std::minmax_element(group.labels.begin(), group.labels.end());
  if (group.labels.size() == 1) return fmt::format("{} {}", group.tier, *first);
  return fmt::format("{} {}..{} ({})", group.tier, *first, last->substr(last->rfind(' ') + 1),
                     group.labels.size());
}

std::string text_of(const std::vector<Group>& groups) {
  std::vector<std::string> texts;
  texts.reserve(groups.size());
  for (const Group& group : groups) texts.push_back(text_of(group));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::string short_reasons(const std::vector<std::string>& reasons) {
  std::vector<Group> paired, unpaired;
  for (const std::string& reason : reasons) {
    if (reason.ends_with(kUnpaired))
      add(unpaired, reason.substr(0, reason.size() - kUnpaired.size()));
    else
      add(paired, reason);
  }
  if (unpaired.empty()) return text_of(paired);
  if (paired.empty()) return text_of(unpaired) + "; unpaired";
  return text_of(paired) + "; unpaired: " + text_of(unpaired);
}

}  // namespace dolibarr_backup
