#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/program.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  const size_t newline = text.rfind('\n');
  return newline == std::string::npos ? text : text.substr(newline + 1);
}

TEST(Cli, HelpNamesEveryCommandAndExitCode) {
  Program program;
  const CommandResult help = program.run({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* word : {"backup", "list", "status", "prune", "hold", "adopt", "identity",
                           "config", "completion", "130", "torn", "incomplete"})
    EXPECT_THAT(help.output, HasSubstr(word));
  const std::string prune = program.run({"prune", "--help"}).output;
  for (const char* word : {"share", "behind the newest record stays refused", "orphans"})
    EXPECT_THAT(prune, HasSubstr(word));
  EXPECT_THAT(program.run({"--version"}).output, HasSubstr("dolibarr-backup 0."));
}

TEST(Cli, AWrongCommandLineIsUsage) {
  Program program;
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{},
                                             {"bakup"},
                                             {"backup", "--fource"},
                                             {"prune", "--uploads-older-than", "soon"},
                                             {"hold", "add"},
                                             {"hold", "add", "x.dump", "--why", ""},
                                             {"hold", "add", "x.dump", "--why", " "},
                                             {"completion", "tcsh"}}) {
    const CommandResult result = program.run(wrong);
    EXPECT_EQ(result.status, 2) << testing::PrintToString(wrong);
    EXPECT_THAT(result.errors, Not(IsEmpty()));
  }
}

TEST(Cli, AnUnknownWordIsNamedWithWhatWasMeant) {
  Program program;
  const std::vector<std::pair<std::vector<std::string>, std::vector<const char*>>> cases = {
      {{"snapshots"}, {"unknown command 'snapshots'", "commands: backup, list, status, prune"}},
      {{"-e", "prod", "bakup"}, {"unknown command 'bakup'; did you mean 'backup'?"}},
      {{"hold", "lst"}, {"unknown command 'hold lst'; did you mean 'list'?", "hold add"}},
      {{}, {"a command is required", "commands: backup"}},
      {{"identity"}, {"'identity' needs a command", "identity show"}},
      {{"prune", "--dry-runn"}, {"unknown option '--dry-runn'; did you mean '--dry-run'?"}},
      {{"--jsno", "list"}, {"unknown option '--jsno'; did you mean '--json'?"}},
      {{"list", "prod"}, {"'prod' was not expected", "dolibarr-backup list --help"}},
      {{"completion", "tcsh"}, {"tcsh"}}};
  for (const auto& [arguments, words] : cases) {
    const CommandResult result = program.run(arguments);
    EXPECT_EQ(result.status, 2) << result.errors;
    for (const char* word : words) EXPECT_THAT(result.errors, HasSubstr(word));
  }
}

TEST(Cli, ARunEndsWithOneLineThatScriptsRead) {
  Program program;
  const CommandResult first = program.run({"--env", "prod", "backup"});
  EXPECT_EQ(first.status, 0) << first.errors;
  EXPECT_THAT(
      last_line(first.output),
      StartsWith("env=prod result=success pair=quiescent uploaded=2 unchanged=0 pruned=0 run="));
  EXPECT_THAT(first.output, HasSubstr("\ntook "));
  EXPECT_THAT(last_line(first.output), HasSubstr(" seconds="));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // into another second
  const CommandResult second = program.run({"--quiet", "--env", "prod", "backup"});
  EXPECT_THAT(second.output,
              StartsWith("env=prod result=success pair=quiescent uploaded=0 unchanged=2"));
  EXPECT_EQ(second.errors, "") << "quiet is quiet";
  EXPECT_THAT(program.run({"list"}).output, HasSubstr("(confirmed at 20"));
  EXPECT_EQ(second.output.find('\x1b'), std::string::npos) << "no colours in a pipe";
  EXPECT_EQ(program.difference_after_restore(), "");
}

TEST(Cli, JsonIsJson) {
  Program program;
  const json backup = json::parse(program.run({"--json", "-e", "prod", "backup"}).output);
  EXPECT_EQ(backup.at("result"), "success");
  EXPECT_EQ(backup.at("halves").at("db").at("result"), "stored");
  const json list = json::parse(program.run({"--json", "list"}).output);
  EXPECT_EQ(list.at("environments").at(0).at("points").size(), 1u);
  EXPECT_EQ(list.at("environments").at(0).at("archives").size(), 2u);
  const json prune = json::parse(program.run({"--json", "-e", "prod", "prune", "-n"}).output);
  EXPECT_EQ(prune.at("plan").size(), 0u);
  const json settings = json::parse(program.run({"--json", "config", "show"}).output);
  EXPECT_GT(settings.at("settings").size(), 10u);
  const CommandResult logs = program.run({"--log-format", "json", "-e", "prod", "backup"});
  std::istringstream lines(logs.errors);
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(json::accept(line)) << line;
}

TEST(Cli, ABackupThatCannotBeginStillEndsWithItsLine) {
  Program program;
  std::ofstream(program.path("file")) << "no folder";
  program.use_store("      directory: " + program.path("file") + "/store\n");
  const CommandResult text = program.run({"backup"});
  EXPECT_EQ(text.status, 5) << text.errors;
  EXPECT_THAT(text.output, StartsWith("env=prod result=failed pair=none uploaded=0 unchanged=0 "
                                      "pruned=0 run=- seconds="));
  const CommandResult result = program.run({"--json", "backup"});
  EXPECT_EQ(result.status, 5) << result.errors;
  const json document = json::parse(result.output);
  EXPECT_EQ(document.at("environment"), "prod");
  EXPECT_EQ(document.at("result"), "failed");
  EXPECT_EQ(document.at("code"), "store");
  EXPECT_NE(document.at("error"), "");

  std::ofstream(program.settings_file()) << "nonsense: 1\n";
  const CommandResult wrong = program.run({"-e", "prod", "--json", "backup"});
  EXPECT_EQ(wrong.status, 3);
  EXPECT_EQ(json::parse(wrong.output).at("code"), "config");
}

TEST(Cli, WithJsonEveryErrorIsADocument) {
  Program program;
  std::ofstream(program.path("file")) << "no folder";
  program.use_store("      directory: " + program.path("file") + "/store\n");
  for (const char* command : {"list", "prune", "adopt"}) {
    const CommandResult result = program.run({"--json", command});
    EXPECT_EQ(result.status, 5) << command << result.errors;
    EXPECT_EQ(json::parse(result.output).at("code"), "store") << command;
  }
  const CommandResult unknown = program.run({"snapshots", "--json", "--log-format", "json"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_EQ(json::parse(unknown.output).at("code"), "usage");
  // Nor is every name UTF-8.
  std::istringstream lines(unknown.errors +
                           program.run({"caf\xe9", "--log-format", "json"}).errors);
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(json::accept(line)) << line;
}

TEST(Cli, AFullStandardOutputIsTold) {
  Program program;
  for (const std::string arguments : {"-e prod backup", "list", "config show", "--help"}) {
    Command command = program.command({});
    command.argv = {"sh", "-c", Program::program_path() + " " + arguments + " >/dev/full"};
    const CommandResult result = run_command(command);
    EXPECT_EQ(result.status, 2) << arguments;
    EXPECT_THAT(result.errors, HasSubstr("standard output")) << arguments;
  }
}

TEST(Cli, ListOfAnEmptyStoreIsLoud) {
  Program program;
  const CommandResult list = program.run({"list"});
  EXPECT_EQ(list.status, 0) << list.errors;
  EXPECT_THAT(list.output, HasSubstr("MISSING: there is no docs archive in force"));
  EXPECT_THAT(list.output, HasSubstr("MISSING: there is no db archive in force"));
}

TEST(Cli, AMissingDatabaseIsASourceErrorWithAHint) {
  Program program;
  Program::server().run_sql("postgres", "alter database " + program.database() + " rename to " +
                                            program.database() + "_away");
  const CommandResult result = program.run({"-e", "prod", "backup"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.errors, HasSubstr("hint:"));
  EXPECT_THAT(result.output, HasSubstr("result=failed"));
  EXPECT_THAT(result.output, HasSubstr("does not exist")) << "the half's problem";
  const CommandResult list = program.run({"-e", "prod", "list"});
  EXPECT_THAT(list.output, HasSubstr("MISSING: there is no db archive in force"));
  EXPECT_THAT(list.output, Not(HasSubstr("no docs archive"))) << "the other half was stored";
}

TEST(Cli, HoldsCanBeAddedListedAndRemoved) {
  Program program;
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  const json list = json::parse(program.run({"--json", "list"}).output);
  const std::string key = list.at("environments").at(0).at("archives").at(0).at("key");
  const CommandResult added = program.run({"-e", "prod", "hold", "add", key, "--why", "tax audit"});
  EXPECT_EQ(added.status, 0) << added.errors;
  EXPECT_THAT(program.run({"-e", "prod", "hold", "list"}).output, HasSubstr("tax audit"));
  EXPECT_EQ(program.run({"-e", "prod", "hold", "rm", key}).status, 0);
  EXPECT_THAT(program.run({"-e", "prod", "hold", "list"}).output, HasSubstr("no holds"));
  EXPECT_EQ(program.run({"-e", "prod", "hold", "rm", key}).status, 2);
}

TEST(Cli, AnotherDolibarrIsRefusedUntilItIsAccepted) {
  Program program;
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  program.sql("update llx_const set value = 'another' where name = 'MAIN_SECURITY_SALT'");
  const CommandResult refused = program.run({"-e", "prod", "backup"});
  EXPECT_EQ(refused.status, 7) << refused.errors;
  EXPECT_THAT(refused.errors, HasSubstr("identity accept --env prod"));
  EXPECT_THAT(program.run({"-e", "prod", "identity", "show"}).output, HasSubstr("DIFFER"));
  EXPECT_EQ(program.run({"-e", "prod", "identity", "accept"}).status, 0);
  EXPECT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
}

TEST(Cli, ArchivesOfTheEarlierScriptAreListedAndAdopted) {
  Program program;
  const std::string folder = program.path("store") + "/erp/prod";
  std::filesystem::create_directories(folder + "/db");
  std::ofstream(folder + "/db/20250101T030000Z.dump") << "PGDMP of the earlier script";
  EXPECT_THAT(program.run({"list"}).output, HasSubstr("of the earlier script"));
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  EXPECT_TRUE(std::filesystem::exists(folder + "/db/20250101T030000Z.dump"));
  EXPECT_EQ(program.run({"-e", "prod", "adopt"}).status, 0);
}

TEST(Cli, ConfigInitWritesAFileOnceAndForItsOwnerOnly) {
  Program program;
  const std::string file = program.path("new.yaml");
  const CommandResult written = program.run({"config", "init", file});
  EXPECT_EQ(written.status, 0) << written.errors;
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(program.run({"config", "init", file}).status, 3) << "never overwritten";
}

TEST(Cli, SettingsThatAreWrongAreToldAllAtOnce) {
  Program program;
  std::ofstream(program.settings_file())
      << "environments:\n  prod:\n    documants: /x\n    time_zone: Mars/Olympus\n";
  const CommandResult result = program.run({"-e", "prod", "backup"});
  EXPECT_EQ(result.status, 3);
  for (const char* word : {"documants", "documents", "Mars/Olympus", "settings.yaml:3", "store"})
    EXPECT_THAT(result.errors, HasSubstr(word));
}

TEST(Cli, WithoutAnySettingsTheFileIsNamed) {
  Program program;
  ASSERT_FALSE(std::filesystem::exists("/etc/dolibarr-backup/settings.yaml"));
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"-e", "prod", "backup"},
                                             {"backup"},
                                             {"list"},
                                             {"config", "show"},
                                             {"-e", "prod", "config", "show"}}) {
    Command command = program.command(arguments);
    command.environment["DOLIBARR_BACKUP_CONFIG"] = "";
    const CommandResult result = run_command(command);
    EXPECT_EQ(result.status, 3) << testing::PrintToString(arguments) << result.errors;
    for (const char* words :
         {"no settings file was found", "config init /etc/dolibarr-backup/settings.yaml"})
      EXPECT_THAT(result.output + result.errors, HasSubstr(words))
          << testing::PrintToString(arguments);
  }
}

TEST(Cli, ConfigShowLooksForTheCredentialFiles) {
  Program program;
  ASSERT_EQ(program.run({"config", "show"}).status, 0);
  std::ofstream(program.settings_file(), std::ios::app)
      << "      password_file: " << program.path("absent") << "\n";
  const CommandResult absent = program.run({"config", "show"});
  EXPECT_EQ(absent.status, 3) << absent.errors;
  EXPECT_THAT(absent.output, HasSubstr("there is no file '" + program.path("absent") + "'"));
  EXPECT_EQ(program.run({"list"}).status, 0) << "it needs no database";
  std::ofstream(program.path("absent")) << "a password";
  EXPECT_EQ(program.run({"config", "show"}).status, 0);
}

TEST(Cli, APasswordThatWasNotGivenIsAskedFor) {
  Program program;
  Program::server().add_password_role("silent", "its password");
  std::ifstream in(program.settings_file());
  std::string settings{std::istreambuf_iterator<char>(in), {}};
  const std::string user = std::string("user: ") + PostgresServer::kOwner;
  settings.replace(settings.find(user), user.size(), "user: silent");
  std::ofstream(program.settings_file()) << settings;
  const CommandResult result = program.run({"-e", "prod", "backup"});
  EXPECT_EQ(result.status, 4) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("set password_file, or PGPASSWORD"));
  Program::server().run_sql("postgres", "drop role silent", PostgresServer::kSuperuser);
}

TEST(Cli, AStoreInsideTheDocumentsIsRefused) {
  Program program;
  program.use_store("      directory: " + program.documents() + "/backup\n");
  const CommandResult result = program.run({"-e", "prod", "backup"});
  EXPECT_EQ(result.status, 3) << result.errors;
  EXPECT_FALSE(std::filesystem::exists(program.documents() + "/backup"));
}

// Another server's database, by its URI; a password in it would be in everybody's sight.
TEST(Restore, GoesToADatabaseByItsUri) {
  Program program;
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  const std::string uri = fmt::format("postgresql://{}@/{}?host={}&port={}", PostgresServer::kOwner,
                                      "copy_of_" + program.database(),
                                      Program::server().socket_folder(), PostgresServer::kPort);
  const CommandResult done =
      program.run({"-e", "prod", "restore", "--half", "db", "--into-database", uri});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(Program::server().dump_sorted("copy_of_" + program.database()),
            Program::server().dump_sorted(program.database()));
  for (const std::string wrong : {"postgresql://me:hunter2@/x", "postgresql://me@host", "x=y"}) {
    const CommandResult refused =
        program.run({"-e", "prod", "restore", "--half", "db", "--into-database", wrong});
    EXPECT_EQ(refused.status, 2) << wrong << refused.errors;
    EXPECT_THAT(refused.errors, testing::Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace dolibarr_backup
