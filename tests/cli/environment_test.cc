// A variable left over from sandbox never turns a run of prod, nor the reverse.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/program.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;

class LeftOverVariable : public testing::Test {
 protected:
  LeftOverVariable() {
    Program::server().create_database("sandbox" + program_.database());
    program_.use_store(
        fmt::format("      directory: {}\n", program_.path("store")),
        fmt::format("  sandbox:\n    documents: {0}\n    store:\n      directory: {1}\n"
                    "    database:\n      host: {2}\n      port: {3}\n      name: sandbox{4}\n"
                    "      user: {5}\n",
                    program_.documents(), program_.path("sandbox-store"),
                    Program::server().socket_folder(), PostgresServer::kPort, program_.database(),
                    PostgresServer::kOwner));
  }
  // Nothing may have been written anywhere.
  size_t objects() { return program_.open_store()->list("").size(); }
  Program program_;
};

TEST_F(LeftOverVariable, IsRefusedByName) {
  const std::pair<const char*, std::string> left_over[] = {
      {"BUCKET", "sandbox-bucket"},
      {"PREFIX", "erp/sandbox"},
      {"DB", "sandbox" + program_.database()},
      {"DOCUMENTS", "/srv/sandbox"},
      {"PGHOST", "sandbox.example.org"},
      {"PGPORT", "6543"},
      {"PGDATABASE", "sandbox" + program_.database()},
      {"PGHOSTADDR", "192.0.2.1"},
      {"PGSERVICE", "sandbox"},
      {"PGOPTIONS", "-c search_path=sandbox"}};
  for (const auto& [name, value] : left_over) {
    const CommandResult result = program_.run({"--env", "prod", "backup"}, {{name, value}});
    EXPECT_EQ(result.status, 3) << name << ": " << result.output << result.errors;
    EXPECT_THAT(result.errors, HasSubstr(name));
    EXPECT_EQ(objects(), 0u) << name;
  }
}

TEST_F(LeftOverVariable, OfProdIsRefusedForSandbox) {
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"DB", program_.database()}, {"PREFIX", "erp/prod"}, {"PGHOST", "prod.example.org"}}) {
    const CommandResult result = program_.run({"--env", "sandbox", "backup"}, {{name, value}});
    EXPECT_EQ(result.status, 3) << name << ": " << result.output << result.errors;
    EXPECT_THAT(result.errors, HasSubstr(name));
  }
}

TEST_F(LeftOverVariable, ThatAgreesIsNoObstacle) {
  const CommandResult result =
      program_.run({"--env", "prod", "backup"}, {{"PREFIX", "erp/prod"},
                                                 {"DB", program_.database()},
                                                 {"PGHOST", Program::server().socket_folder()}});
  EXPECT_EQ(result.status, 0) << result.errors;
}

// Whoever reads them must not read escaped line ends.
TEST(WrongSettings, EachProblemIsALineOfItsOwn) {
  Program program;
  const std::string file = program.path("wrong.yaml");
  std::ofstream(file) << "environments:\n  prod:\n    nonsense: 1\n    other: 2\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  const CommandResult several = run_command(program.command({"--config", file, "list"}));
  EXPECT_EQ(several.status, 3) << several.errors;
  EXPECT_THAT(several.errors, testing::ContainsRegex("error: .*wrong.yaml:3: [^\n]*nonsense"));
  EXPECT_THAT(several.errors, testing::ContainsRegex("error: .*wrong.yaml:4: [^\n]*other"));
  EXPECT_THAT(several.errors, HasSubstr("error: the settings have "));
  Program right;
  std::ofstream(right.path("settings.yaml"), std::ios::app) << "nonsense: 1\n";
  const CommandResult one = right.run({"list"});
  EXPECT_EQ(one.status, 3) << one.errors;
  EXPECT_THAT(one.errors, testing::ContainsRegex("error: in the settings, [^\n]*nonsense"));
  for (const CommandResult* result : {&several, &one})
    EXPECT_THAT(result->errors, testing::Not(HasSubstr("\\x0a")));
}

TEST(WithoutAFile, VariablesDefineTheRun) {
  Program program;
  Command command = program.command({"--directory", program.path("store"), "backup"},
                                    {{"PREFIX", "erp/sandbox"},
                                     {"DB", program.database()},
                                     {"DOCUMENTS", program.documents()},
                                     {"PGHOST", Program::server().socket_folder()},
                                     {"PGPORT", PostgresServer::kPort},
                                     {"PGUSER", PostgresServer::kOwner}});
  command.environment["DOLIBARR_BACKUP_CONFIG"] = "";
  const CommandResult result = run_command(command);
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("env=sandbox result=success"));
}

}  // namespace
}  // namespace dolibarr_backup
