// Restores in a cluster: the application is off its documents meanwhile, and back on every way out.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>

#include "kubernetes/in_cluster.h"

namespace dolibarr_backup {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class RestoreInCluster : public InCluster {
 protected:
  RestoreInCluster() {
    cluster_.tell("apply",
                  {application("Deployment", "erp", 2), application("StatefulSet", "cron", 1)});
    eventually([&] { return cluster_.names({"Pod"}).size() == 3; }, "the application runs");
    EXPECT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);  // from here: it is quicker
    program_.sql("update llx_facture set note_private = 'since'");
    program_.write_document("ecm/since", "x");
  }

  static Json application(const std::string& kind, const std::string& name, int replicas) {
    const Json labels = {{"app", name}};
    const Json volume = {{"name", "d"}, {"persistentVolumeClaim", {{"claimName", "documents"}}}};
    const Json container = {
        {"name", "web"},
        {"image", "app:1"},
        {"volumeMounts", Json::array({{{"name", "d"}, {"mountPath", "/documents"}}})}};
    Json object = {
        {"apiVersion", "apps/v1"},
        {"kind", kind},
        {"metadata", {{"name", name}, {"namespace", kNamespace}}},
        {"spec",
         {{"replicas", replicas},
          {"selector", {{"matchLabels", labels}}},
          {"template",
           {{"metadata", {{"labels", labels}}},
            {"spec",
             {{"containers", Json::array({container})}, {"volumes", Json::array({volume})}}}}}}}};
    if (kind == "StatefulSet") object["spec"]["serviceName"] = name;
    return object;
  }

  // "Deployment/erp=2", with the note if there is one; then how many pods run.
  std::vector<std::string> workloads() const {
    std::vector<std::string> found;
    for (const Json& object : cluster_.read("objects"))
      if (object["kind"] == "Deployment" || object["kind"] == "StatefulSet")
        found.push_back(
            object["kind"].get<std::string>() + "=" + object["spec"]["replicas"].dump() +
            (object["metadata"].dump().find("dolibarr-backup/") == std::string::npos ? ""
                                                                                     : " noted"));
    std::sort(found.begin(), found.end());
    return found;
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
  EXPECT_THAT(beside.errors, HasSubstr("a restore is under way: another"));
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
  EXPECT_THAT(early.errors, AllOf(HasSubstr("a restore is under way"), HasSubstr("delete job")));
  EXPECT_EQ(workloads(), down());
  cluster_.tell("config", {{"speed", 100000}, {"freeze", Json::array()}});
  eventually([&] { return kinds_left().empty(); }, "the Job is gone");
  cluster_.tell("config", {{"speed", 1}});
  EXPECT_EQ(workloads(), down());
  const CommandResult refused = run({"restore", "--into", "prod", "--confirm", "prod"});
  EXPECT_THAT(refused.errors, HasSubstr("left deployment/erp at 0"));
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
  const std::string database = program_.database() + "_sandbox";
  Program::server().create_database(database);
  const std::string documents = program_.path("sandbox");
  std::filesystem::create_directories(documents);
  run_or_throw({.argv = {"chown", "33:33", documents}});
  cluster_.tell("config", {{"namespaces", {{"erp-sandbox", Json::object()}}},
                           {"claims",
                            {{std::string(kNamespace) + "/documents", program_.documents()},
                             {"erp-sandbox/documents", documents}}}});
  cluster_.tell("apply",
                {{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"metadata", {{"name", "vso-db-credentials"}, {"namespace", "erp-sandbox"}}},
                 {"stringData", {{"username", PostgresServer::kOwner}, {"password", kPassword}}}});
  Json& environments = settings()["environments"];
  environments["prod"]["store"]["endpoint"] = s3_.endpoint;
  environments["sandbox"] = environments["prod"];
  environments["sandbox"]["database"]["name"] = database;
  environments["sandbox"]["kubernetes"]["namespace"] = "erp-sandbox";
  const CommandResult done = run({"refresh", "--from", "prod", "--into", "sandbox"});
  ASSERT_EQ(done.status, 0) << done.errors << done.output;
  EXPECT_THAT(done.output, HasSubstr("restored=2 of=2"));
  EXPECT_EQ(Program::server().run_sql(database, "select count(*) from llx_facture"),
            Program::server().run_sql(program_.database(), "select count(*) from llx_facture"));
  EXPECT_TRUE(std::filesystem::exists(documents + "/facture"));
  expect_as_it_was();
  // By another name of the server it is still prod's database.
  cluster_.tell(
      "config",
      {{"hosts",
        {{"erp-db", Program::server().address()}, {"alias", Program::server().address()}}}});
  environments["sandbox"]["database"] = {{"host", "alias"}, {"name", program_.database()}};
  const CommandResult alias = run({"refresh", "--from", "prod", "--into", "sandbox"});
  EXPECT_EQ(alias.status, 7) << alias.errors;
  EXPECT_THAT(alias.errors, HasSubstr("is the one that 'prod' is backed up from"));
  environments["sandbox"]["database"]["host"] = std::string("erp-db.") + kNamespace;
  const CommandResult same = run({"refresh", "--from", "prod", "--into", "sandbox"});
  EXPECT_EQ(same.status, 7) << same.errors;
  EXPECT_THAT(same.errors, HasSubstr("'sandbox' and 'prod' have the same database"));
}

}  // namespace
}  // namespace dolibarr_backup
