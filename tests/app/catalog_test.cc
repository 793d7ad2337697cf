#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/instance.h"
#include "app/status.h"

namespace dolibarr_backup {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(List, AnEnvironmentWithoutAnyBackupSaysSo) {
  Instance instance;
  Catalog catalog = instance.catalog();
  const JudgedListing judged = judge_environment(catalog, instance.settings(), instance.now);
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("no run of dolibarr-backup")));
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("there is no db archive in force")));
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("there is no docs archive in force")));
}

TEST(List, AHalfThatWasNeverBackedUpIsNamed) {
  Instance instance;
  instance.settings().documents += "-not-mounted";
  instance.backup();
  Catalog catalog = instance.catalog();
  const JudgedListing judged = judge_environment(catalog, instance.settings(), instance.now);
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("there is no docs archive in force")));
  EXPECT_THAT(missing_of(judged.status), Not(Contains(HasSubstr("no db archive"))));
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("no point")));
}

TEST(List, ASoundEnvironmentMissesNothing) {
  Instance instance;
  instance.backup();
  instance.backup();
  Catalog catalog = instance.catalog();
  const JudgedListing judged = judge_environment(catalog, instance.settings(), instance.now);
  EXPECT_THAT(missing_of(judged.status), IsEmpty());
  ASSERT_EQ(judged.listing.points.size(), 1u);
  EXPECT_EQ(judged.listing.points.front().confirmed - judged.listing.points.front().since,
            std::chrono::minutes(1));
  EXPECT_EQ(judged.listing.archives.size(), 2u);
  for (const ListedArchive& archive : judged.listing.archives)
    EXPECT_THAT(archive.reasons, Contains(HasSubstr("newest")));
}

TEST(List, ThreeSilentDaysAreLoud) {
  Instance instance;
  instance.backup();
  Catalog catalog = instance.catalog();
  const JudgedListing judged =
      judge_environment(catalog, instance.settings(), instance.now + std::chrono::hours(72));
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("no good backup of db for")));
}

TEST(List, TheKeyOutsideTheBackupIsMentionedUntilItsPlaceIsKnown) {
  Instance instance;
  instance.backup();
  instance.settings().conf_key_location.clear();
  Catalog catalog = instance.catalog();
  const JudgedListing judged = judge_environment(catalog, instance.settings(), instance.now);
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("key not in the backup")));
}

TEST(Catalog, ARecordThatCannotBeReadIsReportedAndSkipped) {
  Instance instance;
  instance.backup();
  const RunId stray = RunId::make(instance.now + std::chrono::seconds(30), 7);
  instance.store().put(KeySpace("erp/prod").run_record(stray), as_bytes("{ not json"),
                       Overwrite::no);
  const BackupReport next = instance.backup();
  EXPECT_EQ(next.record.result, RunResult::success);
  Catalog catalog = instance.catalog();
  const JudgedListing judged = judge_environment(catalog, instance.settings(), instance.now);
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("cannot be read")));
}

TEST(Catalog, AnArchiveThatLostItsBytesIsTakenAnew) {
  Instance instance;
  const BackupReport first = instance.backup();
  const std::string key = first.record.halves.at(Half::docs).archive->archive.key;
  instance.store().put(key, as_bytes("cut short"), Overwrite::yes);
  const BackupReport second = instance.backup();
  EXPECT_EQ(second.record.halves.at(Half::docs).result, HalfResult::stored);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(List, AnArchiveOfAnotherSizeIsNoPoint) {
  Instance instance;
  const BackupReport first = instance.backup();
  const std::string key = first.record.halves.at(Half::db).archive->archive.key;
  instance.store().put(key, as_bytes("cut"), Overwrite::yes);
  Catalog catalog = instance.catalog();
  EXPECT_FALSE(catalog.good_pair_at(instance.now));
  const JudgedListing judged = judge_environment(catalog, instance.settings(), instance.now);
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("its record says")));
  EXPECT_THAT(missing_of(judged.status), Contains(HasSubstr("no point")));
  EXPECT_TRUE(judged.listing.points.empty());
  instance.store().remove(key);
  Catalog gone = instance.catalog();
  EXPECT_THAT(missing_of(environment_status(gone, instance.settings(), instance.now)),
              Contains(HasSubstr("the newest db archive '" + key)));
}

}  // namespace
}  // namespace dolibarr_backup
