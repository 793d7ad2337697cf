#include "core/last_copies.h"

#include <algorithm>
#include <functional>

namespace dolibarr_backup {

void LastCopies::add(size_t archive, std::string_view path) {
  claims_.push_back({std::hash<std::string_view>{}(path), static_cast<uint32_t>(archive), false});
}

void LastCopies::close() {
  // Stable: of several that claim a path, the one added first has it.
  std::stable_sort(claims_.begin(), claims_.end(),
                   [](const Claim& a, const Claim& b) { return a.hash < b.hash; });
  const auto end = std::unique(claims_.begin(), claims_.end(),
                               [](const Claim& a, const Claim& b) { return a.hash == b.hash; });
  claims_.erase(end, claims_.end());
  missing_ = claims_.size();
}

std::vector<LastCopies::Claim>::const_iterator LastCopies::find(std::string_view path) const {
  const uint64_t hash = std::hash<std::string_view>{}(path);
  const auto at =
      std::lower_bound(claims_.begin(), claims_.end(), hash,
                       [](const Claim& claim, uint64_t wanted) { return claim.hash < wanted; });
  return at != claims_.end() && at->hash == hash ? at : claims_.end();
}

void LastCopies::meet(std::string_view path) {
  const auto at = find(path);
  if (at == claims_.end() || at->met) return;
  claims_[static_cast<size_t>(at - claims_.begin())].met = true;
  --missing_;
}

uint64_t LastCopies::count(size_t archive) const {
  return static_cast<uint64_t>(
      std::count_if(claims_.begin(), claims_.end(),
                    [&](const Claim& claim) { return claim.archive == archive && !claim.met; }));
}

bool LastCopies::alone(size_t archive, std::string_view path) const {
  const auto at = find(path);
  return at != claims_.end() && at->archive == archive && !at->met;
}

}  // namespace dolibarr_backup
