// While the program runs at debug level, no secret stands in any process's command
// line, in what it prints, or in what it stores beside the dump.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/secret.h"
#include "cli/program.h"
#include "support/ceph_rgw.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPassword = "pass-Word%with&odd/signs 4711";

std::string contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class Secrets : public testing::Test {
 protected:
  Secrets() : s3_(ceph().make_bucket("secrets" + std::to_string(++buckets_))) {
    Program::server().run_sql("postgres", "drop role if exists reader", PostgresServer::kSuperuser);
    Program::server().add_password_role("reader", kPassword);
    Program::server().run_sql("postgres", "grant pg_read_all_data to reader",
                              PostgresServer::kSuperuser);
    program_.use_s3_store(s3_);
    std::ofstream(program_.path("password")) << kPassword << "\n";
    std::string settings = contents(program_.settings_file());
    const std::string user = std::string("user: ") + PostgresServer::kOwner;
    settings.replace(settings.find(user), user.size(),
                     "user: reader\n      password_file: " + program_.path("password"));
    std::ofstream(program_.settings_file()) << settings;
  }
  ~Secrets() override {
    Program::server().run_sql("postgres", "drop role reader", PostgresServer::kSuperuser);
  }

  static CephRgw& ceph() {
    static CephRgw instance;
    return instance;
  }
  std::vector<std::string> secrets() const { return {kPassword, s3_.secret_access_key.reveal()}; }

  Program program_;
  S3Settings s3_;
  static int buckets_;
};
int Secrets::buckets_ = 0;

TEST_F(Secrets, StandInNoCommandLineAndNoOutput) {
  program_.write_document("ecm/large.bin", std::string(30 << 20, 'x'));
  std::string seen;
  bool dump_seen = false;
  {
    const std::unique_ptr<ServerProcess> run =
        program_.start({"-v", "--env", "prod", "backup"}, SIGTERM);
    while (run->running()) {
      const std::string lines = all_command_lines();
      dump_seen |= lines.find("--snapshot=") != std::string::npos;
      seen += lines;
    }
  }
  ASSERT_TRUE(dump_seen) << "the run was over before pg_dump was seen";
  const std::string output = contents(program_.log_path());
  EXPECT_THAT(output, HasSubstr("result=success"));
  EXPECT_THAT(output, HasSubstr("debug"));
  for (const std::string& secret : secrets()) {
    EXPECT_EQ(seen.find(secret), std::string::npos) << "in a command line";
    EXPECT_EQ(output.find(secret), std::string::npos) << "in the log";
  }
  const std::unique_ptr<ObjectStore> store = program_.open_store();
  for (const ObjectInfo& object : store->list("")) {
    const std::string content = get_object(*store, object.key, kGiB).value();
    for (const std::string& secret : secrets())
      EXPECT_EQ(content.find(secret), std::string::npos) << "in " << object.key;
  }
}

TEST_F(Secrets, StandInNoErrorAndNoSettings) {
  const CommandResult shown = program_.run({"config", "show"});
  EXPECT_THAT(shown.output, HasSubstr("***"));
  std::string all = shown.output + shown.errors;
  // Wrong ones, whose refusal libraries like to quote.
  std::ofstream(program_.path("password")) << "another-wrong-password";
  all += program_.run({"-v", "--env", "prod", "backup"}).errors;
  std::ofstream(program_.path("secret")) << "another-wrong-secret";
  const CommandResult refused = program_.run({"-v", "--env", "prod", "list"});
  EXPECT_EQ(refused.status, 5) << refused.errors;
  all += refused.errors;
  for (const std::string& secret : secrets()) EXPECT_EQ(all.find(secret), std::string::npos);
  for (const char* secret : {"another-wrong-password", "another-wrong-secret"})
    EXPECT_EQ(all.find(secret), std::string::npos) << all;
}

// A gap in words that everybody knows would tell the password.
TEST(WeakPassword, LeavesNoGapInReportsAndHints) {
  Program program;
  for (const std::string password : {"prod", "success", "backup", "dolibarr"}) {
    const std::map<std::string, std::string> given{{"PGPASSWORD", password}};
    const CommandResult run = program.run({"-e", "prod", "backup"}, given);
    EXPECT_EQ(run.status, 0) << run.errors;
    EXPECT_THAT(run.output, HasSubstr("env=prod result=success")) << password;
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"--json", "-e", "prod", "backup"},
                                               {"--json", "-e", "prod", "list"},
                                               {"-e", "prod", "prune", "--dry-run"}}) {
      const CommandResult result = program.run(command, given);
      EXPECT_EQ(result.status, 0) << result.errors;
      EXPECT_THAT(result.output, Not(HasSubstr("***"))) << password;
    }
  }
  program.sql("update llx_const set value = 'another' where name = 'MAIN_SECURITY_SALT'");
  const CommandResult refused = program.run({"-e", "prod", "backup"}, {{"PGPASSWORD", "identity"}});
  EXPECT_EQ(refused.status, 7) << refused.errors;
  EXPECT_THAT(refused.errors, HasSubstr("dolibarr-backup identity accept --env prod"));
}

TEST(MaskSecrets, LeavesPublicTextsAndMasksTheRest) {
  const Secret password("inner-word");
  const Secret name("shown-name");
  register_public_text("an-inner-word-here");
  register_public_text("shown-name");
  EXPECT_EQ(mask_secrets("inner-word at an-inner-word-here, inner-word"),
            "*** at an-inner-word-here, ***");
  EXPECT_EQ(mask_secrets("user shown-name"), "user shown-name");
  {
    const OwnWords unmasked;
    EXPECT_EQ(mask_secrets("inner-word"), "inner-word");
  }
  EXPECT_EQ(mask_secrets("inner-word"), "***");
}

}  // namespace
}  // namespace dolibarr_backup
