#include "cli/status_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

const Instant kNow(std::chrono::seconds(1'782'785'700));

EnvironmentStatus ill() {
  EnvironmentStatus status;
  status.environment = "prod";
  status.prefix = "erp/prod";
  status.store = "s3://bucket";
  status.now = kNow;
  status.max_age = std::chrono::hours(26);
  status.proof_max_age = std::chrono::hours(99);
  HalfStatus& db = status.halves[Half::db];
  db.last_run = kNow - std::chrono::seconds(5);
  db.last_result = HalfResult::unchanged;
  db.last_success = kNow - std::chrono::seconds(6);
  db.unchanged_since = kNow - std::chrono::seconds(7);
  db.newest = StatusArchive{{"erp/prod/db/x.dump", Half::db, kNow, 77}, false, "", {}};
  db.newest_verified = kNow - std::chrono::seconds(8);
  db.archives = 3;
  db.bytes = 4;
  db.archives_by_tier = {{Tier::daily, 2}, {Tier::yearly, 1}};
  db.growth_bytes = -12;
  status.halves[Half::docs].last_result = HalfResult::failed;
  status.runs[RunKind::backup].last = {RunId::make(kNow, 1), RunResult::torn,
                                       kNow + std::chrono::seconds(9), "it moved"};
  status.runs[RunKind::drill].last_success = {RunId::make(kNow, 2), RunResult::success, kNow, ""};
  status.last_pair = kNow;
  status.next_expected = kNow + std::chrono::hours(1);
  status.oldest_upload = kNow - std::chrono::hours(1);
  status.skipped = 1;
  status.pruned = 2;
  status.kept_instants = 53;
  status.gaps = {{{Tier::monthly, kNow, "2026-05"}, CoverageGap::Reason::lost, kNow},
                 {{Tier::daily, kNow, "2026-06-01"}, CoverageGap::Reason::before_first, {}}};
  status.orphans = 5;
  status.uploads = 6;
  status.not_ours = 7;
  add_finding(status, {FindingKind::torn, std::nullopt, "moved"});
  add_finding(status, {FindingKind::never, Half::docs, "there is no docs archive"});
  add_finding(status, {FindingKind::no_key, std::nullopt, "no key"});
  return status;
}

TEST(StatusJson, APodsAnswerIsReadBackWhole) {
  for (const EnvironmentStatus& status :
       {ill(), unreadable_status("prod", "erp/prod", kNow, "no answer")}) {
    const std::string text = status_json({status}, std::nullopt);
    const EnvironmentStatus read = read_status_json(text);
    EXPECT_EQ(status_json({read}, std::nullopt), text);
    EXPECT_EQ(read.verdict, status.verdict);
    EXPECT_EQ(read.findings, status.findings);
  }
  EXPECT_EQ(read_status_json(status_json({ill()}, std::nullopt)).halves.at(Half::db).verdict,
            FindingKind::torn);
}

TEST(StatusJson, AnyOtherAnswerIsAnError) {
  std::string unknown = status_json({ill()}, std::nullopt);
  unknown.replace(unknown.find("\"no-key\""), 8, "\"odd\"");
  for (const std::string& text :
       {std::string(""), std::string("{}"), std::string("[1]"),
        std::string("{\"environments\": []}"),
        std::string("{\"environments\": [{\"environment\": 1}]}"), unknown}) {
    try {
      read_status_json(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::cluster);
    }
  }
}

}  // namespace
}  // namespace dolibarr_backup
