#include "core/prune_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace dolibarr_backup {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Instant kNow(seconds(1'782'785'700));

PruneCandidate candidate(const std::string& key, Half half = Half::db,
                         const std::string& manifest = "") {
  return {{key, half, kNow - hours(24 * 50), 100},
          "no kept instant needs it",
          manifest,
          manifest.empty() ? 0u : 7u};
}

std::vector<std::string> keys_of(const PrunePlan& plan) {
  std::vector<std::string> keys;
  for (const PruneStep& step : plan.steps) keys.push_back(step.key);
  return keys;
}

PruneInput dropping(uint64_t dropped, uint64_t in_force, Half half) {
  PruneInput input{.now = kNow};
  for (uint64_t i = 0; i < dropped; ++i)
    input.dropped.push_back(candidate("key" + std::to_string(i), half));
  (half == Half::db ? input.archives_db : input.archives_docs) = in_force;
  return input;
}

TEST(PrunePlan, NothingToDoIsAnEmptyPlan) {
  const PrunePlan plan = plan_prune({.now = kNow});
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_THAT(plan.aborts, IsEmpty());
  EXPECT_THAT(plan.refusals, IsEmpty());
}

TEST(PrunePlan, AnArchiveGoesBeforeItsManifest) {
  const PrunePlan plan = plan_prune(
      {.now = kNow,
       .dropped = {candidate("db/1", Half::db, "db/1.manifest"), candidate("docs/old", Half::docs)},
       .archives_db = 9,
       .archives_docs = 9});
  EXPECT_THAT(plan.steps, ElementsAre(PruneStep{"db/1", 100, "no kept instant needs it"},
                                      PruneStep{"db/1.manifest", 7, "its archive goes"},
                                      PruneStep{"docs/old", 100, "no kept instant needs it"}));
}

TEST(PrunePlan, AnOrphanGoesOnlyAfterItsGrace) {
  PruneInput input{.now = kNow, .orphan_grace = hours(72)};
  input.orphans = {{"young", 1, kNow - hours(72) + seconds(1)},
                   {"old", 2, kNow - hours(72)},
                   {"of the future", 3, kNow + hours(1)}};
  const PrunePlan plan = plan_prune(input);
  ASSERT_THAT(keys_of(plan), ElementsAre("old"));
  EXPECT_EQ(plan.steps[0].bytes, 2u);
  EXPECT_THAT(plan.steps[0].reason, HasSubstr("orphan: no run record names it, 3 d 0 h old"));
}

TEST(PrunePlan, AManifestWithoutItsArchiveGoesAfterTheGraceToo) {
  PruneInput input{.now = kNow, .orphan_grace = hours(10)};
  input.lone_manifests = {{"young", 1, kNow - hours(10) + seconds(1)},
                          {"old", 2, kNow - hours(10)}};
  EXPECT_THAT(plan_prune(input).steps, ElementsAre(PruneStep{"old", 2, "its archive is gone"}));
}

TEST(PrunePlan, AnUnfinishedUploadIsAbortedWhenItIsOldEnough) {
  PruneInput input{.now = kNow, .uploads_older_than = hours(24)};
  input.uploads = {{"a", "1", kNow - hours(24)}, {"b", "2", kNow - hours(24) + seconds(1)}};
  const PrunePlan plan = plan_prune(input);
  EXPECT_THAT(plan.aborts,
              ElementsAre(AbortStep{"a", "1", "unfinished upload, begun 1 d 0 h ago"}));
  EXPECT_THAT(plan.steps, IsEmpty());
}

TEST(PrunePlan, RefusesMoreThanTheShareOfAHalf) {
  for (const Half half : kHalves) {
    EXPECT_THAT(plan_prune(dropping(10, 20, half)).refusals, IsEmpty()) << "the half is allowed";
    EXPECT_THAT(plan_prune(dropping(11, 20, half)).refusals,
                ElementsAre("it would remove 11 of 20 " + std::string(name_of(half)) +
                            " archives, more than 50 %"));
  }
}

TEST(PrunePlan, JudgesEachHalfByItself) {
  PruneInput input = dropping(11, 20, Half::db);
  input.archives_docs = 1000;
  EXPECT_THAT(plan_prune(input).refusals, ElementsAre(HasSubstr("db archives")));
  for (int i = 0; i < 501; ++i)
    input.dropped.push_back(candidate("docs" + std::to_string(i), Half::docs));
  EXPECT_THAT(plan_prune(input).refusals,
              ElementsAre(HasSubstr("of 20 db"), HasSubstr("501 of 1000 docs")));
}

TEST(PrunePlan, AFewArchivesAreNoMassDeletion) {
  EXPECT_THAT(plan_prune(dropping(3, 4, Half::db)).refusals, IsEmpty());
  EXPECT_THAT(plan_prune(dropping(4, 5, Half::db)).refusals, testing::SizeIs(1));
}

TEST(PrunePlan, ForceOverridesTheShareAndStillShowsTheSteps) {
  PruneInput input = dropping(20, 20, Half::db);
  EXPECT_THAT(plan_prune(input).steps, testing::SizeIs(20)) << "a refused plan is shown too";
  input.force = true;
  const PrunePlan plan = plan_prune(input);
  EXPECT_THAT(plan.refusals, IsEmpty());
  EXPECT_THAT(plan.steps, testing::SizeIs(20));
}

TEST(PrunePlan, OrphansAreAPartOfTheShareAndManifestsAreNot) {
  PruneInput input = dropping(1, 2, Half::db);
  for (int i = 0; i < 50; ++i) {
    const std::string name = "orphan" + std::to_string(i);
    input.orphans.push_back({name, 1, kNow - hours(1000), Half::db, true});
  }
  EXPECT_THAT(plan_prune(input).refusals, IsEmpty());
  for (int i = 0; i < 50; ++i)
    input.orphans.push_back({std::to_string(i), 1, kNow - hours(1000), Half::db, false});
  EXPECT_THAT(plan_prune(input).refusals,
              ElementsAre(HasSubstr("it would remove 51 of 52 db archives")));
}

TEST(PrunePlan, TheLastArchivesOfAHalfAreNoOrphansToSweep) {
  PruneInput input{.now = kNow, .force = true};
  input.orphans = {{"a", 1, kNow - hours(1000), Half::db, false},
                   {"a.manifest", 1, kNow - hours(1000), Half::db, true}};
  EXPECT_THAT(plan_prune(input).steps, IsEmpty());
  input.archives_db = 1;
  EXPECT_THAT(plan_prune(input).steps, testing::SizeIs(2));
}

TEST(PrunePlan, HalfAHistoryIsRefused) {
  PruneInput input = dropping(1, 20, Half::db);
  input.unreadable_records = 1;
  EXPECT_THAT(plan_prune(input).refusals, ElementsAre(HasSubstr("cannot be read")));
  input = dropping(1, 20, Half::db);
  input.no_records = true;
  EXPECT_THAT(plan_prune(input).refusals, ElementsAre(HasSubstr("no run record")));
  input.force = true;
  EXPECT_THAT(plan_prune(input).refusals, IsEmpty());
  EXPECT_THAT(plan_prune({.now = kNow, .unreadable_records = 1}).refusals, IsEmpty())
      << "nothing would go";
}

TEST(PrunePlan, AShareOfNothingOrAllIsMeantLiterally) {
  PruneInput input = dropping(4, 1000, Half::docs);
  input.max_prune_percent = 0;
  EXPECT_THAT(plan_prune(input).refusals, testing::SizeIs(1));
  input = dropping(1000, 1000, Half::docs);
  input.max_prune_percent = 100;
  EXPECT_THAT(plan_prune(input).refusals, IsEmpty());
}

// Whatever is dropped, in whatever order: all of it, and every manifest right
// after its archive.
RC_GTEST_PROP(PrunePlanProperty, StepsAreTheDroppedArchivesEachBeforeItsManifest,
              (std::vector<bool> with_manifest)) {
  PruneInput input{.now = kNow, .force = true};
  std::vector<std::string> expected;
  for (size_t i = 0; i < with_manifest.size(); ++i) {
    const std::string key = "db/" + std::to_string(i);
    const std::string manifest = with_manifest[i] ? key + ".manifest" : "";
    input.dropped.push_back(candidate(key, Half::db, manifest));
    expected.push_back(key);
    if (with_manifest[i]) expected.push_back(manifest);
  }
  RC_ASSERT(keys_of(plan_prune(input)) == expected);
}

}  // namespace
}  // namespace dolibarr_backup
