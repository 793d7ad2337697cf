// Restores in a cluster: the application is off its documents meanwhile, and back on every way out.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "kubernetes/in_cluster.h"

namespace dolibarr_backup {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class RestoreInCluster : public InCluster {
 protected:
  RestoreInCluster() {
    start_application();
    EXPECT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);  // from here: it is quicker
    program_.sql("update llx_facture set note_private = 'since'");
    program_.write_document("ecm/since", "x");
  }

  std::vector<std::string> usual() const { return {"Deployment=2", "StatefulSet=1"}; }
  std::vector<std::string> down() const { return {"Deployment=0 noted", "StatefulSet=0 noted"}; }
  void expect_as_it_was() const {
    EXPECT_EQ(workloads(), usual());
    EXPECT_THAT(kinds_left(), IsEmpty());
  }
  bool has_since() const { return std::filesystem::exists(program_.documents() + "/ecm/since"); }

  const std::vector<std::string> restore_ = {"restore",   "--into", "prod",
                                             "--confirm", "prod",   "--scale-down"};
};

TEST_F(RestoreInCluster, IsRefusedWhileTheApplicationRuns) {
  const CommandResult refused = run({"restore", "--into", "prod", "--confirm", "prod"});
  EXPECT_EQ(refused.status, 7) << refused.errors;
  EXPECT_THAT(refused.errors, AllOf(HasSubstr("pods use the documents 'documents': "),
                                    HasSubstr("cron-0"), HasSubstr("--scale-down")));
  const CommandResult unconfirmed = run({"restore", "--into", "prod", "--scale-down"});
  EXPECT_EQ(unconfirmed.status, 7) << unconfirmed.errors;
  EXPECT_THAT(unconfirmed.errors, HasSubstr("--confirm prod"));
  EXPECT_EQ(cluster_.count_asked("PATCH", ""), 0U);
  // Noted by another run: neither scaled nor put back.
  cluster_.kubectl({"annotate", "deployment/erp", "dolibarr-backup/replicas=9",
                    "dolibarr-backup/run=another", "dolibarr-backup/claim=other"});
  const CommandResult beside = run(restore_);
  EXPECT_EQ(beside.status, 7) << beside.errors;
  EXPECT_THAT(beside.errors,
              AllOf(HasSubstr("deployment/erp is noted to be put back to 9 by run 'another', a "
                              "restore of the claim 'other'"),
                    HasSubstr("kubectl --context=test --namespace=erp-prod annotate deployment/erp "
                              "dolibarr-backup/replicas- dolibarr-backup/run- "
                              "dolibarr-backup/claim-")));
  EXPECT_THAT(workloads(), testing::ElementsAre("Deployment=2 noted", "StatefulSet=1"));
  cluster_.kubectl({"annotate", "deployment/erp", "dolibarr-backup/replicas-",
                    "dolibarr-backup/run-", "dolibarr-backup/claim-"});
  const CommandResult plan = run({"restore", "--into", "prod", "-n"});
  EXPECT_EQ(plan.status, 0) << plan.errors;
  EXPECT_TRUE(has_since());
  expect_as_it_was();
}

TEST_F(RestoreInCluster, StopsTheApplicationMeanwhile) {
  const CommandResult done = run(restore_);
  ASSERT_EQ(done.status, 0) << done.errors << done.output;
  EXPECT_THAT(done.output, HasSubstr("restored=2 of=2"));
  EXPECT_THAT(done.errors, HasSubstr("deployment/erp is scaled from 2 to 0"));
  EXPECT_FALSE(has_since());
  expect_as_it_was();
  // Both at 0 before the Secret was made that lets our pod start.
  const Json history = cluster_.read("history");
  size_t zeros = 0;
  for (const Json& change : history) {
    const Json& object = change["object"];
    if (object["kind"] == "Secret" &&
        object["metadata"]["name"].get<std::string>().starts_with("dolibarr-backup-") &&
        object["metadata"]["labels"]["app.kubernetes.io/component"] == "restore")
      break;
    if (object["kind"] == "Pod" && change["type"] == "DELETED" &&
        object["metadata"]["labels"].contains("app"))
      ++zeros;
  }
  EXPECT_EQ(zeros, 3U);
  // What was there goes while the application runs.
  EXPECT_EQ(run({"restore", "--into", "prod", "--confirm", "prod", "--discard-old"}).status, 0);
  EXPECT_EQ(program_.difference_after_restore(), "");
}

TEST_F(RestoreInCluster, PutsTheApplicationBackWhenItFails) {
  cluster_.tell("errors", {{"count", 1}, {"methods", {"POST"}}, {"path", "/configmaps"}});
  const CommandResult failed = run(restore_);
  EXPECT_EQ(failed.status, 11) << failed.errors;
  EXPECT_THAT(failed.errors, HasSubstr("deployment/erp is put back to 2"));
  EXPECT_TRUE(has_since());
  expect_as_it_was();
  const CommandResult none = run(
      {"restore", "--into", "prod", "--confirm", "prod", "--scale-down", "--as-of", "2001-01-01"});
  EXPECT_EQ(none.status, 7) << none.errors;
  EXPECT_THAT(none.errors, HasSubstr("2001-01-01"));
  expect_as_it_was();
}

TEST_F(RestoreInCluster, PutsTheApplicationBackWhenItIsInterrupted) {
  cluster_.tell("config", {{"freeze", Json::array({{{"pods", "^dolibarr-backup-"}}})}});
  const std::unique_ptr<ServerProcess> run = start(restore_);
  eventually([&] { return workloads() == down(); }, "the application stands at 0");
  ::kill(run->pid(), SIGINT);
  EXPECT_EQ(status_of(*run), 130) << output();
  EXPECT_TRUE(has_since());
  expect_as_it_was();
}

TEST_F(RestoreInCluster, TheNextOnePutsBackWhatAKilledOneLeft) {
  cluster_.tell("config", {{"freeze", Json::array({{{"pods", "^dolibarr-backup-"}}})}});
  {
    const std::unique_ptr<ServerProcess> killed = start(restore_);
    eventually([&] { return workloads() == down(); }, "the application stands at 0");
    eventually([&] { return kinds_left().size() == 4; }, "all is made");
    EXPECT_THAT(output(), HasSubstr("scale statefulset/cron --replicas=1"));
  }
  const CommandResult early = run(restore_);
  EXPECT_EQ(early.status, 7) << early.errors;
  EXPECT_THAT(early.errors,
              AllOf(HasSubstr("a restore is under way"), HasSubstr("(its pod has not started)"),
                    HasSubstr("--namespace=erp-prod delete job dolibarr-backup-prod-"),
                    HasSubstr("scale deployment/erp --replicas=2")));
  EXPECT_EQ(workloads(), down());
  cluster_.tell("config", {{"speed", 100000}, {"freeze", Json::array()}});
  eventually([&] { return kinds_left().empty(); }, "the Job is gone");
  cluster_.tell("config", {{"speed", 1}});
  EXPECT_EQ(workloads(), down());
  const CommandResult refused = run({"restore", "--into", "prod", "--confirm", "prod"});
  EXPECT_THAT(refused.errors, HasSubstr("left deployment/erp at 0"));
  expect_as_it_was();
}

// What an operator is told to type works.
TEST_F(RestoreInCluster, OneKilledBeforeItMadeTheSecretIsEndedByHand) {
  cluster_.tell("errors",
                {{"count", 1}, {"methods", {"POST"}}, {"path", "/configmaps"}, {"hang", "before"}});
  {
    const std::unique_ptr<ServerProcess> killed = start(restore_);
    eventually([&] { return cluster_.count_asked("POST", "/configmaps") > 0; }, "it is that far");
  }
  EXPECT_EQ(workloads(), down());
  EXPECT_THAT(kinds_left(), testing::ElementsAre("Job", "Pod"));
  const CommandResult early = run(restore_);
  EXPECT_EQ(early.status, 7) << early.errors;
  EXPECT_THAT(early.errors, HasSubstr("(its pod has not started)"));
  const std::regex words(
      "end it: kubectl --context=test --namespace=erp-prod (delete job) (\\S+);");
  std::smatch typed;
  ASSERT_TRUE(std::regex_search(early.errors, typed, words)) << early.errors;
  cluster_.kubectl({"--namespace=erp-prod", "delete", "job", typed[2], "--wait"});
  eventually([&] { return kinds_left().empty(); }, "the Job is gone");
  EXPECT_EQ(workloads(), down());
  const CommandResult done = run(restore_);
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_THAT(done.errors, HasSubstr("an earlier run was killed and left deployment/erp at 0"));
  EXPECT_FALSE(has_since());
  expect_as_it_was();
}

TEST_F(RestoreInCluster, AJobWithoutAPodYetIsARestoreUnderWay) {
  // No pod is made: as when the quota is full.
  cluster_.tell("config", {{"quota", {{kNamespace, {{"pods", 0}}}}}});
  const std::unique_ptr<ServerProcess> first = start(restore_);
  eventually([&] { return workloads() == down(); }, "the application stands at 0");
  const CommandResult second = run(restore_);
  EXPECT_EQ(second.status, 7) << second.errors;
  EXPECT_THAT(second.errors, HasSubstr("a restore is under way"));
  EXPECT_EQ(workloads(), down());
  cluster_.tell("config", {{"quota", Json::object()}});
  ::kill(first->pid(), SIGINT);
  EXPECT_EQ(status_of(*first), 130) << output();
  expect_as_it_was();
}

TEST_F(RestoreInCluster, OnlyWhatTheRunItselfScaledIsPutBack) {
  cluster_.tell("config", {{"freeze", Json::array({{{"pods", "^dolibarr-backup-"}}})}});
  const std::unique_ptr<ServerProcess> run = start(restore_);
  eventually([&] { return workloads() == down(); }, "the application stands at 0");
  cluster_.kubectl({"annotate", "--overwrite", "deployment/erp", "dolibarr-backup/run=another"});
  ::kill(run->pid(), SIGINT);
  EXPECT_EQ(status_of(*run), 130) << output();
  EXPECT_EQ(workloads(), (std::vector<std::string>{"Deployment=0 noted", "StatefulSet=1"}));
  // Of another claim's restore: not even the next one of this claim.
  cluster_.kubectl({"annotate", "--overwrite", "deployment/erp", "dolibarr-backup/claim=other"});
  EXPECT_EQ(this->run({"restore", "--into", "prod", "--confirm", "prod"}).status, 7);  // cron runs
  EXPECT_EQ(workloads(), (std::vector<std::string>{"Deployment=0 noted", "StatefulSet=1"}));
}

// As what keeps a workload at the number that is written elsewhere.
TEST_F(RestoreInCluster, AnApplicationThatComesBackMeanwhileIsTold) {
  cluster_.tell("config", {{"freeze", Json::array({{{"pods", "^dolibarr-backup-"}}})}});
  const std::unique_ptr<ServerProcess> run = start(restore_);
  eventually([&] { return kinds_left().size() == 4; }, "all is made");
  cluster_.kubectl({"scale", "deployment/erp", "--replicas=2"});
  cluster_.tell("config", {{"freeze", Json::array()}});
  EXPECT_EQ(status_of(*run), 11) << output();
  EXPECT_THAT(output(), AllOf(HasSubstr("restored=2 of=2"), HasSubstr("all is restored, but pods"),
                              HasSubstr("erp-"), HasSubstr("hint: ")));
  EXPECT_FALSE(has_since());
  expect_as_it_was();
}

TEST_F(RestoreInCluster, TheApplicationStaysDownIfTheJobMayStillRun) {
  cluster_.tell("config", {{"freeze", Json::array({{{"pods", "^dolibarr-backup-"}}})}});
  const std::unique_ptr<ServerProcess> run = start(restore_);
  eventually([&] { return workloads() == down(); }, "the application stands at 0");
  eventually([&] { return kinds_left().size() == 4; }, "all is made");
  cluster_.tell("errors", {{"count", -1}, {"methods", {"DELETE"}}, {"path", "/jobs/"}});
  ::kill(run->pid(), SIGINT);
  EXPECT_EQ(status_of(*run), 130) << output();
  EXPECT_THAT(output(), AllOf(HasSubstr("deployment/erp stays at 0"),
                              HasSubstr("scale deployment/erp --replicas=2"),
                              testing::Not(HasSubstr("is put back"))));
  EXPECT_EQ(workloads(), down());
}

TEST_F(RestoreInCluster, ASandboxGetsACopyFromAnotherNamespace) {
  Json& sandbox = add_sandbox(cluster_);
  const CommandResult done = run({"refresh", "--from", "prod", "--into", "sandbox"});
  ASSERT_EQ(done.status, 0) << done.errors << done.output;
  EXPECT_THAT(done.output, HasSubstr("restored=2 of=2"));
  EXPECT_EQ(Program::server().run_sql(sandbox_database(), "select count(*) from llx_facture"),
            Program::server().run_sql(program_.database(), "select count(*) from llx_facture"));
  EXPECT_TRUE(std::filesystem::exists(sandbox_documents() + "/facture"));
  expect_as_it_was();
  // By another name of the server it is still prod's database.
  cluster_.tell(
      "config",
      {{"hosts",
        {{"erp-db", Program::server().address()}, {"alias", Program::server().address()}}}});
  sandbox["database"] = {{"host", "alias"}, {"name", program_.database()}};
  const CommandResult alias = run({"refresh", "--from", "prod", "--into", "sandbox"});
  EXPECT_EQ(alias.status, 7) << alias.errors;
  EXPECT_THAT(alias.errors, HasSubstr("is the one that 'prod' is backed up from"));
  sandbox["database"]["host"] = std::string("erp-db.") + kNamespace;
  const CommandResult same = run({"refresh", "--from", "prod", "--into", "sandbox"});
  EXPECT_EQ(same.status, 7) << same.errors;
  EXPECT_THAT(same.errors, HasSubstr("'sandbox' and 'prod' have the same database"));
}

TEST_F(RestoreInCluster, ASandboxGetsItsOwnSql) {
  add_sandbox(cluster_);
  const std::string first = program_.path("mask.sql"), second = program_.path("more.sql");
  std::ofstream(first) << "update llx_facture set note_private = 'masked \xC3\xA9'";
  std::ofstream(second) << "update llx_facture set note_public = note_private";
  std::vector<std::string> refresh = {"refresh", "--from", "prod",  "--into", "sandbox",
                                      "--sql",   first,    "--sql", second};
  const CommandResult done = run(refresh);
  ASSERT_EQ(done.status, 0) << done.errors << done.output;
  EXPECT_THAT(done.output, AllOf(HasSubstr("1-mask.sql"), HasSubstr("2-more.sql")));
  EXPECT_EQ(Program::server().run_sql(
                sandbox_database(),
                "select count(*) from llx_facture where note_public <> 'masked \xC3\xA9'"),
            "0\n");
  EXPECT_THAT(kinds_left(), IsEmpty());
  const size_t jobs = cluster_.count_asked("POST", "/jobs");
  std::ofstream(second) << std::string(1100 << 10, ' ');
  const CommandResult large = run(refresh);
  EXPECT_EQ(large.status, 2) << large.errors;
  EXPECT_THAT(large.errors, HasSubstr("have 1.07 MiB; for a cluster 0.98 MiB is the most"));
  refresh.back() = program_.path("none.sql");
  const CommandResult none = run(refresh);
  EXPECT_EQ(none.status, 2) << none.errors;
  EXPECT_THAT(none.errors, HasSubstr("none.sql' cannot be read"));
  EXPECT_EQ(cluster_.count_asked("POST", "/jobs"), jobs);
}

// Two contexts of one kubectl: only a command that names both environments goes to both.
TEST_F(RestoreInCluster, TwoClustersNeverCross) {
  Json of_second = cluster_settings();
  of_second["context"] = "second";
  TestCluster second(of_second);
  Json& sandbox = add_sandbox(second);
  sandbox["kubernetes"]["context"] = "second";
  kubeconfig_ += ":" + second.kubeconfig();
  const auto asked = [](const TestCluster& cluster) {
    return cluster.count_asked("GET", "/apis/") + cluster.count_asked("POST", "");
  };
  const size_t before = asked(second);
  EXPECT_EQ(run({"backup"}).status, 0);
  EXPECT_EQ(asked(second), before);
  const size_t of_prod = cluster_.count_asked("POST", "");

  const CommandResult done = run({"refresh", "--from", "prod", "--into", "sandbox"});
  ASSERT_EQ(done.status, 0) << done.errors << done.output;
  EXPECT_THAT(done.errors, HasSubstr("in namespace erp-sandbox of second"));
  EXPECT_EQ(Program::server().run_sql(sandbox_database(), "select count(*) from llx_facture"),
            Program::server().run_sql(program_.database(), "select count(*) from llx_facture"));
  // Of prod's cluster only the store's Secret was read.
  EXPECT_EQ(cluster_.count_asked("POST", ""), of_prod);
  EXPECT_EQ(cluster_.count_asked("PATCH", ""), 0U);
  EXPECT_EQ(workloads(), usual());
  const CommandResult sandbox_list = run({"list"}, "sandbox");
  EXPECT_EQ(sandbox_list.status, 0) << sandbox_list.errors;
  EXPECT_EQ(cluster_.count_asked("POST", ""), of_prod);
  // The other way round it is refused: prod is protected, wherever it is.
  const CommandResult back = run({"refresh", "--from", "sandbox", "--into", "prod"}, "sandbox");
  EXPECT_EQ(back.status, 7) << back.errors;
  EXPECT_THAT(back.errors, HasSubstr("'prod' is protected"));
  EXPECT_EQ(cluster_.count_asked("POST", ""), of_prod);
}

}  // namespace
}  // namespace dolibarr_backup
