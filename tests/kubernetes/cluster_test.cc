// From the command line to the bucket, through the real kubectl: PostgreSQL and Ceph are real, the
// cluster is the test API server, whose pods run this very program.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>

#include "kubernetes/in_cluster.h"

namespace dolibarr_backup {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

size_t count_in(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

std::string base64(const std::string& text) {
  return run_or_throw({.argv = {"base64", "--wrap=0"}, .stdin_text = text});
}

TEST_F(InCluster, BacksUpListsAndDrills) {
  const CommandResult first = run({"backup"});
  ASSERT_EQ(first.status, 0) << first.errors << first.output;
  EXPECT_THAT(first.output, HasSubstr("env=prod result=success"));
  EXPECT_THAT(first.output, HasSubstr("uploaded=2 unchanged=0"));
  expect_nothing_left();
  const CommandResult second = run({"backup"});
  EXPECT_EQ(second.status, 0) << second.errors;
  EXPECT_THAT(second.output, HasSubstr("uploaded=0 unchanged=2"));
  EXPECT_EQ(program_.difference_after_restore(), "");

  const CommandResult list = run({"list", "--json"});
  EXPECT_EQ(list.status, 0) << list.errors;
  EXPECT_EQ(Json::parse(list.output).at("environments").at(0).at("points").size(), 1U)
      << list.output;
  const CommandResult drill = run({"drill"});
  EXPECT_EQ(drill.status, 0) << drill.errors << drill.output;
  EXPECT_THAT(drill.output, HasSubstr("documents"));
  expect_nothing_left();
}

TEST_F(InCluster, EndsWithThePodsExitCodeAndItsWords) {
  settings()["environments"]["prod"]["database"]["name"] = "nowhere";
  const CommandResult source = run({"backup"});
  EXPECT_EQ(source.status, 4) << source.errors;
  EXPECT_THAT(source.errors, HasSubstr("\"nowhere\" does not exist"));
  EXPECT_THAT(source.output, HasSubstr("env=prod result=failed"));
  expect_nothing_left();
}

TEST_F(InCluster, TellsItsMetricsToAPushgatewayWithALogin) {
  const std::string address = "127.0.0.1:" + std::to_string(reserve_ports(1).front());
  // By crypt(3): the digest of "push-word".
  std::ofstream(program_.path("web.yml"))
      << "basic_auth_users: "
         "{backup: '$2b$04$5aam46cYnjObIJ0Jg.w7v.Ss/sdwYHa.ezgyCuHa0eZHMK4JYAijC'}";
  const ServerProcess gateway({.argv = {"prometheus-pushgateway", "--web.listen-address=" + address,
                                        "--web.config.file=" + program_.path("web.yml")}},
                              program_.path("gateway.log"));
  settings()["environments"]["prod"]["metrics"] = {{"pushgateway", "http://" + address},
                                                   {"pushgateway_user", "backup"},
                                                   {"pushgateway_password", "push-word"}};
  const CommandResult done = run({"backup"});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_THAT(done.errors, Not(HasSubstr("did not reach the Pushgateway")));
  EXPECT_THAT(run_or_throw({.argv = {"curl", "-s", "--fail", "--user", "backup:push-word",
                                     "http://" + address + "/metrics"}}),
              HasSubstr("dolibarr_backup_ok{env=\"prod\""));
  expect_nothing_left();
}

// ---- what keeps a pod from starting ------------------------------------------

TEST_F(InCluster, SaysWhyAPodCannotStart) {
  cluster_.tell("config",
                {{"namespaces", {{"full", Json::object()}}}, {"quota", {{"full", {{"pods", 0}}}}}});
  struct Case {
    const char* key;
    const char* value;
    const char* words;
    const char* hint;
  };
  const std::vector<Case> cases = {
      {"image", "registry.example/none:1", "registry.example/none:1", "kubernetes.image"},
      {"documents_claim", "none", "persistentvolumeclaim \"none\" not found",
       "kubernetes.documents_claim"},
      {"database_secret", "none", "secret \"none\" not found", "kubernetes.database_secret"},
      {"database_password_key", "none", "references non-existent secret key: none",
       "kubernetes.database_secret"},
      {"service_account", "none", "serviceaccount \"none\" not found",
       "kubernetes.service_account"},
      {"node_selector", "pool=none", "didn't match Pod's node affinity/selector",
       "kubernetes.node_selector"},
      {"namespace", "full", "exceeded quota", "the namespace's quota"},
      {"priority_class", "none", "no PriorityClass with name none was found",
       "kubernetes.priority_class"},
      {"store_secret", "none", "secrets \"none\" not found", "config show"}};
  const Json usual = kubernetes();
  std::vector<std::unique_ptr<ServerProcess>> runs;
  std::vector<std::string> outputs;
  for (const Case& one : cases) {
    kubernetes() = usual;
    kubernetes()["pending_timeout"] = "4s";
    kubernetes()[one.key] = one.value;
    runs.push_back(start({"backup"}));
    outputs.push_back(output_path());
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(status_of(*runs[i]), 11) << cases[i].key;
    EXPECT_THAT(file_tail(outputs[i]),
                AllOf(HasSubstr(cases[i].words), HasSubstr("hint: "), HasSubstr(cases[i].hint)));
  }
  expect_nothing_left();
}

TEST_F(InCluster, ANodeThatLooksAgainLaterIsWaitedFor) {
  // It finds neither the Secret nor the ConfigMap at first; longer than a hopeless pod is waited
  // for.
  cluster_.tell("config", {{"mountBackOff", 15000}});
  const CommandResult done = run({"backup"});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_THAT(done.errors, HasSubstr("FailedMount"));
  expect_nothing_left();
}

TEST_F(InCluster, ALoginThatAsksTheTerminalIsTold) {
  cluster_.kubectl({"config", "set-credentials", "tester", "--exec-api-version",
                    "client.authentication.k8s.io/v1beta1", "--exec-command", "sh", "--exec-arg",
                    "-c", "--exec-arg", "read -r code </dev/tty"});
  // Without TLS kubectl uses no login.
  cluster_.kubectl({"config", "set-cluster", "test", "--server=https://127.0.0.1:1"});
  const CommandResult asked = run_on_terminal({"list"});
  EXPECT_EQ(asked.status, 11) << asked.output;
  EXPECT_THAT(asked.output,
              AllOf(HasSubstr("getting credentials"), HasSubstr("hint: log in to the cluster")));
}

// ---- what a cluster does to a pod ----------------------------------------------

TEST_F(InCluster, AMeshMayAddAContainer) {
  cluster_.tell(
      "config",
      {{"inject", Json::array({{{"pods", "^dolibarr-backup-"},
                                {"containers",
                                 Json::array({{{"name", "a-proxy"}, {"image", "app:1"}}})}}})}});
  const CommandResult done = run({"backup"});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_THAT(done.output, HasSubstr("env=prod result=success"));
  settings()["environments"]["prod"]["database"]["name"] = "nowhere";
  EXPECT_EQ(run({"backup"}).status, 4);
  expect_nothing_left();
}

TEST_F(InCluster, ARestrictedNamespaceTakesThePod) {
  cluster_.tell("apply", {{"apiVersion", "v1"},
                          {"kind", "Namespace"},
                          {"metadata",
                           {{"name", kNamespace},
                            {"labels", {{"pod-security.kubernetes.io/enforce", "restricted"}}}}}});
  const CommandResult done = run({"backup"});
  EXPECT_EQ(done.status, 0) << done.errors;
}

TEST_F(InCluster, ADrainedNodeIsNotTheUsersInterruption) {
  const std::unique_ptr<ServerProcess> lock = hold_database();
  const std::unique_ptr<ServerProcess> run = start({"backup"});
  wait_for_the_pod();
  for (const std::string& name : cluster_.names({"Pod"}))
    cluster_.tell("evict", {{"namespace", kNamespace}, {"name", name.substr(sizeof "Pod")}});
  EXPECT_EQ(status_of(*run), 11) << output();
  EXPECT_THAT(output(), AnyOf(HasSubstr("EvictionByEvictionAPI"), HasSubstr("the pod is gone")));
  expect_nothing_left();
}

// ---- whoever is killed or cut off ----------------------------------------------

TEST_F(InCluster, AKilledOneLeavesNothingOnceTheTimeIsOver) {
  struct Step {
    const char* method;
    const char* path;
    const char* hang;
    std::vector<std::string> left;  // kinds
  };
  const std::vector<Step> steps = {
      {"GET", "/secrets/longhorn-gcs", "before", {}},
      {"POST", "/jobs", "before", {}},
      {"POST", "/jobs", "after", {"Job", "Pod"}},
      {"POST", "/secrets", "before", {"ConfigMap", "Job", "Pod"}},
      {"POST", "/secrets", "after", {"ConfigMap", "Job", "Pod", "Secret"}}};
  for (const Step& step : steps) {
    SCOPED_TRACE(std::string(step.hang) + " " + step.method + " " + step.path);
    const size_t before = cluster_.count_asked(step.method, step.path);
    cluster_.tell("errors", {{"count", 1},
                             {"methods", Json::array({step.method})},
                             {"path", step.path},
                             {"hang", step.hang}});
    {
      const std::unique_ptr<ServerProcess> killed = start({"backup"});
      eventually([&] { return cluster_.count_asked(step.method, step.path) > before; }, "it asks");
      eventually([&] { return kinds_left() == step.left; }, "what it made is there");
    }                                              // SIGKILL
    cluster_.tell("config", {{"speed", 100000}});  // the deadline of 6 h passes at once
    eventually([&] { return kinds_left().empty(); }, "it is gone");
    cluster_.tell("config", {{"speed", 1}});
  }
  expect_nothing_left();
  const CommandResult next = run({"backup"});
  EXPECT_EQ(next.status, 0) << next.errors;
}

TEST_F(InCluster, AKilledOneLeavesABackupThatEndsByItself) {
  {
    const std::unique_ptr<ServerProcess> lock = hold_database();
    {
      const std::unique_ptr<ServerProcess> killed = start({"backup"});
      wait_for_the_pod();
      eventually([&] { return cluster_.count_asked("GET", "follow=true") > 0; }, "it streams");
    }
  }
  eventually([&] { return program_.damage().empty() && has_good_pair(); }, "it is done");
  cluster_.tell("config", {{"speed", 10000}});
  eventually([&] { return kinds_left().empty(); }, "it is gone");
  expect_nothing_left();
}

TEST_F(InCluster, AnInterruptedOneRemovesAllAtOnce) {
  const std::unique_ptr<ServerProcess> lock = hold_database();
  const std::unique_ptr<ServerProcess> run = start({"backup"});
  wait_for_the_pod();
  ::kill(run->pid(), SIGINT);
  EXPECT_EQ(status_of(*run), 130) << output();
  expect_nothing_left();
  // The pod was told too: it left the lock it waited for, and said so.
  const std::unique_ptr<ObjectStore> store = program_.open_store();
  const std::vector<ObjectInfo> records = store->list("erp/prod/runs/");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_THAT(get_object(*store, records[0].key, kMiB).value(),
              HasSubstr("\"result\": \"interrupted\""));
}

TEST_F(InCluster, TheServerMayBeAwayForAWhile) {
  std::unique_ptr<ServerProcess> lock = hold_database();
  cluster_.tell("drop-logs", {{"count", 1}, {"after", 1}, {"how", "reset"}});
  const std::unique_ptr<ServerProcess> run = start({"-v", "backup"});
  eventually([&] { return cluster_.count_asked("GET", "follow=true") > 1; }, "it follows again");
  cluster_.tell("down");
  eventually([&] { return output().find("does not answer") != std::string::npos; }, "it notices");
  lock.reset();
  cluster_.tell("up");
  EXPECT_EQ(status_of(*run), 0) << output();
  EXPECT_EQ(count_in(output(), "env=prod result=success"), 1U) << output();
  // Each line once, although the log was read three times.
  EXPECT_EQ(count_in(output(), "this is the first backup of"), 1U) << output();
  expect_nothing_left();
}

TEST_F(InCluster, AServerThatStaysAwayEndsTheRun) {
  kubernetes()["pending_timeout"] = "2s";
  const std::unique_ptr<ServerProcess> lock = hold_database();
  const std::unique_ptr<ServerProcess> run = start({"backup"});
  wait_for_the_pod();
  cluster_.tell("down");
  EXPECT_EQ(status_of(*run), 11) << output();
  EXPECT_THAT(output(), AllOf(HasSubstr("could not be removed"), HasSubstr("delete job")));
  cluster_.tell("up");
  cluster_.tell("config", {{"speed", 100000}});
  eventually([&] { return kinds_left().empty(); }, "it is gone");
  expect_nothing_left();
}

TEST_F(InCluster, ADeadlineEndsTheRun) {
  kubernetes()["job_ttl"] = "7d";  // a minute at that speed
  const std::unique_ptr<ServerProcess> lock = hold_database();
  const std::unique_ptr<ServerProcess> run = start({"backup"});
  wait_for_the_pod();
  cluster_.tell("config", {{"speed", 10000}});
  EXPECT_EQ(status_of(*run), 11) << output();
  EXPECT_THAT(output(),
              AllOf(HasSubstr("ended by its deadline"), HasSubstr("kubernetes.deadline")));
  expect_nothing_left();
}

// ---- secrets -------------------------------------------------------------------

TEST_F(InCluster, SecretsAreInTheTransientSecretAlone) {
  std::string lines;
  {
    const std::unique_ptr<ServerProcess> run = start({"-v", "backup"});
    while (run->running()) lines += all_command_lines();
  }
  EXPECT_THAT(output(), HasSubstr("result=success"));
  ASSERT_THAT(lines, AllOf(HasSubstr("--filename=-"), HasSubstr("--snapshot=")));
  const std::vector<std::string> needles = {kPassword, s3_.secret_access_key.reveal()};
  for (const std::string& needle : needles)
    for (const std::string& form : {needle, base64(needle)}) {
      EXPECT_EQ(lines.find(form), std::string::npos) << "in a command line";
      EXPECT_EQ(output().find(form), std::string::npos) << "on the terminal";
    }
  bool in_transient = false;
  for (const Json& place : cluster_.tell("search", {{"needles", needles}})) {
    const std::string where = place.at("where"), what = place.at("what");
    // The two Secrets that were there, ours, and the request that makes it.
    const bool is_secret = what.find(" secrets/") != std::string::npos ||
                           (where == "request" && what.find("POST") == 0 &&
                            what.find("/secrets?") != std::string::npos);
    EXPECT_TRUE(is_secret) << place;
    in_transient |= what.find("secrets/erp-prod/dolibarr-backup-prod-") != std::string::npos;
  }
  EXPECT_TRUE(in_transient) << "the search finds nothing";
  expect_nothing_left();
}

}  // namespace
}  // namespace dolibarr_backup
