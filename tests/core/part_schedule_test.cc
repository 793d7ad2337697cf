#include "core/part_schedule.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/units.h"

namespace dolibarr_backup {
namespace {

constexpr uint64_t kTiB = 1024 * kGiB;
constexpr uint64_t kLargestObject = 5 * kTiB;
constexpr uint64_t kUnexpected = UINT64_MAX;

uint64_t total(const PartSchedule& schedule, uint32_t parts) {
  uint64_t bytes = 0;
  for (uint32_t number = 1; number <= parts; ++number) bytes += schedule.part_bytes(number);
  return bytes;
}

void check_schedule(uint64_t expected) {
  const PartSchedule schedule(expected);
  uint64_t before = 0;
  for (uint32_t number = 1; number <= kMaxParts; ++number) {
    const uint64_t bytes = schedule.part_bytes(number);
    ASSERT_GE(bytes, before) << "part " << number << " of " << expected;
    ASSERT_GE(bytes, kMinPartBytes);
    ASSERT_LE(bytes, kMaxPartBytes);
    ASSERT_EQ(bytes % kMiB, 0u);
    before = bytes;
  }
  EXPECT_GE(total(schedule, kMaxParts), kLargestObject) << expected;
  if (expected <= kLargestObject) {
    EXPECT_GE(total(schedule, 8000), expected);
  }
}

TEST(PartSchedule, TenThousandPartsNeverBind) {
  for (const uint64_t expected :
       {uint64_t{0}, uint64_t{1}, 6 * kMiB, 48'000 * kMiB - 1, 48'000 * kMiB, 48'000 * kMiB + 1,
        uint64_t{200'000'000'000}, kTiB, kLargestObject, kUnexpected})
    check_schedule(expected);
}

RC_GTEST_PROP(PartScheduleProperty, WhateverIsExpectedFits, ()) {
  check_schedule(*rc::gen::inRange<uint64_t>(0, kLargestObject));
  RC_ASSERT(!testing::Test::HasFailure());
}

TEST(PartSchedule, IsAsTheArchitectureSays) {
  EXPECT_EQ(PartSchedule(0).part_bytes(1), 6 * kMiB);
  EXPECT_EQ(PartSchedule(46 * kGiB).part_bytes(8000), 6 * kMiB);
  EXPECT_EQ(PartSchedule(200ull * 1000 * 1000 * 1000).part_bytes(1), 24 * kMiB);
  EXPECT_EQ(PartSchedule(0).part_bytes(8001), 12 * kMiB);
  EXPECT_EQ(PartSchedule(0).part_bytes(8125), 12 * kMiB);
  EXPECT_EQ(PartSchedule(0).part_bytes(8126), 24 * kMiB);
}

TEST(ParallelParts, StayWithinTheBudget) {
  EXPECT_EQ(parallel_parts(6 * kMiB, 24 * kMiB), 3u);
  EXPECT_EQ(parallel_parts(6 * kMiB, 1 * kGiB), 4u) << "never more than four";
  EXPECT_EQ(parallel_parts(6 * kMiB, 17 * kMiB), 1u);
  EXPECT_EQ(parallel_parts(kMaxPartBytes, 24 * kMiB), 1u) << "one at least";
  EXPECT_EQ(parallel_parts(6 * kMiB, 0), 1u);
}

RC_GTEST_PROP(PartScheduleProperty, PartsInFlightAndTheOneBeingFilledFit, ()) {
  const auto part = *rc::gen::inRange<uint64_t>(kMinPartBytes, kMaxPartBytes);
  const auto budget = *rc::gen::inRange<uint64_t>(0, 64 * kGiB);
  const uint32_t parts = parallel_parts(part, budget);
  RC_ASSERT(parts >= 1u);
  RC_ASSERT(parts <= 4u);
  RC_ASSERT(parts == 1u || (parts + 1) * part <= budget);
  RC_ASSERT(parts == 4u || (parts + 2) * part > budget);
}

}  // namespace
}  // namespace dolibarr_backup
