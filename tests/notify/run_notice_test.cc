#include "notify/run_notice.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace dolibarr_backup {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

RunNotice failed() {
  return {.environment = "prod",
          .command = RunKind::backup,
          .host = "erp-host",
          .id = "5d1f0b7e-0d8c-4d5c-9f53-0a1b2c3d4e5f",
          .started = *parse_instant("2026-11-26T02:15:00Z"),
          .finished = *parse_instant("2026-11-26T02:16:13Z"),
          .exit_code = 4,
          .text = "took 73 s\nenv=prod result=failed\n",
          .json = R"({"environment": "prod", "result": "failed"})",
          .error = "the database does not answer",
          .hint = "look at it"};
}

RunNotice well() {
  RunNotice notice = failed();
  notice.exit_code = 0;
  notice.error = notice.hint = "";
  return notice;
}

TEST(RunNotice, EachCommandHasItsOwnCheck) {
  NotifySettings settings;
  settings.ping.backup = Secret("https://ping.example/one");
  settings.ping.drill = Secret("https://ping.example/two");
  EXPECT_EQ(ping_of(settings, RunKind::backup).reveal(), "https://ping.example/one");
  EXPECT_EQ(ping_of(settings, RunKind::drill).reveal(), "https://ping.example/two");
  for (const RunKind without : {RunKind::prune, RunKind::verify, RunKind::restore}) {
    EXPECT_TRUE(ping_of(settings, without).empty());
    EXPECT_FALSE(tells_anybody(settings, without));
  }
  EXPECT_TRUE(tells_anybody(settings, RunKind::backup));
}

TEST(RunNotice, WebhookAndMailHearOfFailuresUnlessTheyAreToHearOfAll) {
  NotifySettings settings;
  EXPECT_FALSE(tells_webhook(settings, 4)) << "there is none";
  EXPECT_FALSE(tells_mail(settings, 4)) << "there is none";
  settings.webhook.url = Secret("https://hook.example/path");
  settings.mail.server = "smtp://mail.example:587";
  for (const int code : {1, 4, 7, 8, 9, 130}) {
    EXPECT_TRUE(tells_webhook(settings, code));
    EXPECT_TRUE(tells_mail(settings, code));
  }
  EXPECT_FALSE(tells_webhook(settings, 0));
  EXPECT_FALSE(tells_mail(settings, 0));
  settings.webhook.when = NoticeWhen::always;
  EXPECT_TRUE(tells_webhook(settings, 0));
  EXPECT_FALSE(tells_mail(settings, 0));
  settings.mail.when = NoticeWhen::always;
  EXPECT_TRUE(tells_mail(settings, 0));
}

TEST(RunNotice, APingHasTheErrorAndTheEndOfWhatWasPrinted) {
  EXPECT_EQ(body_of_ping(failed()),
            "error: the database does not answer\nhint: look at it\n"
            "took 73 s\nenv=prod result=failed\n");
  RunNotice large = failed();
  large.text = "";
  for (int i = 0; i < 5000; ++i) large.text += "é line " + std::to_string(i) + "\n";
  const std::string body = body_of_ping(large);
  EXPECT_LE(body.size(), kNoticeBytes);
  EXPECT_GT(body.size(), kNoticeBytes - 100);
  EXPECT_THAT(body,
              StartsWith("error: the database does not answer\nhint: look at it\n...\né line "));
  EXPECT_THAT(body, EndsWith("é line 4999\n"));
  large.error = large.hint = std::string(50'000, 'x');
  EXPECT_LE(body_of_ping(large).size(), kNoticeBytes);
}

TEST(RunNotice, AWebhookHasTheReportOfTheRun) {
  const json value = json::parse(body_of_webhook(failed()));
  EXPECT_EQ(value.at("environment"), "prod");
  EXPECT_EQ(value.at("command"), "backup");
  EXPECT_EQ(value.at("exit_code"), 4);
  EXPECT_EQ(value.at("code"), "source");
  EXPECT_EQ(value.at("error"), "the database does not answer");
  EXPECT_EQ(value.at("hint"), "look at it");
  EXPECT_EQ(value.at("started"), "2026-11-26T02:15:00Z");
  EXPECT_EQ(value.at("finished"), "2026-11-26T02:16:13Z");
  EXPECT_EQ(value.at("host"), "erp-host");
  EXPECT_EQ(value.at("report").at("result"), "failed");
  EXPECT_THAT(value.at("text").get<std::string>(), HasSubstr("env=prod result=failed"));
  const json good = json::parse(body_of_webhook(well()));
  EXPECT_EQ(good.at("code"), "success");
  EXPECT_FALSE(good.contains("error"));
}

TEST(RunNotice, AWebhookIsJsonWhateverWasPrinted) {
  RunNotice odd = failed();
  odd.json = "no JSON";
  odd.error = "\"quoted\"\n\xff";
  const json value = json::parse(body_of_webhook(odd));
  EXPECT_FALSE(value.contains("report"));
  EXPECT_EQ(value.at("error"), "\"quoted\"\n\xef\xbf\xbd");
  odd.json = "";
  EXPECT_FALSE(json::parse(body_of_webhook(odd)).contains("report"));
}

TEST(RunNotice, ASubjectSaysWhatHappenedWhere) {
  EXPECT_EQ(subject_of_mail(failed()),
            "dolibarr-backup prod: backup FAILED (4, source): the database does not answer");
  EXPECT_EQ(subject_of_mail(well()), "dolibarr-backup prod: backup ok");
  RunNotice long_one = failed();
  long_one.error = std::string(5000, 'x');
  EXPECT_LT(subject_of_mail(long_one).size(), 300u);
}

TEST(RunNotice, AMailSaysWhatThePersonWhoReadsItNeeds) {
  EXPECT_EQ(body_of_mail(failed()),
            "environment: prod\ncommand: backup\nhost: erp-host\nstarted: 2026-11-26T02:15:00Z\n"
            "finished: 2026-11-26T02:16:13Z\nexit code: 4 (source: the database or the documents "
            "could not be read)\n\nerror: the database does not answer\nhint: look at it\n"
            "took 73 s\nenv=prod result=failed\n");
  EXPECT_THAT(body_of_mail(well()), Not(HasSubstr("error:")));
}

}  // namespace
}  // namespace dolibarr_backup
