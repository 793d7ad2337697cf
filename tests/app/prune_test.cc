#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/holds.h"
#include "app/instance.h"
#include "app/prune.h"
#include "app/status.h"

namespace dolibarr_backup {
namespace {

using testing::Contains;
using testing::HasSubstr;

size_t archives_of(Instance& instance, Half half) {
  Catalog catalog = instance.catalog();
  return static_cast<size_t>(
      std::count_if(catalog.archives().begin(), catalog.archives().end(),
                    [&](const CatalogArchive& archive) { return archive.stored.half == half; }));
}

void next_day(Instance& instance, int day) {
  instance.now += std::chrono::hours(24) - std::chrono::minutes(1);
  instance.sql("update llx_facture set note_private = 'day " + std::to_string(day) +
               "' where rowid = 1");
}

TEST(Prune, DailyRunsKeepThirtyDaysAndTheMonths) {
  Instance instance;
  instance.settings().retention = {.days = 5, .months = 2, .years = 1};
  for (int day = 0; day < 20; ++day) {
    next_day(instance, day);
    const BackupReport report = instance.backup();
    ASSERT_EQ(report.record.result, RunResult::success);
    ASSERT_FALSE(report.prune_failure) << report.prune_failure->what();
  }
  EXPECT_LE(archives_of(instance, Half::db), 8u);
  EXPECT_GE(archives_of(instance, Half::db), 6u);
  EXPECT_EQ(archives_of(instance, Half::docs), 1u) << "unchanged, so in force all the time";
  Catalog catalog = instance.catalog();
  EXPECT_GE(catalog.runs().size(), 20u) << "records are never pruned";
  bool recorded = false;
  for (const RunId& run : catalog.runs())
    recorded |= catalog.record(run)->kind == RunKind::prune && !catalog.record(run)->pruned.empty();
  EXPECT_TRUE(recorded) << "what was pruned stands in a record";
}

TEST(Prune, ADryRunPrintsThePlanThatThenRuns) {
  Instance instance;
  instance.settings().retention = {.days = 2, .months = 0, .years = 0};
  for (int day = 0; day < 5; ++day) {
    next_day(instance, day);
    instance.backup({.prune = false});
  }
  const auto clock = [&] { return instance.now; };
  Catalog first = instance.catalog();
  const PruneReport dry = prune(first, instance.settings(), {.dry_run = true}, clock, {});
  EXPECT_EQ(dry.removed, 0u);
  ASSERT_FALSE(dry.plan.steps.empty());
  Catalog second = instance.catalog();
  const PruneReport real = prune(second, instance.settings(), {}, clock, {});
  ASSERT_EQ(dry.plan.steps.size(), real.plan.steps.size());
  for (size_t at = 0; at < dry.plan.steps.size(); ++at)
    EXPECT_EQ(dry.plan.steps[at].key, real.plan.steps[at].key);
  EXPECT_EQ(real.removed, real.plan.steps.size());
  for (const PruneStep& step : real.plan.steps)
    EXPECT_FALSE(instance.store().head(step.key)) << step.key;
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Prune, AHeldArchiveStaysUntilItIsReleased) {
  Instance instance;
  instance.settings().retention = {.days = 1, .months = 0, .years = 0};
  instance.settings().max_prune_percent = 100;
  next_day(instance, 0);
  const std::string key = instance.backup().record.halves.at(Half::db).archive->archive.key;
  Catalog catalog = instance.catalog();
  add_hold(catalog, key, "tax audit", "a test", instance.now);
  for (int day = 1; day < 5; ++day) {
    next_day(instance, day);
    instance.backup();
  }
  EXPECT_TRUE(instance.store().head(key));
  Catalog held = instance.catalog();
  EXPECT_EQ(list_holds(held).at(key).why, "tax audit");
  remove_hold(held, key.substr(key.rfind('/') + 1));
  next_day(instance, 6);
  instance.backup();
  EXPECT_FALSE(instance.store().head(key));
}

TEST(Prune, TheLastCopyOfAnIssuedDocumentStaysUntilItIsReleased) {
  Instance instance;
  instance.settings().retention = {.days = 1, .months = 0, .years = 0};
  instance.settings().max_prune_percent = 100;
  instance.write_document("facture/FA2606-0777/FA2606-0777.pdf", "%PDF soon lost");
  next_day(instance, 0);
  const std::string key = instance.backup().record.halves.at(Half::docs).archive->archive.key;
  instance.remove_document("facture/FA2606-0777");
  for (int day = 1; day < 6; ++day) {
    next_day(instance, day);
    instance.write_document("ecm/day" + std::to_string(day), "x");
    const BackupReport report = instance.backup();
    ASSERT_FALSE(report.prune_failure) << report.prune_failure->what();
  }
  EXPECT_TRUE(instance.store().head(key)) << "it alone still has the lost invoice";
  Catalog catalog = instance.catalog();
  prune(catalog, instance.settings(), {.release = {key}}, [&] { return instance.now; }, {});
  EXPECT_FALSE(instance.store().head(key));
}

TEST(Prune, ReleasingIsShownByTheDryRunAndDoneOnlyByThePlan) {
  Instance instance;
  instance.settings().retention = {.days = 1, .months = 0, .years = 0};
  instance.settings().max_prune_percent = 100;
  instance.write_document("facture/FA2606-0777/FA2606-0777.pdf", "%PDF soon lost");
  next_day(instance, 0);
  const std::string key = instance.backup().record.halves.at(Half::docs).archive->archive.key;
  instance.remove_document("facture/FA2606-0777");
  for (int day = 1; day < 6; ++day) {
    next_day(instance, day);
    instance.write_document("ecm/day" + std::to_string(day), "x");
    instance.backup();
  }
  ASSERT_TRUE(instance.store().head(key));
  const std::string name = key.substr(key.rfind('/') + 1);
  const auto clock = [&] { return instance.now; };
  Catalog dry = instance.catalog();
  const PruneReport plan =
      prune(dry, instance.settings(), {.dry_run = true, .release = {name}}, clock, {});
  EXPECT_THAT(plan.plan.steps, Contains(testing::Field(&PruneStep::key, key)));
  EXPECT_TRUE(instance.catalog().holds().contains(key));
  Catalog wrong = instance.catalog();
  EXPECT_THROW(prune(wrong, instance.settings(), {.release = {"nonesuch"}}, clock, {}), Error);
  Catalog real = instance.catalog();
  prune(real, instance.settings(), {.release = {name}}, clock, {});
  EXPECT_FALSE(instance.store().head(key));
  EXPECT_FALSE(instance.catalog().holds().contains(key));
}

// What a lifecycle rule, a wrong sync or a moved prefix leaves: archives without records.
TEST(Prune, ArchivesWhoseRecordsAreLostAreNotSweptAway) {
  Instance instance;
  for (int day = 0; day < 5; ++day) {
    next_day(instance, day);
    instance.write_document("ecm/day" + std::to_string(day), "x");
    instance.backup({.prune = false});
  }
  for (const ObjectInfo& record : instance.store().list("erp/prod/runs/"))
    instance.store().remove(record.key);
  instance.now += std::chrono::days(30);
  const auto prune_now = [&](bool force) {
    Catalog catalog = instance.catalog();
    return prune(catalog, instance.settings(), {.force = force}, [&] { return instance.now; }, {});
  };
  EXPECT_THROW(prune_now(false), Error);
  EXPECT_EQ(archives_of(instance, Half::db), 5u);
  prune_now(true);
  EXPECT_EQ(archives_of(instance, Half::db), 5u) << "the last ones of a half stay even then";
  const BackupReport report = instance.backup();
  EXPECT_TRUE(report.prune_failure) << "ten orphans of twelve archives are too many";
  EXPECT_EQ(archives_of(instance, Half::db), 6u);
}

TEST(Prune, AnArchiveThatLaterRecordsNameIsNoOrphan) {
  Instance instance;
  const BackupReport first = instance.backup();
  instance.backup();
  instance.store().remove(KeySpace("erp/prod").run_record(first.record.run));
  instance.now += std::chrono::days(30);
  EXPECT_EQ(instance.backup().unchanged(), 0) << "thirty days old";
  Catalog catalog = instance.catalog();
  for (const CatalogArchive& archive : catalog.archives())
    EXPECT_EQ(archive.standing, CatalogArchive::Standing::in_force) << archive.stored.key;
}

TEST(Prune, AHeldOrphanStays) {
  Instance instance;
  instance.backup();
  const RunId run = RunId::make(instance.now - std::chrono::days(20), 1);
  const std::string key = instance.catalog().keys().archive(run, Half::db);
  instance.store().put(key, as_bytes("PGDMP"), Overwrite::no);
  Catalog catalog = instance.catalog();
  add_hold(catalog, key, "evidence", "a test", instance.now);
  Catalog again = instance.catalog();
  prune(again, instance.settings(), {}, [&] { return instance.now; }, {});
  EXPECT_TRUE(instance.store().head(key));
}

TEST(Prune, AnUnreadableRecordStopsIt) {
  Instance instance;
  instance.settings().retention = {.days = 0, .months = 0, .years = 0};
  for (int day = 0; day < 3; ++day) {
    next_day(instance, day);
    instance.backup({.prune = false});
  }
  const std::vector<ObjectInfo> records = instance.store().list("erp/prod/runs/");
  instance.store().put(records[1].key, as_bytes("{"), Overwrite::yes);
  Catalog catalog = instance.catalog();
  EXPECT_THROW(prune(catalog, instance.settings(), {}, [&] { return instance.now; }, {}), Error);
}

TEST(Prune, AHoldHoldsWhateverItSays) {
  Instance instance;
  const BackupReport report = instance.backup();
  const std::string key = report.record.halves.at(Half::db).archive->archive.key;
  for (const char* text : {"{\"who\": 1, \"why\": null}", "[", "", "7"}) {
    instance.store().put(instance.catalog().keys().hold(key), as_bytes(text), Overwrite::yes);
    Catalog catalog = instance.catalog();
    EXPECT_TRUE(list_holds(catalog).contains(key)) << text;
  }
}

TEST(Prune, WhatIsNotOursIsNeverTouched) {
  Instance instance;
  const std::set<std::string> others = {"erp/prod/db/notes.txt", "erp/prod/README",
                                        "erp/prod/other/20200101T000000Z.dump"};
  for (const std::string& key : others) instance.store().put(key, as_bytes("x"), Overwrite::no);
  instance.backup();
  instance.now += std::chrono::days(300);
  Catalog catalog = instance.catalog();
  prune(catalog, instance.settings(), {.force = true}, [&] { return instance.now; }, {});
  for (const std::string& key : others) EXPECT_TRUE(instance.store().head(key)) << key;
}

TEST(Prune, AnOrphanGoesOnlyAfterItsGrace) {
  Instance instance;
  instance.backup();
  instance.now += std::chrono::minutes(5);
  const KeySpace keys("erp/prod");
  const RunId run = RunId::make(instance.now, 12345);
  instance.store().put(keys.archive(run, Half::db), as_bytes("PGDMP"), Overwrite::no);
  const auto prune_now = [&] {
    Catalog catalog = instance.catalog();
    prune(catalog, instance.settings(), {}, [&] { return instance.now; }, {});
  };
  prune_now();
  EXPECT_TRUE(instance.store().head(keys.archive(run, Half::db)));
  instance.now += std::chrono::hours(100);
  prune_now();
  EXPECT_FALSE(instance.store().head(keys.archive(run, Half::db)));
}

TEST(Prune, APlanThatDropsTooMuchIsRefusedUnlessForced) {
  Instance instance;
  instance.settings().retention = {.days = 30, .months = 12, .years = 11};
  for (int day = 0; day < 8; ++day) {
    next_day(instance, day);
    instance.backup({.prune = false});
  }
  instance.settings().retention = {.days = 0, .months = 0, .years = 0};
  const auto clock = [&] { return instance.now; };
  Catalog catalog = instance.catalog();
  try {
    prune(catalog, instance.settings(), {}, clock, {});
    FAIL() << "seven of eight is more than half";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
  }
  EXPECT_EQ(archives_of(instance, Half::db), 8u);
  Catalog listed = instance.catalog();
  EXPECT_THAT(missing_of(environment_status(listed, instance.settings(), instance.now)),
              Contains(HasSubstr("prune: refused, it would remove 7 of 8 db archives")));
  Catalog again = instance.catalog();
  prune(again, instance.settings(), {.force = true}, clock, {});
  EXPECT_EQ(archives_of(instance, Half::db), 1u);
}

}  // namespace
}  // namespace dolibarr_backup
