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
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string sandbox(const Program& program, const std::string& directory) {
  return fmt::format(
      "  sandbox:\n    documents: {}\n    store:\n      directory: {}\n    database:\n"
      "      host: {}\n      name: sandbox\n",
      program.path("sandbox"), directory, Program::server().socket_folder());
}

TEST(StatusCommand, WhatWasNeverBackedUpFailsTheCheckUntilItIs) {
  Program program;
  std::filesystem::create_directory(program.path("store"));
  const CommandResult before = program.run({"status"});
  EXPECT_EQ(before.status, 12) << before.errors;
  EXPECT_THAT(before.output, HasSubstr("prod         db    NEVER "));
  EXPECT_THAT(before.output, HasSubstr("FAILURE never: there is no docs archive in force"));
  EXPECT_THAT(before.output, EndsWith("env=prod status=never db=never docs=never failures=4 "
                                      "warnings=1\n"));
  EXPECT_EQ(before.errors, "");

  ASSERT_EQ(program.run({"backup"}).status, 0);
  const CommandResult after = program.run({"status", "--env", "prod"});
  EXPECT_EQ(after.status, 0) << after.output;
  EXPECT_THAT(after.output, HasSubstr("WARNING not-off-site: "));
  EXPECT_THAT(after.output, HasSubstr("WARNING drill-overdue: no drill has succeeded yet"));
  EXPECT_THAT(after.output,
              HasSubstr("kept instants: 0 of 53 covered, 53 before the first backup"));
  const CommandResult brief = program.run({"-q", "status"});
  EXPECT_EQ(brief.output, "env=prod status=ok db=ok docs=ok failures=0 warnings=3\n");

  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(program.run({"status", "--max-age", "1s"}).status, 12);
  EXPECT_THAT(program.run({"status", "--max-age", "1s"}).output, HasSubstr("STALE"));
}

TEST(StatusCommand, OneEnvironmentThatCannotBeReadDoesNotHideTheOthers) {
  Program program;
  std::ofstream(program.path("file")) << "no folder";
  program.use_store("      directory: " + program.path("store") + "\n",
                    sandbox(program, program.path("file")));
  ASSERT_EQ(program.run({"--env", "prod", "backup"}).status, 0);
  const CommandResult all = program.run({"status", "--all"});
  EXPECT_EQ(all.status, 12);
  EXPECT_THAT(all.output, HasSubstr("env=prod status=ok db=ok docs=ok"));
  EXPECT_THAT(all.output, HasSubstr("env=sandbox status=unreadable"));
  EXPECT_THAT(all.output, HasSubstr("FAILURE unreadable: "));
  EXPECT_EQ(program.run({"status", "--env", "prod"}).status, 0);
  EXPECT_EQ(program.run({"status", "--all", "--env", "prod"}).status, 2);
  EXPECT_EQ(program.run({"status", "--max-age", "soon"}).status, 2);
  const json value = json::parse(program.run({"--json", "status"}).output);
  EXPECT_EQ(value.at("verdict"), "unreadable");
  EXPECT_EQ(value.at("environments").at(1).at("findings").at(0).at("finding"), "unreadable");
}

TEST(StatusCommand, AClusterThatCannotBeAskedDoesNotHideTheOthers) {
  Program program;
  program.use_store("      directory: " + program.path("store") + "\n",
                    "  remote:\n    store: {bucket: erp-backups, region: auto}\n"
                    "    database: {host: db, name: dolibarr}\n"
                    "    kubernetes:\n      context: c\n      namespace: erp-remote\n"
                    "      documents_claim: docs\n      image: registry.example/backup:1\n"
                    "      kubectl: " +
                        program.path("no-kubectl") + "\n");
  ASSERT_EQ(program.run({"--env", "prod", "backup"}).status, 0);
  const CommandResult all = program.run({"status"});
  EXPECT_EQ(all.status, 12) << all.errors;
  EXPECT_THAT(all.output, HasSubstr("env=prod status=ok"));
  EXPECT_THAT(all.output, HasSubstr("env=remote status=unreadable"));
  EXPECT_THAT(all.output, HasSubstr("no-kubectl"));
  EXPECT_THAT(program.run({"status", "--discover"}).output,
              AllOf(HasSubstr("not looked at: the database server of 'remote'"),
                    HasSubstr("not looked at: the cluster c: ")));
}

TEST(StatusCommand, JsonTellsAllThatTheTextDoes) {
  Program program;
  ASSERT_EQ(program.run({"backup"}).status, 0);
  const json value = json::parse(program.run({"--json", "status"}).output);
  EXPECT_EQ(value.at("verdict"), "ok");
  const json& prod = value.at("environments").at(0);
  EXPECT_EQ(prod.at("runs").at("backup").at("last").at("result"), "success");
  const json& db = prod.at("halves").at("db");
  EXPECT_EQ(db.at("verdict"), "ok");
  EXPECT_GT(db.at("newest").at("size"), 1000);
  EXPECT_TRUE(db.at("newest_verified").is_null());
  EXPECT_EQ(db.at("last_result"), "stored");
  EXPECT_EQ(prod.at("kept_instants"), 53);
}

TEST(StatusCommand, MetricsAreWrittenAfterEachRunAlsoAfterOneThatFails) {
  Program program;
  std::filesystem::create_directory(program.path("textfile"));
  const std::map<std::string, std::string> variables = {
      {"DOLIBARR_BACKUP_TEXTFILE", program.path("textfile")}};
  const std::string file = program.path("textfile") + "/dolibarr_backup_prod.prom";
  ASSERT_EQ(program.run({"backup"}, variables).status, 0);
  EXPECT_THAT(content_of(file),
              AllOf(HasSubstr("dolibarr_backup_ok{env=\"prod\"} 1\n"),
                    HasSubstr("dolibarr_backup_run_success{env=\"prod\",command=\"backup\"} 1\n"),
                    HasSubstr("dolibarr_backup_build_info{version=\"0.")));
  EXPECT_EQ(program.run({"status", "--prometheus", "-"}).output.substr(0, 6), "# HELP");
  EXPECT_EQ(program.run({"status", "--prometheus", program.path("own")}).status, 0);
  EXPECT_THAT(content_of(program.path("own")), HasSubstr("dolibarr_backup_ok{env=\"prod\"} 1\n"));

  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  program.sql("update llx_const set value = 'another' where name = 'MAIN_SECURITY_SALT'");
  EXPECT_EQ(program.run({"backup"}, variables).status, 7);
  EXPECT_THAT(content_of(file),
              HasSubstr("dolibarr_backup_run_success{env=\"prod\",command=\"backup\"} 0\n"));

  std::filesystem::remove_all(program.path("textfile"));
  const CommandResult verify = program.run({"verify"}, variables);
  EXPECT_EQ(verify.status, 0) << "metrics never fail a run";
  EXPECT_THAT(verify.errors, HasSubstr("the metrics did not reach '"));
}

TEST(StatusCommand, MetricsAreWrittenAfterARunThatWasInterrupted) {
  Program program;
  std::filesystem::create_directory(program.path("textfile"));
  const std::map<std::string, std::string> variables = {
      {"DOLIBARR_BACKUP_TEXTFILE", program.path("textfile")}};
  const std::string file = program.path("textfile") + "/dolibarr_backup_prod.prom";
  ASSERT_EQ(program.run({"backup"}, variables).status, 0);
  ASSERT_THAT(content_of(file), HasSubstr("command=\"backup\"} 1\n"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  std::thread holder(
      [&] { program.sql("begin; lock table llx_facture; select pg_sleep(4); commit"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  Command command = program.command({}, variables);
  command.argv = {"sh", "-c",
                  Program::program_path() + " -e prod backup & sleep 2; kill -TERM $!; wait $!"};
  const CommandResult result = run_command(command);
  holder.join();
  EXPECT_EQ(result.status, 130) << result.errors;
  EXPECT_THAT(content_of(file),
              HasSubstr("dolibarr_backup_run_success{env=\"prod\",command=\"backup\"} 0\n"));
}

TEST(StatusCommand, AStoreThatCannotBeAskedIsUnreadable) {
  Program program;
  const int closed = reserve_ports(1).front();
  std::ofstream(program.path("secret")) << "secret";
  program.use_store(
      fmt::format("      bucket: erp\n      endpoint: http://127.0.0.1:{}\n"
                  "      region: default\n      retries: 0\n"
                  "      access_key_id: key\n      secret_access_key_file: {}\n",
                  closed, program.path("secret")));
  const CommandResult result = program.run({"status"});
  EXPECT_EQ(result.status, 12) << result.errors;
  EXPECT_THAT(result.output, AllOf(HasSubstr("FAILURE unreadable: "),
                                   HasSubstr(fmt::format("127.0.0.1:{}", closed)),
                                   HasSubstr("env=prod status=unreadable")));
  EXPECT_THAT(program.run({"status", "--prometheus", "-"}).output,
              AllOf(HasSubstr("dolibarr_backup_ok{env=\"prod\"} 0\n"),
                    HasSubstr("finding=\"unreadable\",severity=\"failure\"} 1\n")));
}

TEST(StatusCommand, MetricsReachARealPushgateway) {
  Program program;
  const int port = reserve_ports(1).front();
  const std::string address = fmt::format("127.0.0.1:{}", port);
  ServerProcess gateway({.argv = {"prometheus-pushgateway", "--web.listen-address=" + address}},
                        program.path("gateway.log"));
  const auto scrape = [&] {
    return run_command({.argv = {"curl", "-s", "--retry", "20", "--retry-connrefused",
                                 "--retry-delay", "1", "http://" + address + "/metrics"}})
        .output;
  };
  ASSERT_THAT(scrape(), HasSubstr("pushgateway_build_info")) << gateway.log_tail();
  const CommandResult backup =
      program.run({"backup"}, {{"DOLIBARR_BACKUP_PUSHGATEWAY", "http://" + address + "/"}});
  EXPECT_EQ(backup.status, 0);
  EXPECT_THAT(backup.errors, Not(HasSubstr("metrics")));
  EXPECT_THAT(scrape(), HasSubstr("dolibarr_backup_ok{env=\"prod\",instance=\"\","
                                  "job=\"dolibarr_backup\"} 1\n"));
  gateway.stop();
  const CommandResult alone =
      program.run({"prune"}, {{"DOLIBARR_BACKUP_PUSHGATEWAY", "http://" + address},
                              {"DOLIBARR_BACKUP_PUSHGATEWAY_USER", "backup"},
                              {"DOLIBARR_BACKUP_PUSHGATEWAY_PASSWORD", "s3cr3t-push"}});
  EXPECT_EQ(alone.status, 0) << "metrics never fail a run";
  EXPECT_THAT(alone.errors, HasSubstr("did not reach the Pushgateway http://" + address));
  EXPECT_THAT(alone.errors, Not(HasSubstr("s3cr3t-push")));
  EXPECT_EQ(
      program.run({"list"}, {{"DOLIBARR_BACKUP_PUSHGATEWAY", "http://u:p@" + address}}).status, 3);
}

TEST(StatusCommand, WhatNobodyBacksUpIsNamedAndFailsTheCheck) {
  Program program;
  ASSERT_EQ(program.run({"backup"}).status, 0);
  const CommandResult before = program.run({"status", "--discover"});
  EXPECT_THAT(before.output, HasSubstr(program.database() + " on "));
  EXPECT_THAT(before.output, HasSubstr(program.documents()));

  const std::string other = program.database() + "_forgotten";
  Program::server().create_database(other);
  Program::server().run_sql(
      other,
      "create schema erp; create table erp.abc_const(name text, value text, entity int); "
      "insert into erp.abc_const values ('MAIN_VERSION_LAST_INSTALL', '21.0.0', 0), "
      "('MAIN_VERSION_LAST_UPGRADE', '23.0.1', 0)");
  const std::string plain = program.database() + "_plain";
  Program::server().create_database(plain);
  Program::server().run_sql(plain, "create table llx_const(name text)");
  std::filesystem::create_directories(program.path("forgotten/documents/facture"));
  std::filesystem::create_directories(program.path("forgotten/documents/societe"));
  std::filesystem::create_directories(program.path("htdocs/societe"));
  std::filesystem::create_directories(program.path("htdocs/projet"));
  std::ofstream(program.path("htdocs/main.inc.php")) << "<?php";
  std::filesystem::create_directories(program.path("elsewhere/data"));
  std::filesystem::create_directories(program.path("htdocs/conf"));
  std::ofstream(program.path("htdocs/conf/conf.php"))
      << "<?php\n$dolibarr_main_data_root='" << program.path("elsewhere/data") << "';\n"
      << "$dolibarr_main_db_pass='s3cr3t-conf';\n";

  const CommandResult after = program.run({"status", "--discover"});
  EXPECT_EQ(after.status, 12);
  EXPECT_THAT(after.output, HasSubstr(other + " on "));
  EXPECT_THAT(after.output, HasSubstr("Dolibarr 23.0.1"));
  EXPECT_THAT(after.output, HasSubstr("NOBODY BACKS IT UP"));
  EXPECT_THAT(after.output, AllOf(HasSubstr(program.path("forgotten/documents") + " "),
                                  HasSubstr(" facture, societe ")));
  EXPECT_THAT(after.output, HasSubstr(program.path("elsewhere/data") + " "));
  EXPECT_THAT(after.output, Not(HasSubstr(plain)));
  EXPECT_THAT(after.output, Not(HasSubstr(program.path("htdocs") + " ")));
  EXPECT_THAT(after.output + after.errors, Not(HasSubstr("s3cr3t-conf")));
  EXPECT_EQ(program.run({"status"}).status, 0) << "only if it is asked for";
  const json found = json::parse(program.run({"--json", "status", "--discover"}).output);
  EXPECT_GE(found.at("discovery").at("not_enrolled"), 3);
  EXPECT_EQ(program.run({"status", "--discover", "--env", "prod"}).status, 2);
  Program::server().run_sql("postgres", "drop database " + other);
  Program::server().run_sql("postgres", "drop database " + plain);
}

}  // namespace
}  // namespace dolibarr_backup
