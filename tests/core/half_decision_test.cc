#include "core/half_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dolibarr_backup {
namespace {

using std::chrono::days;
using std::chrono::seconds;

const Instant kTaken(seconds(1'782'785'700));  // 2026-06-30T02:15:00Z
const Fingerprint kSeen{"exact-1", "volatile-1", "abc"};
const PreviousCapture kPrevious{kSeen, kTaken};

TEST(HalfDecision, AFirstCaptureIsTaken) {
  const HalfDecision decision = decide_half(std::nullopt, kSeen, kTaken, 30);
  EXPECT_TRUE(decision.take);
  EXPECT_EQ(decision.reason, "no successful capture yet");
}

TEST(HalfDecision, AnEqualFingerprintIsNotTakenAgain) {
  const HalfDecision decision = decide_half(kPrevious, kSeen, kTaken + days(1), 30);
  EXPECT_FALSE(decision.take);
  EXPECT_EQ(decision.reason, "unchanged since 2026-06-30T02:15:00Z");
}

TEST(HalfDecision, AChangeIsTaken) {
  Fingerprint changed = kSeen;
  changed.value = "abd";
  const HalfDecision decision = decide_half(kPrevious, changed, kTaken + days(1), 30);
  EXPECT_TRUE(decision.take);
  EXPECT_EQ(decision.reason, "changed since 2026-06-30T02:15:00Z");
}

TEST(HalfDecision, AnotherWayOfMakingTheFingerprintIsTaken) {
  Fingerprint other = kSeen;
  other.algorithm = "exact-2";
  EXPECT_EQ(decide_half(kPrevious, other, kTaken, 30).reason,
            "fingerprint algorithm is exact-2 now, was exact-1");
  EXPECT_TRUE(decide_half(kPrevious, other, kTaken, 30).take);
  other = kSeen;
  other.volatile_list = "volatile-2";
  EXPECT_TRUE(decide_half(kPrevious, other, kTaken, 30).take);
  EXPECT_THAT(decide_half(kPrevious, other, kTaken, 30).reason, testing::HasSubstr("volatile"));
}

TEST(HalfDecision, AnUnchangedHalfIsTakenAnewWhenItIsTooOld) {
  EXPECT_FALSE(decide_half(kPrevious, kSeen, kTaken + days(30) - seconds(1), 30).take);
  const HalfDecision decision = decide_half(kPrevious, kSeen, kTaken + days(30), 30);
  EXPECT_TRUE(decision.take);
  EXPECT_EQ(decision.reason, "unchanged, but its archive is 30 days old");
}

TEST(HalfDecision, AClockThatWentBackTakesNothing) {
  EXPECT_FALSE(decide_half(kPrevious, kSeen, kTaken - days(400), 30).take);
}

}  // namespace
}  // namespace dolibarr_backup
