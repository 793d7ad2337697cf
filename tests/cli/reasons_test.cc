#include "cli/reasons.h"

#include <gtest/gtest.h>

namespace dolibarr_backup {
namespace {

TEST(ShortReasons, SayEachTierOnceWithItsEnds) {
  EXPECT_EQ(short_reasons({}), "");
  EXPECT_EQ(short_reasons({"daily 2026-11-19"}), "daily 2026-11-19");
  EXPECT_EQ(
      short_reasons({"newest db archive", "in force now", "daily 2026-11-19", "daily 2026-11-18",
                     "daily 2026-11-17", "monthly 2026-10", "held: tax audit, daily look"}),
      "newest db archive, in force now, daily 2026-11-17..2026-11-19 (3), monthly 2026-10, "
      "held: tax audit, daily look");
  EXPECT_EQ(short_reasons({"yearly fiscal year 2025", "yearly fiscal year 2024"}),
            "yearly fiscal year 2024..2025 (2)");
}

TEST(ShortReasons, SayOnceWhatIsUnpaired) {
  EXPECT_EQ(short_reasons({"daily 2026-11-19, unpaired", "daily 2026-11-18, unpaired",
                           "monthly 2026-10, unpaired", "monthly 2026-09, unpaired"}),
            "daily 2026-11-18..2026-11-19 (2), monthly 2026-09..2026-10 (2); unpaired");
  EXPECT_EQ(short_reasons({"newest docs archive", "daily 2026-11-19", "in force now, unpaired",
                           "daily 2026-11-18, unpaired"}),
            "newest docs archive, daily 2026-11-19; unpaired: in force now, daily 2026-11-18");
}

}  // namespace
}  // namespace dolibarr_backup
