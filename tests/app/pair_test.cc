// The two halves must be one consistent pair: whatever moves while they are taken
// is either taken again or said to be torn, never called quiescent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <filesystem>

#include "app/hooked_store.h"
#include "app/instance.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;

// A session that holds a transaction open, as a busy PHP request does.
class OpenTransaction {
 public:
  explicit OpenTransaction(const Instance& instance) {
    const DatabaseSettings settings = Instance::server().settings(instance.database());
    const std::string target = "host=" + settings.host + " port=" + settings.port +
                               " user=" + settings.user + " dbname=" + settings.name;
    connection_ = PQconnectdb(target.c_str());
    run("begin");
  }
  ~OpenTransaction() { PQfinish(connection_); }
  void run(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      throw std::runtime_error(PQerrorMessage(connection_));
  }

 private:
  PGconn* connection_;
};

void rename_document(const Instance& instance, const std::string& from, const std::string& to) {
  std::filesystem::rename(instance.documents() + "/" + from, instance.documents() + "/" + to);
}

BackupReport backup_with_hook(Instance& instance,
                              const std::function<void(const std::string&)>& on_flush) {
  HookedStore hooked(instance.store(), on_flush);
  Progress progress;
  instance.now += std::chrono::minutes(1);
  return back_up(instance.settings(), hooked, {}, [&] { return instance.now; }, progress, {});
}

TEST(Pair, ATransactionHeldOverTheWholeRunIsTorn) {
  Instance instance;
  instance.settings().settle_timeout = std::chrono::seconds(0);
  OpenTransaction writer(instance);
  writer.run("update llx_facture set ref = 'FA2606-9999' where rowid = 1");
  rename_document(instance, "facture/FA2606-0001", "facture/FA2606-9999");
  const BackupReport report = instance.backup();
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), Errc::torn);
  EXPECT_EQ(report.record.pair, PairJudgement::torn);
  EXPECT_EQ(report.record.attempts, instance.settings().pair_attempts);
  EXPECT_EQ(report.uploaded(), 2) << "a torn pair is better than none";
  EXPECT_THAT(report.failure->what(), HasSubstr("llx_facture"));

  writer.run("commit");
  const BackupReport next = instance.backup();
  EXPECT_EQ(next.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Pair, ATransactionThatEndsInTimeIsWaitedForAndTakenAgain) {
  Instance instance;
  OpenTransaction writer(instance);
  writer.run("update llx_facture set ref = 'FA2606-9999' where rowid = 1");
  rename_document(instance, "facture/FA2606-0001", "facture/FA2606-9999");
  bool committed = false;
  const BackupReport report = backup_with_hook(instance, [&](const std::string& key) {
    if (!committed && key.ends_with(".dump")) {
      writer.run("commit");
      committed = true;
    }
  });
  EXPECT_FALSE(report.failure);
  EXPECT_EQ(report.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(report.record.attempts, 2);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Pair, ATransactionRolledBackInMidRunLeavesNoTornPair) {
  Instance instance;
  OpenTransaction writer(instance);
  writer.run("update llx_facture set ref = 'FA2606-9999' where rowid = 1");
  rename_document(instance, "facture/FA2606-0001", "facture/FA2606-9999");
  bool done = false;
  const BackupReport report = backup_with_hook(instance, [&](const std::string& key) {
    if (done || !key.ends_with(".tar.gz")) return;
    done = true;
    // The database shows no trace of it; only the tree does.
    writer.run("rollback");
    rename_document(instance, "facture/FA2606-9999", "facture/FA2606-0001");
  });
  EXPECT_EQ(report.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(report.record.attempts, 2);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Pair, ARowAndItsDocumentChangedInMidRunAreTakenAgain) {
  Instance instance;
  instance.backup();
  instance.sql("update llx_facture set note_private = 'first' where rowid = 2");
  bool done = false;
  const BackupReport report = backup_with_hook(instance, [&](const std::string&) {
    if (done) return;
    done = true;
    instance.sql("update llx_facture set total_ttc = 77 where rowid = 3");
    instance.write_document("facture/FA2606-0003/FA2606-0003.pdf", "%PDF rewritten");
  });
  EXPECT_EQ(report.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(report.record.attempts, 2);
  EXPECT_EQ(report.uploaded(), 2) << "the documents changed too, after they were found unchanged";
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(Pair, AnInstanceThatNeverStandsStillIsStoredAsTorn) {
  Instance instance;
  int edits = 0;
  const BackupReport report = backup_with_hook(instance, [&](const std::string& key) {
    if (key.ends_with(".dump"))
      instance.sql("update llx_facture set total_ttc = " + std::to_string(++edits) +
                   " where rowid = 3");
  });
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), Errc::torn);
  EXPECT_EQ(report.record.attempts, 3);
  Catalog catalog = instance.catalog();
  EXPECT_FALSE(catalog.good_pair_at(instance.now)) << "torn is no point";
  EXPECT_TRUE(catalog.store().list_uploads("erp/prod/").empty()) << "aborted attempts are gone";
}

TEST(Pair, WritesElsewhereInTheClusterCostAFingerprintNotThePair) {
  Instance instance;
  Instance::server().create_database("elsewhere");
  const BackupReport report = backup_with_hook(instance, [&](const std::string&) {
    Instance::server().run_sql("elsewhere",
                               "create table if not exists noise(n int); "
                               "insert into noise values (1)");
  });
  EXPECT_EQ(report.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(report.record.attempts, 1);
}

}  // namespace
}  // namespace dolibarr_backup
