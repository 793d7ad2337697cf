#include "core/part_schedule.h"

#include <algorithm>

namespace dolibarr_backup {
namespace {

constexpr uint64_t kMiB = 1ull << 20;
constexpr uint64_t kFirstPartBytes = 6 * kMiB;
constexpr uint32_t kLevelParts = 8'000;
constexpr uint32_t kDoublingParts = 125;

}  // namespace

PartSchedule::PartSchedule(uint64_t expected_bytes) {
  const uint64_t even = expected_bytes / kLevelParts + 1;
  const uint64_t rounded = (even + kMiB - 1) / kMiB * kMiB;
  base_bytes_ = std::clamp(rounded, kFirstPartBytes, kMaxPartBytes);
}

uint64_t PartSchedule::part_bytes(uint32_t number) const {
  if (number <= kLevelParts) return base_bytes_;
  const uint32_t doublings = (number - kLevelParts - 1) / kDoublingParts + 1;
  return std::min(base_bytes_ << doublings, kMaxPartBytes);
}

uint32_t parallel_parts(uint64_t part_bytes, uint64_t budget_bytes) {
  const uint64_t fitting = budget_bytes / part_bytes;
  return static_cast<uint32_t>(std::clamp<uint64_t>(fitting, 2, 5) - 1);
}

}  // namespace dolibarr_backup
