// Who is told of runs: over HTTP by a server that records and misbehaves, by mail through a real
// mail server with TLS and a login.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/program.h"
#include "store/fault_server.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using Variables = std::map<std::string, std::string>;

constexpr const char* kCheck = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
constexpr const char* kHook = "T0ken-of-the-webhook-4711";
constexpr const char* kLogin = "Bearer s3cr3t-of-the-webhook";

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool wait_for(const std::function<bool()>& condition) {
  for (int tries = 0; tries < 600; ++tries) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

class Notices : public testing::Test {
 protected:
  std::string base() const { return http_.settings(0).s3.endpoint; }
  std::string ping() const { return base() + "/ping/" + kCheck; }
  Variables pings() const { return {{"DOLIBARR_BACKUP_PING_BACKUP", ping()}}; }
  Variables webhook() const {
    return {{"DOLIBARR_BACKUP_WEBHOOK", base() + "/hook/" + kHook + "?thread=1"},
            {"DOLIBARR_BACKUP_WEBHOOK_AUTHORIZATION", kLogin}};
  }
  /// The ways that were asked for, without their queries.
  std::vector<std::string> targets() const {
    std::vector<std::string> all;
    for (const FaultRequest& request : http_.requests())
      all.push_back(request.target.substr(0, request.target.find('?')));
    return all;
  }
  void answer(const std::string& end, FaultAnswer answer) {
    std::lock_guard lock(mutex_);
    answers_[end] = std::move(answer);
  }
  void add_settings(const std::string& yaml) {
    std::ofstream(program_.settings_file(), std::ios::app) << yaml;
  }
  /// The next backup is refused: it is another instance's.
  void make_it_fail() {
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    program_.sql("update llx_const set value = 'another' where name = 'MAIN_SECURITY_SALT'");
  }
  /// Runs the program and sends it SIGTERM once the server was asked for `end`.
  CommandResult run_until_asked(const std::string& end, Variables variables) {
    variables.emplace("DOLIBARR_BACKUP_CONFIG", program_.settings_file());
    const std::string pid_file = program_.path("pid");
    CommandResult result;
    std::thread runs([&] {
      result = run_command({.argv = {"bash", "-c", "echo $$ > \"$0\"; exec \"$@\"", pid_file,
                                     Program::program_path(), "backup"},
                            .environment = variables});
    });
    EXPECT_TRUE(wait_for([&] {
      const std::vector<std::string> asked = targets();
      return std::any_of(asked.begin(), asked.end(),
                         [&](const std::string& one) { return one.ends_with(end); });
    }));
    ::kill(std::stoi(content_of(pid_file)), SIGTERM);
    runs.join();
    return result;
  }

  Program program_;
  std::mutex mutex_;
  std::map<std::string, FaultAnswer> answers_;  // guarded by mutex_; by the target's end
  FaultServer http_{[this](const FaultRequest& request) {
    std::lock_guard lock(mutex_);
    const std::string target = request.target.substr(0, request.target.find('?'));
    for (const auto& [end, answer] : answers_)
      if (target.ends_with(end)) return answer;
    return FaultAnswer{.body = "OK"};
  }};
};

TEST_F(Notices, ACheckIsToldOfTheStartAndOfTheExitCode) {
  const CommandResult backup = program_.run({"-v", "backup"}, pings());
  EXPECT_EQ(backup.status, 0) << backup.errors;
  const std::string path = std::string("/ping/") + kCheck;
  ASSERT_THAT(targets(), ElementsAre(path + "/start", path + "/0"));
  const std::vector<FaultRequest> requests = http_.requests();
  EXPECT_EQ(requests[1].method, "POST");
  EXPECT_EQ(requests[1].body, backup.output);
  const std::string rid = requests[0].target.substr(requests[0].target.find("?rid="));
  EXPECT_THAT(rid, MatchesRegex("[?]rid=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                "[0-9a-f]{12}"));
  EXPECT_THAT(requests[1].target, testing::EndsWith(rid));
  EXPECT_THAT(backup.errors, Not(HasSubstr(kCheck)));

  EXPECT_EQ(program_.run({"prune"}, pings()).status, 0);
  EXPECT_EQ(program_.run({"list"}, pings()).status, 0);
  EXPECT_EQ(http_.requests().size(), 2u) << "the check is the backup's";
  EXPECT_EQ(program_.run({"prune", "-n"}, {{"DOLIBARR_BACKUP_PING_PRUNE", ping()}}).status, 0);
  EXPECT_EQ(http_.requests().size(), 2u) << "nothing was run";
}

TEST_F(Notices, VerifyAndPruneHaveChecksOfTheirOwn) {
  ASSERT_EQ(program_.run({"backup"}).status, 0);
  const Variables variables = {{"DOLIBARR_BACKUP_PING_VERIFY", base() + "/verify"},
                               {"DOLIBARR_BACKUP_PING_PRUNE", base() + "/prune"}};
  EXPECT_EQ(program_.run({"verify"}, variables).status, 0);
  EXPECT_EQ(program_.run({"prune"}, variables).status, 0);
  EXPECT_THAT(targets(), ElementsAre("/verify/start", "/verify/0", "/prune/start", "/prune/0"));
  fs::remove_all(program_.path("store") + "/erp/prod/db");
  EXPECT_EQ(program_.run({"--json", "verify"}, variables).status, 6);
  EXPECT_EQ(targets().back(), "/verify/6");
  EXPECT_THAT(http_.requests().back().body, HasSubstr("error: "));
}

TEST_F(Notices, ARunThatFailsIsToldToAllAndLeavesNoSecret) {
  Variables variables = pings();
  variables.merge(webhook());
  ASSERT_EQ(program_.run({"backup"}, variables).status, 0);
  EXPECT_EQ(http_.requests().size(), 2u) << "a webhook hears of failures";
  make_it_fail();
  const CommandResult backup = program_.run({"-v", "backup"}, variables);
  EXPECT_EQ(backup.status, 7);
  ASSERT_EQ(http_.requests().size(), 5u);
  EXPECT_EQ(targets()[3], std::string("/ping/") + kCheck + "/7");
  EXPECT_THAT(http_.requests()[3].body, AllOf(HasSubstr("error: "), HasSubstr("hint: "),
                                              HasSubstr("env=prod result=refused ")));
  const FaultRequest told = http_.requests()[4];
  EXPECT_EQ(told.target, std::string("/hook/") + kHook + "?thread=1");
  EXPECT_EQ(told.headers.at("authorization"), kLogin);
  EXPECT_EQ(told.headers.at("content-type"), "application/json");
  const json value = json::parse(told.body);
  EXPECT_EQ(value.at("code"), "refused");
  EXPECT_EQ(value.at("exit_code"), 7);
  EXPECT_EQ(value.at("report").at("result"), "refused");
  for (const char* secret : {kCheck, kHook, "s3cr3t-of-the-webhook"}) {
    EXPECT_THAT(backup.output + backup.errors, Not(HasSubstr(secret)));
    EXPECT_THAT(program_.run({"config", "show"}, variables).output, Not(HasSubstr(secret)));
    EXPECT_THAT(told.body, Not(HasSubstr(secret)));
    for (const auto& entry : fs::recursive_directory_iterator(program_.path("store"))) {
      if (!entry.is_regular_file()) continue;
      EXPECT_THAT(content_of(entry.path()), Not(HasSubstr(secret))) << entry.path();
    }
  }
}

TEST_F(Notices, ARunThatCouldNotBeginIsTold) {
  std::ofstream(program_.path("file")) << "no folder";
  const CommandResult backup =
      program_.run({"backup", "--directory", program_.path("file")}, pings());
  EXPECT_NE(backup.status, 0);
  EXPECT_THAT(targets().back(), testing::EndsWith(fmt::format("/{}", backup.status)));
  EXPECT_THAT(http_.requests().back().body, HasSubstr("error: "));
}

TEST_F(Notices, WhoCannotBeToldDoesNotFailTheRun) {
  const std::string nobody = fmt::format("http://127.0.0.1:{}", reserve_ports(1).front());
  Variables variables = {{"DOLIBARR_BACKUP_PING_BACKUP", nobody + "/ping/" + kCheck},
                         {"DOLIBARR_BACKUP_WEBHOOK", nobody + "/hook/" + kHook}};
  add_settings("notify:\n  webhook:\n    when: always\n");
  const CommandResult down = program_.run({"backup"}, variables);
  EXPECT_EQ(down.status, 0);
  EXPECT_THAT(down.errors,
              AllOf(HasSubstr("the ping of backup did not reach " + nobody + ": "),
                    HasSubstr("after 3 tries"), HasSubstr("the webhook did not reach " + nobody)));
  EXPECT_THAT(down.errors, AllOf(Not(HasSubstr(kCheck)), Not(HasSubstr(kHook))));
}

TEST_F(Notices, AServersTroubleIsTriedAgainARefusalIsNot) {
  answer("/0", {.status = 503});
  const CommandResult trouble = program_.run({"backup"}, pings());
  EXPECT_EQ(trouble.status, 0);
  EXPECT_THAT(trouble.errors, HasSubstr("it answers 503"));
  EXPECT_EQ(http_.requests().size(), 4u) << "one start, three ends";
  answer("/start", {.status = 404});
  answer("/0", {.status = 302, .headers = {{"Location", base() + "/elsewhere"}}});
  const CommandResult redirected = program_.run({"backup"}, pings());
  EXPECT_EQ(redirected.status, 0);
  EXPECT_THAT(redirected.errors,
              AllOf(HasSubstr("it answers 404"),
                    HasSubstr("it answers 302, another address; no redirect is followed")));
  EXPECT_EQ(http_.requests().size(), 6u);
}

TEST_F(Notices, ACheckThatIsNotKnownIsSaid) {
  answer("/0", {.body = "OK (not found)"});
  const CommandResult backup = program_.run({"backup"}, pings());
  EXPECT_EQ(backup.status, 0);
  EXPECT_THAT(backup.errors, HasSubstr("it answers OK (not found)"));
  EXPECT_EQ(http_.requests().size(), 2u);
}

TEST_F(Notices, AStartThatHangsDoesNotKeepTheBackupFromBeingMade) {
  answer("/start", {.head_sent = false, .then = FaultAnswer::Then::stall});
  const CommandResult backup = program_.run({"backup"}, pings());
  EXPECT_EQ(backup.status, 0) << backup.errors;
  EXPECT_THAT(backup.errors, HasSubstr("the ping of backup did not reach "));
  EXPECT_THAT(targets().back(), testing::EndsWith("/0"));
}

TEST_F(Notices, ASignalEndsTheTellingAndTheRunStands) {
  add_settings("notify:\n  webhook:\n    when: always\n");
  answer(kHook, {.head_sent = false, .then = FaultAnswer::Then::stall});
  const CommandResult backup = run_until_asked(kHook, webhook());
  EXPECT_EQ(backup.status, 0) << backup.errors;
  EXPECT_THAT(backup.errors, HasSubstr("interrupted: the webhook and what was to follow"));
}

TEST_F(Notices, ARunThatASignalEndedIsTold) {
  answer("/start", {.head_sent = false, .then = FaultAnswer::Then::stall});
  Variables variables = pings();
  variables.merge(webhook());
  const CommandResult backup = run_until_asked("/start", variables);
  EXPECT_EQ(backup.status, 130) << backup.errors;
  ASSERT_EQ(http_.requests().size(), 3u);
  EXPECT_THAT(targets()[1], testing::EndsWith("/130"));
  EXPECT_EQ(json::parse(http_.requests()[2].body).at("code"), "interrupted");
}

TEST_F(Notices, ASecretThatCannotBeReadIsAWarning) {
  add_settings("notify:\n  ping:\n    backup_file: " + program_.path("absent") + "\n");
  const CommandResult backup = program_.run({"backup"});
  EXPECT_EQ(backup.status, 0);
  EXPECT_THAT(backup.errors, AllOf(HasSubstr("there is no file '" + program_.path("absent")),
                                   HasSubstr("nobody is told that way")));
  std::ofstream(program_.path("absent")) << ping() << "\n";
  EXPECT_EQ(program_.run({"backup"}).status, 0);
  EXPECT_EQ(http_.requests().size(), 2u);
  std::ofstream(program_.path("absent")) << "ftp://" << kCheck << "\n";
  const CommandResult wrong = program_.run({"backup"});
  EXPECT_EQ(wrong.status, 0);
  EXPECT_THAT(wrong.errors, AllOf(HasSubstr("must be http"), Not(HasSubstr(kCheck))));
}

TEST_F(Notices, OfARunInAClusterThisProcessTells) {
  program_.use_store("      directory: " + program_.path("store") + "\n",
                     "  remote:\n    store: {bucket: erp-backups, region: auto}\n"
                     "    database: {host: db, name: dolibarr}\n"
                     "    kubernetes:\n      context: c\n      namespace: erp-remote\n"
                     "      documents_claim: docs\n      image: registry.example/backup:1\n"
                     "      kubectl: " +
                         program_.path("no-kubectl") + "\n");
  const CommandResult backup = program_.run({"--env", "remote", "backup"}, pings());
  EXPECT_EQ(backup.status, 11) << backup.errors;
  EXPECT_THAT(targets().back(), testing::EndsWith("/11"));
  EXPECT_THAT(http_.requests().back().body, HasSubstr("no-kubectl"));
  const CommandResult shown =
      program_.run({"--env", "remote", "backup", "--kubectl-dry-run"}, pings());
  EXPECT_THAT(shown.output, AllOf(HasSubstr("erp-remote"), Not(HasSubstr("notify"))));
  EXPECT_EQ(http_.requests().size(), 2u) << "nothing was run";
}

// ---- trials ----------------------------------------------------------------------------------

TEST_F(Notices, ATrialSaysWhatCameOfEach) {
  EXPECT_EQ(program_.run({"notify", "test"}).status, 3) << "there is nobody to tell";
  Variables variables = pings();
  variables.merge(webhook());
  variables["DOLIBARR_BACKUP_PING_DRILL"] = base() + "/drill";
  const CommandResult good = program_.run({"notify", "test"}, variables);
  EXPECT_EQ(good.status, 0) << good.errors;
  EXPECT_EQ(good.output, fmt::format("ping of backup to {0}: sent\nping of drill to {0}: sent\n"
                                     "webhook to {0}: sent\n",
                                     base()));
  const std::string path = std::string("/ping/") + kCheck;
  EXPECT_THAT(targets(), ElementsAre(path + "/log", "/drill/log", std::string("/hook/") + kHook))
      << "a check's state stays as it is";
  EXPECT_EQ(json::parse(http_.requests()[2].body).at("trial"), true);
  answer(kHook, {.status = 403});
  const CommandResult bad = program_.run({"--json", "notify", "test"}, variables);
  EXPECT_EQ(bad.status, 3);
  const json value = json::parse(bad.output);
  EXPECT_EQ(value.at("notices").at(0).at("kind"), "ping of backup");
  EXPECT_EQ(value.at("notices").at(0).at("sent"), true);
  EXPECT_EQ(value.at("notices").at(2).at("sent"), false);
  EXPECT_EQ(value.at("notices").at(2).at("error"), "it answers 403");
}

// ---- mail ------------------------------------------------------------------------------------

class Mails : public Notices {
 protected:
  /// `tls`: none, starttls, smtps. The server is reached by the name 0.0.0.0, which leads to this
  /// machine and is not known as such.
  void serve(const std::string& tls, const std::string& more = "") {
    fs::create_directory(folder_);
    const std::string certificate = program_.path("certificate.pem");
    const std::string key = program_.path("key.pem");
    run_or_throw({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                           "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                           "/CN=a private authority", "-addext", "subjectAltName=IP:0.0.0.0",
                           "-keyout", key, "-out", certificate}});
    const int port = reserve_ports(1).front();
    server_ = std::make_unique<ServerProcess>(
        Command{.argv = {"/usr/bin/python3", MAIL_SERVER, folder_, std::to_string(port), tls,
                         certificate, key}},
        program_.path("mail.log"));
    ASSERT_TRUE(wait_for([&] { return fs::exists(folder_ + "/ready"); })) << server_->log_tail();
    std::ofstream(program_.path("mail-password")) << "s3cr3t-mail\n";
    add_settings(
        fmt::format("notify:\n  ca_file: {}\n  mail:\n    server: {}://0.0.0.0:{}\n"
                    "    from: backup@example.com\n"
                    "    to: anna@example.com, ben@example.com\n{}",
                    certificate, tls == "smtps" ? "smtps" : "smtp", port, more));
  }
  std::string login() const {
    return "    user: backup\n    password_file: " + program_.path("mail-password") + "\n";
  }
  json mail(int number) const {
    const std::string text = content_of(fmt::format("{}/{}.json", folder_, number));
    return text.empty() ? json() : json::parse(text);
  }
  static std::string header(const json& mail, const std::string& name) {
    std::string found;
    for (const json& one : mail.at("headers"))
      if (one.at(0) == name) found += one.at(1).get<std::string>();
    return found;
  }

  std::string folder_ = program_.path("mails");
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(Mails, AFailureIsMailedEncryptedAndEncoded) {
  serve("starttls", login());
  ASSERT_EQ(program_.run({"backup"}).status, 0);
  EXPECT_EQ(mail(1), json()) << "a success is no news";
  const CommandResult backup = program_.run({"backup", "--documents", "/nicht/da/Büro"});
  EXPECT_EQ(backup.status, 4) << backup.errors;
  EXPECT_THAT(backup.errors, Not(HasSubstr("the mail did not reach"))) << server_->log_tail();
  const json told = mail(1);
  ASSERT_FALSE(told.is_null()) << server_->log_tail();
  EXPECT_EQ(told.at("from"), "backup@example.com");
  EXPECT_EQ(told.at("to"), (json{"anna@example.com", "ben@example.com"}));
  EXPECT_EQ(told.at("encrypted"), true);
  EXPECT_EQ(told.at("authenticated"), true);
  EXPECT_EQ(told.at("defects"), json::array());
  EXPECT_LE(told.at("longest_line"), 998);
  EXPECT_THAT(header(told, "Subject"),
              AllOf(testing::StartsWith("dolibarr-backup prod: backup FAILED (4, source): "),
                    HasSubstr("/nicht/da/Büro")));
  EXPECT_EQ(header(told, "From"), "backup@example.com");
  EXPECT_EQ(header(told, "To"), "anna@example.com, ben@example.com");
  EXPECT_THAT(header(told, "Date"), HasSubstr(" +0000"));
  EXPECT_THAT(header(told, "Message-ID"), MatchesRegex("<[0-9a-f-]{36}@example.com>"));
  EXPECT_EQ(told.at("charset"), "utf-8");
  EXPECT_THAT(told.at("text").get<std::string>(),
              AllOf(HasSubstr("exit code: 4 (source: "), HasSubstr("/nicht/da/Büro"),
                    HasSubstr("env=prod result=failed ")));
}

TEST_F(Mails, ThroughTlsFromTheStart) {
  serve("smtps", login() + "    when: always\n");
  const CommandResult backup = program_.run({"backup"});
  EXPECT_EQ(backup.status, 0);
  ASSERT_FALSE(mail(1).is_null()) << backup.errors << server_->log_tail();
  EXPECT_EQ(mail(1).at("encrypted"), true);
  EXPECT_EQ(header(mail(1), "Subject"), "dolibarr-backup prod: backup ok");
}

TEST_F(Mails, NothingIsSentInTheClearUnlessTheSettingsAllowIt) {
  serve("none", login() + "    when: always\n");
  const CommandResult refused = program_.run({"backup"});
  EXPECT_EQ(refused.status, 0);
  EXPECT_THAT(
      refused.errors,
      HasSubstr("the mail did not reach anna@example.com, ben@example.com through smtp://"));
  EXPECT_EQ(mail(1), json());
  add_settings("    allow_plaintext: true\n");
  EXPECT_EQ(program_.run({"-q", "backup"}).errors, "");
  EXPECT_EQ(mail(1).at("encrypted"), false);
}

TEST_F(Mails, AnUntrustedServerGetsNothing) {
  serve("starttls", login() + "    when: always\n");
  std::string settings = content_of(program_.settings_file());
  settings.erase(settings.find("  ca_file: "),
                 settings.find("  mail:") - settings.find("  ca_file: "));
  std::ofstream(program_.settings_file()) << settings;
  const CommandResult backup = program_.run({"backup"});
  EXPECT_EQ(backup.status, 0);
  EXPECT_THAT(backup.errors, AllOf(HasSubstr("the mail did not reach"), HasSubstr("certificate")));
  EXPECT_EQ(mail(1), json());
}

TEST_F(Mails, AWrongPasswordIsAWarningWithoutIt) {
  serve("starttls", login() + "    when: always\n");
  std::ofstream(program_.path("mail-password")) << "wr0ng-s3cr3t\n";
  const CommandResult backup = program_.run({"-v", "backup"});
  EXPECT_EQ(backup.status, 0);
  EXPECT_THAT(backup.errors,
              AllOf(HasSubstr("the mail did not reach"), Not(HasSubstr("wr0ng-s3cr3t"))));
}

TEST_F(Mails, OneAddressThatIsGoneKeepsNobodyElseFromBeingTold) {
  serve("starttls");
  std::string settings = content_of(program_.settings_file());
  settings.replace(settings.find("ben@"), 4, "gone@");
  std::ofstream(program_.settings_file()) << settings;
  const CommandResult trial = program_.run({"notify", "test"});
  EXPECT_EQ(trial.status, 0) << trial.output;
  EXPECT_EQ(mail(1).at("to"), json{"anna@example.com"});
  EXPECT_THAT(mail(1).at("text").get<std::string>(), HasSubstr("This is a trial"));
  EXPECT_EQ(header(mail(1), "Subject"), "dolibarr-backup prod: a trial, nothing was run");
}

}  // namespace
}  // namespace dolibarr_backup
