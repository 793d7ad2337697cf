#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/adopt.h"
#include "app/dropping_proxy.h"
#include "app/hooked_store.h"
#include "app/identity.h"
#include "app/instance.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;

int exit_code(const BackupReport& report) {
  return report.failure ? exit_code_of(report.failure->code()) : 0;
}

TEST(Backup, FirstRunUploadsBothHalvesAndTheNextNothing) {
  Instance instance;
  const BackupReport first = instance.backup();
  EXPECT_EQ(exit_code(first), 0) << first.failure->what();
  EXPECT_EQ(first.uploaded(), 2);
  EXPECT_EQ(first.record.pair, PairJudgement::quiescent);
  const BackupReport second = instance.backup();
  EXPECT_EQ(exit_code(second), 0);
  EXPECT_EQ(second.uploaded(), 0);
  EXPECT_EQ(second.unchanged(), 2);
  EXPECT_EQ(second.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Backup, OnlyTheHalfThatChangedIsUploaded) {
  Instance instance;
  instance.backup();
  instance.sql("update llx_facturedet set description = 'other' where rowid = 7");
  const BackupReport rows = instance.backup();
  EXPECT_EQ(rows.record.halves.at(Half::db).result, HalfResult::stored);
  EXPECT_EQ(rows.record.halves.at(Half::docs).result, HalfResult::unchanged);
  EXPECT_EQ(instance.difference_after_restore(), "");

  instance.write_document("facture/FA2606-0021/FA2606-0021.pdf", "%PDF new");
  const BackupReport files = instance.backup();
  EXPECT_EQ(files.record.halves.at(Half::db).result, HalfResult::unchanged);
  EXPECT_EQ(files.record.halves.at(Half::docs).result, HalfResult::stored);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

// Tables that a run read; an idle server may commit statistics of its own at any time.
uint64_t tables_read(Instance& instance, const BackupOptions& options = {}) {
  instance.progress().db_tables_total = 0;
  const BackupReport report = instance.backup(options);
  EXPECT_EQ(exit_code(report), 0) << report.failure->what();
  return instance.progress().db_tables_total;
}

bool becomes_unread(Instance& instance) {
  for (int run = 0; run < 10; ++run)
    if (tables_read(instance) == 0) return true;
  return false;
}

TEST(Backup, ADatabaseWithoutCommitsIsNotReadAgain) {
  Instance instance;
  const BackupReport first = instance.backup();
  ASSERT_TRUE(becomes_unread(instance));
  const BackupReport quiet = instance.backup();
  const HalfRecord& half = quiet.record.halves.at(Half::db);
  EXPECT_EQ(half.result, HalfResult::unchanged);
  EXPECT_EQ(half.facts.at("rows"), first.record.halves.at(Half::db).facts.at("rows"));
  EXPECT_EQ(half.fingerprint, first.record.halves.at(Half::db).fingerprint);

  EXPECT_GT(tables_read(instance, {.reread = true}), 0);
  instance.sql("update llx_user set datelastlogin = now() where rowid = 1");
  EXPECT_GT(tables_read(instance), 0);
  ASSERT_TRUE(becomes_unread(instance));
  PostgresServer& server = Instance::server();
  server.run_sql("postgres", "create table elsewhere(a int); drop table elsewhere",
                 PostgresServer::kSuperuser);
  EXPECT_GT(tables_read(instance), 0) << "transaction numbers are the cluster's";
  ASSERT_TRUE(becomes_unread(instance));
  server.restart();
  EXPECT_GT(tables_read(instance), 0) << "who knows from what state it started";
}

TEST(Backup, AnUnreadDatabaseThatChangesInMidRunIsTakenWhole) {
  Instance instance;
  instance.backup();
  ASSERT_TRUE(becomes_unread(instance));
  instance.write_document("facture/FA2606-0021/FA2606-0021.pdf", "%PDF new");
  bool changed = false;
  HookedStore hooked(instance.store(), [&](const std::string& key) {
    if (changed || !key.ends_with(".tar.gz")) return;
    changed = true;
    instance.sql("update llx_facture set ref = 'FA2606-9999' where rowid = 1");
  });
  instance.now += std::chrono::minutes(1);
  Progress progress;
  const BackupReport report =
      back_up(instance.settings(), hooked, {}, [&] { return instance.now; }, progress, {});
  EXPECT_EQ(exit_code(report), 0) << report.failure->what();
  EXPECT_TRUE(changed);
  EXPECT_EQ(report.uploaded(), 2);
  EXPECT_EQ(report.record.attempts, 2);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Backup, AnotherDatabaseOfTheSameClusterIsNeverTakenOverUnread) {
  Instance instance, other;
  instance.backup();
  ASSERT_TRUE(becomes_unread(instance));
  instance.settings().database.name = other.database();
  Catalog catalog = instance.catalog();
  accept_identity(catalog, instance.settings(), instance.now + std::chrono::seconds(1));
  other.sql("select 1");
  EXPECT_GT(tables_read(instance), 0);
}

TEST(Backup, AnInstanceThatIsRefusedIsRefusedAfterALostConnectionToo) {
  Instance instance, other;
  other.sql("update llx_const set value = 'another' where name = 'MAIN_SECURITY_SALT'");
  instance.backup();
  const DatabaseSettings real = Instance::server().settings(other.database());
  DroppingProxy proxy(real.host + "/.s.PGSQL." + real.port, 1);
  instance.settings().database = real;
  instance.settings().database.host = "127.0.0.1";
  instance.settings().database.port = std::to_string(proxy.port());
  const BackupReport report = instance.backup();
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), Errc::refused) << report.failure->what();
  EXPECT_EQ(proxy.dropped(), 1);
  EXPECT_EQ(report.uploaded(), 0);
}

TEST(Backup, WhatTheStoreDidNotKeepIsNoSuccess) {
  Instance instance;
  HookedStore hooked(instance.store(), [](const std::string&) {});
  hooked.after_complete = [&](const std::string& key) {
    if (key.ends_with(".dump")) instance.store().remove(key);
  };
  instance.now += std::chrono::minutes(1);
  Progress progress;
  const BackupReport report =
      back_up(instance.settings(), hooked, {}, [&] { return instance.now; }, progress, {});
  ASSERT_TRUE(report.failure);
  EXPECT_THAT(report.failure->what(), HasSubstr("was acknowledged, but is not there"));
  EXPECT_EQ(report.record.halves.at(Half::db).result, HalfResult::failed);
}

TEST(Backup, WithoutADatabaseNoFolderIsLeftOutAsTemporary) {
  Instance instance;
  instance.write_document("ecm/temp/to keep.txt", "a user's own");
  instance.settings().database.port = "1";
  const BackupReport report = instance.backup();
  EXPECT_EQ(report.record.halves.at(Half::docs).facts.count("excluded_files"), 0u);
}

TEST(Backup, RecordsThatNobodyCanReadAreNotPassedOver) {
  Instance instance;
  instance.backup();
  for (const ObjectInfo& record : instance.store().list("erp/prod/runs/"))
    instance.store().put(record.key, as_bytes(R"({"format": 99})"), Overwrite::yes);
  instance.now += std::chrono::minutes(1);
  try {
    instance.backup();
    FAIL() << "whose backups are these?";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
  }
}

TEST(Backup, LoginsAndCachesUploadNothing) {
  Instance instance;
  instance.write_document("users/temp/1/stats.cache", "");
  instance.backup();
  instance.sql(
      "update llx_user set datepreviouslogin = datelastlogin, datelastlogin = now(), tms = now()");
  instance.write_document("users/temp/1/stats.cache", "numbers");
  instance.write_document("dolibarr.log", "GET /index.php\n");
  const BackupReport report = instance.backup();
  EXPECT_EQ(report.uploaded(), 0) << report.why.at(Half::db) << "; " << report.why.at(Half::docs);
}

TEST(Backup, ContentChangedWithinTheTimeStampIsSeen) {
  Instance instance;
  const std::string path = "facture/FA2606-0001/FA2606-0001.pdf";
  instance.backup();  // everything was made just now: racy
  const std::string file = instance.documents() + "/" + path;
  struct stat before {};
  ASSERT_EQ(stat(file.c_str(), &before), 0);
  // Same length, same mtime; only ctime can tell, and the walk sees that one.
  {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out << "%PDF-9";
  }
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_EQ(instance.backup().record.halves.at(Half::docs).result, HalfResult::stored);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Backup, AnUnchangedHalfIsTakenAnewAfterItsDays) {
  Instance instance;
  instance.backup();
  instance.now += std::chrono::days(31);
  const BackupReport report = instance.backup();
  EXPECT_EQ(report.uploaded(), 2);
  EXPECT_THAT(report.why.at(Half::db), HasSubstr("31 days old"));
}

TEST(Backup, AHalfThatFailsDoesNotStopTheOther) {
  Instance instance;
  instance.backup();
  instance.sql("update llx_facture set note_private = 'x' where rowid = 1");
  const std::string documents = instance.documents();
  instance.settings().documents = documents + "-not-there";
  const BackupReport report = instance.backup();
  EXPECT_EQ(exit_code(report), 4);
  EXPECT_EQ(report.record.result, RunResult::failed);
  EXPECT_EQ(report.record.pair, PairJudgement::none);
  EXPECT_EQ(report.record.halves.at(Half::db).result, HalfResult::stored);
  EXPECT_EQ(report.record.halves.at(Half::docs).result, HalfResult::failed);
  EXPECT_THAT(report.failure->what(), HasSubstr("-not-there"));

  instance.settings().documents = documents;
  const BackupReport next = instance.backup();
  EXPECT_EQ(next.uploaded(), 0);
  EXPECT_EQ(next.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Backup, AnUnreachableDatabaseIsReportedAndTheDocumentsAreStored) {
  Instance instance;
  instance.settings().database.name = "no_such_database";
  const BackupReport report = instance.backup();
  EXPECT_EQ(exit_code(report), 4);
  EXPECT_EQ(report.record.halves.at(Half::db).result, HalfResult::failed);
  EXPECT_EQ(report.record.halves.at(Half::docs).result, HalfResult::stored);
  EXPECT_THAT(report.failure->what(), HasSubstr("no_such_database"));
}

TEST(Backup, AnotherInstanceIsRefusedUntilItIsAccepted) {
  Instance instance;
  instance.backup();
  instance.sql("update llx_const set value = '20991231' where name = 'MAIN_SECURITY_SALT'");
  const BackupReport refused = instance.backup();
  EXPECT_EQ(exit_code(refused), 7);
  EXPECT_EQ(refused.record.result, RunResult::refused);
  EXPECT_EQ(refused.uploaded(), 0);
  Catalog catalog = instance.catalog();
  EXPECT_EQ(catalog.newest_record()->result, RunResult::refused) << "the refusal is on record";

  instance.now += std::chrono::minutes(1);
  EXPECT_TRUE(accept_identity(catalog, instance.settings(), instance.now).changed);
  EXPECT_EQ(exit_code(instance.backup()), 0);
}

TEST(Backup, AClockBehindTheNewestRecordIsRefused) {
  Instance instance;
  instance.backup();
  instance.now -= std::chrono::hours(48);
  try {
    instance.backup();
    FAIL() << "a run before the newest record must be refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
    EXPECT_THAT(error.what(), HasSubstr("clock"));
  }
}

TEST(Backup, TwoRunsOfOneSecondBothSurvive) {
  Instance instance;
  instance.backup();
  instance.sql("update llx_facture set note_private = 'a'");
  // The second run begins and ends while the first one's bytes are on their way.
  std::optional<BackupReport> second;
  HookedStore hooked(instance.store(), [&](const std::string&) {
    if (second) return;
    second.emplace(BackupReport{.record = {.run = RunId::make(instance.now, 0)}});
    Progress progress;
    second = back_up(instance.settings(), instance.store(), {.prune = false},
                     [&] { return instance.now; }, progress, {});
  });
  instance.now += std::chrono::minutes(1);
  Progress progress;
  const BackupReport first = back_up(instance.settings(), hooked, {.prune = false},
                                     [&] { return instance.now; }, progress, {});
  ASSERT_FALSE(first.failure) << first.failure->what();
  ASSERT_FALSE(second->failure) << second->failure->what();
  EXPECT_EQ(first.record.started, second->record.started);
  {
    Catalog catalog = instance.catalog();
    for (const RunRecord& record : {first.record, second->record}) {
      ASSERT_NE(catalog.record(record.run), nullptr);
      EXPECT_TRUE(catalog.contains(record.halves.at(Half::db).archive->archive.key));
    }
    EXPECT_EQ(catalog.heads().size(), 2u) << "the chain forks";
  }
  instance.backup();
  EXPECT_EQ(instance.catalog().heads().size(), 1u) << "and joins again";
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Backup, EveryRecordIsReferredToByALaterOne) {
  Instance instance;
  for (int run = 0; run < 4; ++run) instance.backup();
  Catalog catalog = instance.catalog();
  ASSERT_EQ(catalog.heads().size(), 1u);
  EXPECT_EQ(catalog.heads().front().run, catalog.runs().back().text());
}

TEST(Backup, DocumentsThatTheDatabaseKnowsAndTheTreeLacksAreCounted) {
  Instance instance;
  instance.sql(
      "insert into llx_ecm_files(label, filepath, filename) values "
      "('x', 'facture/FA2606-0001', 'FA2606-0001.pdf'), ('x', 'facture/GONE', 'GONE.pdf')");
  const BackupReport report = instance.backup();
  EXPECT_EQ(report.record.halves.at(Half::docs).facts.at("indexed_files_missing"), 1u);
  ASSERT_FALSE(report.record.notes.empty());
  EXPECT_THAT(report.record.notes.front(), HasSubstr("facture/GONE/GONE.pdf"));
}

TEST(Backup, PointersAndTheRecipeAreWritten) {
  Instance instance;
  instance.backup();
  for (const char* name : {".fp-db", ".fp-docs", "RESTORE.txt"})
    EXPECT_TRUE(std::filesystem::exists(instance.store_folder() + "/erp/prod/" + name)) << name;
}

TEST(Backup, ArchivesOfTheEarlierScriptCountUntilOursDo) {
  Instance instance;
  const std::string old = "erp/prod/db/20250101T030000Z.dump";
  instance.store().put(old, as_bytes("PGDMP"), Overwrite::no);
  const BackupReport first = instance.backup();
  EXPECT_EQ(first.uploaded(), 2);
  const std::string late = "erp/prod/db/20270101T030000Z.dump";
  instance.store().put(late, as_bytes("PGDMP"), Overwrite::no);
  const auto standing = [&](const std::string& key) {
    Catalog catalog = instance.catalog();
    for (const CatalogArchive& archive : catalog.archives())
      if (archive.stored.key == key) return archive.standing;
    throw std::runtime_error("not listed: " + key);
  };
  EXPECT_EQ(standing(old), CatalogArchive::Standing::in_force);
  EXPECT_EQ(standing(late), CatalogArchive::Standing::foreign);
  Catalog catalog = instance.catalog();
  instance.now += std::chrono::minutes(1);
  EXPECT_EQ(adopt(catalog, instance.settings(), false, instance.now).size(), 2u);
  EXPECT_EQ(standing(late), CatalogArchive::Standing::in_force);
}

}  // namespace
}  // namespace dolibarr_backup
