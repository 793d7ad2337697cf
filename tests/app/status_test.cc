// Each way to be ill, on real archives: what status, the metrics and the shipped alerts say.
#include "app/status.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "app/counting_store.h"
#include "app/instance.h"
#include "app/metrics.h"
#include "app/prometheus_tool.h"
#include "app/verify.h"
#include "base/replace_file.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Alerts = std::vector<std::string>;

// Drills need a server of their own; that none was done is not what is looked at here.
const Alerts kOverdue = {"DolibarrDrillOverdue", "DolibarrVerifyOverdue"};

Alerts with_overdue(Alerts alerts) {
  alerts.insert(alerts.end(), kOverdue.begin(), kOverdue.end());
  return alerts;
}

class Ill : public testing::Test {
 protected:
  EnvironmentStatus status() {
    Catalog catalog = instance.catalog();
    return environment_status(catalog, instance.settings(), instance.now);
  }
  std::string metrics() { return metrics_text({status()}); }
  std::string alert_problem(const Alerts& expected) {
    return alert_problem_of(metrics(), instance.now, expected);
  }
  std::string verdict() { return std::string(verdict_word(status().verdict)); }
  std::string verdict(Half half) {
    return std::string(verdict_word(status().halves.at(half).verdict));
  }
  std::string text(FindingKind kind) {
    for (const Finding& finding : status().findings)
      if (finding.kind == kind) return finding.text;
    return "";
  }
  void verify_all() {
    Catalog catalog = instance.catalog();
    verify(catalog, instance.settings(), {}, [&] { return instance.now; }, instance.progress(), {});
  }
  /// So many runs after this one that found nothing changed; an hour passes after the last.
  void run_unchanged(RunRecord record, int runs, std::chrono::seconds interval) {
    for (auto& [which, half] : record.halves) half.result = HalfResult::unchanged;
    const KeySpace keys("erp/prod");
    std::string text = get_object(instance.store(), keys.run_record(record.run), kMiB).value();
    const auto clock = std::filesystem::file_time_type::clock::now();
    for (int run = 1; run <= runs; ++run) {
      record.previous = {{record.run.text(), sha256_hex(text)}};
      record.run = RunId::make(instance.now + run * interval, static_cast<uint32_t>(run));
      record.started = record.finished = record.run.start();
      text = to_json(record);
      instance.store().put(keys.run_record(record.run), as_bytes(text), Overwrite::no);
      // When a record was stored tells which ones can be heads of the chain.
      std::filesystem::last_write_time(instance.store_folder() + "/" + keys.run_record(record.run),
                                       clock - interval * (runs - run));
    }
    instance.now += runs * interval + hours(1);
  }

  Instance instance;
};

TEST_F(Ill, NotAtAll) {
  instance.backup();
  instance.backup();
  instance.now += std::chrono::minutes(1);
  verify_all();
  EXPECT_EQ(verdict(), "ok");
  EXPECT_THAT(metrics(), HasSubstr("dolibarr_backup_ok{env=\"prod\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("dolibarr_backup_skipped_halves{env=\"prod\"} 2\n"));
  EXPECT_THAT(
      metrics(),
      HasSubstr(fmt::format(
          "dolibarr_backup_last_verified_timestamp_seconds{{env=\"prod\",half=\"db\"}} {}\n",
          instance.now.time_since_epoch().count())));
  EXPECT_EQ(metrics_problem(metrics()), "");
  EXPECT_EQ(alert_problem({"DolibarrDrillOverdue"}), "");
}

TEST_F(Ill, NeverBackedUp) {
  EXPECT_EQ(verdict(), "never");
  EXPECT_EQ(verdict(Half::docs), "never");
  EXPECT_THAT(metrics(), HasSubstr("dolibarr_backup_ok{env=\"prod\"} 0\n"));
  EXPECT_THAT(
      metrics(),
      HasSubstr("dolibarr_backup_last_success_timestamp_seconds{env=\"prod\",half=\"docs\"} 0\n"));
  EXPECT_EQ(metrics_problem(metrics()), "");
  EXPECT_EQ(alert_problem(with_overdue({"DolibarrBackupNever", "DolibarrBackupUnwell"})), "");
}

TEST_F(Ill, TheDocumentsNeverWere) {
  instance.settings().documents += "-not-mounted";
  instance.backup();
  EXPECT_EQ(verdict(), "never");
  EXPECT_EQ(verdict(Half::docs), "never");
  EXPECT_EQ(verdict(Half::db), "ok");
  EXPECT_THAT(text(FindingKind::failed), HasSubstr("not-mounted"));
  EXPECT_THAT(metrics(), HasSubstr("dolibarr_backup_half_ok{env=\"prod\",half=\"db\"} 1\n"));
  EXPECT_EQ(alert_problem(with_overdue(
                {"DolibarrBackupFailed", "DolibarrBackupNever", "DolibarrBackupUnwell"})),
            "");
}

TEST_F(Ill, ThreeDaysStale) {
  instance.backup();
  instance.now += hours(72);
  EXPECT_EQ(verdict(), "stale");
  EXPECT_THAT(text(FindingKind::stale), HasSubstr("for 3 d"));
  EXPECT_THAT(metrics(), HasSubstr("finding=\"stale\",severity=\"failure\"} 1\n"));
  EXPECT_EQ(alert_problem(with_overdue({"DolibarrBackupStale"})), "");
  instance.settings().max_age = hours(80);
  EXPECT_EQ(verdict(), "ok");
  EXPECT_EQ(alert_problem(kOverdue), "") << "the rule follows the setting";
}

TEST_F(Ill, ARecordIsOfTheFuture) {
  instance.backup();
  const Instant today = instance.now;
  instance.now += hours(24 * 300);
  instance.backup();
  instance.now = today + std::chrono::minutes(1);
  EXPECT_EQ(verdict(), "clock");
  EXPECT_THAT(metrics(), HasSubstr("dolibarr_backup_ok{env=\"prod\"} 0\n"));
  for (const char* name : {"last_success_timestamp_seconds{env=\"prod\",half=\"db\"}",
                           "last_point_timestamp_seconds{env=\"prod\"}",
                           "run_timestamp_seconds{env=\"prod\",command=\"backup\"}"})
    EXPECT_THAT(metrics(), HasSubstr(fmt::format("dolibarr_backup_{} {}\n", name,
                                                 today.time_since_epoch().count())));
}

TEST_F(Ill, TheNewestArchiveIsDamaged) {
  const BackupReport report = instance.backup();
  const std::string key = report.record.halves.at(Half::docs).archive->archive.key;
  const std::string path = instance.store_folder() + "/" + key;
  std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(100);
  file << "rot";
  file.close();
  EXPECT_EQ(verdict(), "ok") << "nobody has read it yet";
  instance.now += std::chrono::minutes(1);
  verify_all();
  EXPECT_EQ(verdict(), "damaged");
  EXPECT_EQ(verdict(Half::docs), "damaged");
  EXPECT_EQ(verdict(Half::db), "ok");
  EXPECT_THAT(text(FindingKind::damaged), HasSubstr(key));
  EXPECT_THAT(metrics(), HasSubstr("half=\"docs\",finding=\"damaged\",severity=\"failure\"} 1\n"));
  EXPECT_EQ(alert_problem(with_overdue({"DolibarrBackupUnwell"})), "");
}

TEST_F(Ill, TheChainIsBroken) {
  const BackupReport first = instance.backup();
  instance.backup();
  instance.backup();
  std::vector<RunId> runs = instance.catalog().runs();
  instance.store().remove(KeySpace("erp/prod").run_record(runs.at(1)));
  EXPECT_EQ(verdict(), "broken-chain");
  EXPECT_THAT(text(FindingKind::broken_chain), HasSubstr("is gone"));
  EXPECT_THAT(text(FindingKind::broken_chain), HasSubstr(runs.at(1).text()));
  EXPECT_THAT(metrics(), HasSubstr("finding=\"broken-chain\",severity=\"failure\"} 1\n"));
  EXPECT_EQ(alert_problem(with_overdue({"DolibarrBackupUnwell"})), "");
}

TEST_F(Ill, ARunThatWasRefused) {
  instance.backup();
  instance.sql("update llx_const set value = 'another' where name = 'MAIN_SECURITY_SALT'");
  instance.backup();
  EXPECT_EQ(verdict(), "failed");
  EXPECT_EQ(alert_problem(with_overdue({"DolibarrBackupFailed"})), "");
}

TEST_F(Ill, TheDocumentsCollapsed) {
  for (int i = 0; i < 40; ++i)
    instance.write_document("ecm/" + std::to_string(i),
                            std::string(1, 'a') + std::to_string(i * i));
  std::ofstream noise(instance.documents() + "/noise.bin", std::ios::binary);
  std::ifstream random("/dev/urandom", std::ios::binary);
  std::string bytes(300'000, '\0');
  random.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  noise << bytes;
  noise.close();
  instance.backup();
  instance.remove_document("noise.bin");
  instance.backup();
  EXPECT_EQ(verdict(), "collapsed");
  EXPECT_EQ(verdict(Half::docs), "collapsed");
  EXPECT_EQ(alert_problem(with_overdue({"DolibarrBackupCollapsed"})), "");
}

TEST_F(Ill, KeptInstantsThatAreLostAreNamed) {
  const BackupReport first = instance.backup();
  instance.now += hours(24);
  instance.sql("update llx_facture set note_private = 'changed'");
  instance.backup();
  instance.now += hours(1);
  EXPECT_THAT(status().gaps,
              Not(Contains(testing::Field(&CoverageGap::reason, CoverageGap::Reason::lost))));
  instance.store().remove(first.record.halves.at(Half::db).archive->archive.key);
  const EnvironmentStatus after = status();
  std::vector<std::string> lost;
  for (const CoverageGap& gap : after.gaps)
    if (gap.reason == CoverageGap::Reason::lost) lost.push_back(gap.kept.label);
  EXPECT_THAT(lost, Contains("2026-06-01"));
  EXPECT_EQ(verdict_word(after.verdict), "ok") << "today's can be restored";
  EXPECT_THAT(metrics(), HasSubstr("finding=\"gap\",severity=\"warning\"} 1\n"));
}

TEST_F(Ill, OfManyYearsOfRunsOnlyTheNewestAreRead) {
  constexpr int kRuns = 1500;
  run_unchanged(instance.backup().record, kRuns, hours(24));
  const RunRecord record = instance.backup({.force = true}).record;
  CountingStore counting(instance.store());
  Catalog catalog(counting, KeySpace("erp/prod"), {});
  const EnvironmentStatus status = environment_status(catalog, instance.settings(), instance.now);
  EXPECT_EQ(verdict_word(status.verdict), "ok") << status.findings.front().text;
  EXPECT_EQ(status.runs.at(RunKind::backup).last->run, record.run);
  EXPECT_LT(counting.requests, kStatusRecords + 100);
}

TEST_F(Ill, AProofCountsHoweverOftenBackupsRun) {
  instance.backup();
  instance.now += std::chrono::minutes(1);
  verify_all();
  run_unchanged(instance.backup().record, static_cast<int>(kStatusRecords) + 100, hours(1));
  EXPECT_EQ(text(FindingKind::verify_overdue), "");
  EXPECT_TRUE(status().halves.at(Half::db).newest_verified);
  instance.settings().proof_max_age = hours(24);
  EXPECT_THAT(text(FindingKind::verify_overdue), HasSubstr("no verify has succeeded for 20 d"));
}

TEST_F(Ill, TheAlertOfAStoreThatCannotBeAsked) {
  const std::string text =
      metrics_text({unreadable_status("prod", "erp/prod", instance.now, "no answer")});
  EXPECT_THAT(text, HasSubstr("finding=\"unreadable\",severity=\"failure\"} 1\n"));
  EXPECT_EQ(metrics_problem(text), "");
  EXPECT_EQ(alert_problem_of(text, instance.now, {"DolibarrBackupUnwell"}), "");
}

TEST(ReplaceFile, IsReplacedInOneStepAndReadableForAll) {
  TempDir folder;
  const std::string path = folder.string() + "/a.prom";
  const mode_t before = ::umask(0077);
  replace_file(path, "one 1\n", 0644);
  replace_file(path, "two 2\n", 0644);
  ::umask(before);
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "two 2\n");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0644));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.string()),
                          std::filesystem::directory_iterator()),
            1);
  EXPECT_THROW(replace_file(folder.string() + "/none/a.prom", "", 0644), Error);
}

TEST(ReplaceFile, WhatIsNoRegularFileStaysAndIsWrittenInto) {
  TempDir folder;
  const std::string link = folder.string() + "/link", file = folder.string() + "/file";
  std::filesystem::create_symlink(file, link);
  replace_file(link, "a long text\n", 0644);
  replace_file(link, "text\n", 0644);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "text\n");
  const std::string device = folder.string() + "/device";
  std::filesystem::create_symlink("/dev/null", device);
  replace_file(device, "text\n", 0644);
  EXPECT_TRUE(std::filesystem::is_character_file(device));
  const std::string pipe = folder.string() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread reader([&] {
    std::ifstream from(pipe);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(from), {}), "text\n");
  });
  replace_file(pipe, "text\n", 0644);
  reader.join();
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_THROW(replace_file(folder.string(), "text\n", 0644), Error);
}

}  // namespace
}  // namespace dolibarr_backup
