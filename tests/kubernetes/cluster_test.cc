// From the command line to the bucket, through the real kubectl: PostgreSQL and Ceph are real, the
// cluster is the test API server, whose pods run this very program.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <sstream>

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

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
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

TEST_F(InCluster, BringsDocumentsToThisMachine) {
  program_.write_document("ecm/one", std::string("\0\r\n\xFF unlike a log", 18));
  program_.write_document("ecm/large", std::string(3 << 20, 'x'));
  ASSERT_EQ(run({"backup"}).status, 0);
  const size_t jobs = cluster_.count_asked("POST", "/jobs");
  const CommandResult shown = run({"show", "ecm/one"});
  EXPECT_EQ(shown.status, 0) << shown.errors;
  EXPECT_EQ(shown.output, std::string("\0\r\n\xFF unlike a log", 18));
  EXPECT_EQ(run({"show", "ecm/none"}).status, 2);
  const std::string folder = program_.path("brought");
  const CommandResult brought = run({"restore", "--path", "ecm/*", "--to", folder});
  EXPECT_EQ(brought.status, 0) << brought.errors;
  EXPECT_EQ(
      run_command({.argv = {"diff", "-r", folder + "/ecm", program_.documents() + "/ecm"}}).output,
      "");
  const CommandResult report = run({"report", "--json"});
  EXPECT_EQ(report.status, 0) << report.errors;
  EXPECT_THAT(report.output, HasSubstr("prod"));
  // By no pod, and with what only the cluster's Secret tells.
  EXPECT_EQ(cluster_.count_asked("POST", "/jobs"), jobs);
  cluster_.kubectl({"--namespace=longhorn-system", "patch", "secret",
                    "longhorn-gcs-backup-credentials", "--type=merge",
                    R"(--patch={"stringData": {"AWS_SECRET_ACCESS_KEY": "wrong"}})"});
  EXPECT_EQ(run({"show", "ecm/one"}).status, 5);
  cluster_.kubectl({"--namespace=longhorn-system", "patch", "secret",
                    "longhorn-gcs-backup-credentials", "--type=merge",
                    R"(--patch={"stringData": {"AWS_ENDPOINTS": "http://minio.svc:9000"}})"});
  const CommandResult plain = run({"show", "ecm/one"});
  EXPECT_EQ(plain.status, 3) << plain.errors;
  EXPECT_THAT(plain.errors, HasSubstr("AWS_ENDPOINTS"));
  const CommandResult mixed = run({"restore", "--path", "a", "--to", folder, "--scale-down"});
  EXPECT_EQ(mixed.status, 2) << mixed.errors;
}

TEST_F(InCluster, TheClustersAuthorityOfTheStoreIsTrustedHere) {
  program_.write_document("ecm/one", "content");
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  const std::string key = program_.path("key.pem"), authority = program_.path("authority.pem");
  run_or_throw({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                         "/CN=a private authority", "-addext", "subjectAltName=IP:127.0.0.1",
                         "-keyout", key, "-out", authority}});
  // The same store behind TLS.
  const std::string port = std::to_string(reserve_ports(1).front());
  const ServerProcess tls(
      {.argv = {"node", "-e",
                "const [key, cert, port, store] = process.argv.slice(1);"
                "const read = require('fs').readFileSync;"
                "require('tls').createServer({ key: read(key), cert: read(cert) }, (from) => {"
                "  const to = require('net').connect(Number(store), '127.0.0.1');"
                "  for (const one of [from, to]) one.on('error', () => {});"
                "  from.pipe(to).pipe(from);"
                "}).on('tlsClientError', () => {}).listen(Number(port), '127.0.0.1');",
                key, authority, port, s3_.endpoint.substr(s3_.endpoint.rfind(':') + 1)}},
      program_.path("tls.log"));
  settings()["environments"]["prod"]["store"]["endpoint"] = "https://127.0.0.1:" + port;
  const CommandResult unknown = run({"show", "ecm/one"});
  EXPECT_EQ(unknown.status, 5) << unknown.errors;
  EXPECT_THAT(unknown.errors, HasSubstr("certificate is not trusted"));
  cluster_.kubectl({"create", "-f", "-"},
                   Json{{"apiVersion", "v1"},
                        {"kind", "ConfigMap"},
                        {"metadata", {{"name", "store-ca"}, {"namespace", kNamespace}}},
                        {"data", {{"ca.crt", content_of(authority)}}}}
                       .dump());
  cluster_.kubectl({"create", "-f", "-"},
                   Json{{"apiVersion", "v1"},
                        {"kind", "Secret"},
                        {"metadata", {{"name", "store-ca"}, {"namespace", kNamespace}}},
                        {"stringData", {{"ca.crt", content_of(authority)}}}}
                       .dump());
  for (const char* kind : {"store_ca_config_map", "store_ca_secret"}) {
    kubernetes()[kind] = "store-ca";
    const CommandResult shown = run({"show", "ecm/one"});
    EXPECT_EQ(shown.status, 0) << shown.errors;
    EXPECT_EQ(shown.output, "content");
    kubernetes()[kind] = "none";
    EXPECT_EQ(run({"show", "ecm/one"}).status, 11);
    kubernetes().erase(kind);
  }
}

TEST_F(InCluster, HoldsAndReleasesAnArchive) {
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  const std::unique_ptr<ObjectStore> store = program_.open_store();
  const std::string archive = store->list("erp/prod/db/").front().key;
  const CommandResult held =
      run({"hold", "add", archive, "--why", "the audit's \"5 %\"", "--who", "me"});
  EXPECT_EQ(held.status, 0) << held.errors;
  EXPECT_EQ(held.output, "held " + archive + "\n");
  const CommandResult listed = run({"hold", "list"});
  EXPECT_EQ(listed.status, 0) << listed.errors;
  EXPECT_THAT(listed.output,
              AllOf(HasSubstr(archive), HasSubstr("the audit's \"5 %\""), HasSubstr("me")));
  const CommandResult released = run({"hold", "rm", archive});
  EXPECT_EQ(released.status, 0) << released.errors;
  EXPECT_THAT(store->list("erp/prod/holds/"), IsEmpty());
  EXPECT_EQ(run({"hold", "rm", archive}).status, 2);
  expect_nothing_left();
}

TEST_F(InCluster, TellsWhetherItIsWell) {
  const CommandResult none = run({"status"});
  EXPECT_EQ(none.status, 12) << none.errors;
  EXPECT_THAT(none.output, HasSubstr("prod"));
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  ASSERT_EQ(run({"drill"}).status, 0);
  const CommandResult well = run({"-q", "status"});
  EXPECT_EQ(well.status, 0) << well.errors << well.output;
  EXPECT_THAT(well.output, StartsWith("env=prod status=ok db=ok docs=ok "));
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
  const std::string password = program_.path("push-word");
  std::ofstream(password) << "push-word\n";
  settings()["environments"]["prod"]["metrics"] = {{"pushgateway", "http://" + address},
                                                   {"pushgateway_user", "backup"},
                                                   {"pushgateway_password_file", password}};
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
  grant_rights(cluster_, "full");
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
      {"node_selector", "pool=none", "didn't match Pod's node affinity",
       "kubernetes.node_selector"},
      {"namespace", "full", "exceeded quota", "the namespace's quota"},
      {"priority_class", "none", "no PriorityClass with name none was found",
       "kubernetes.priority_class"},
      // A real cluster does not even tell whoever may read another one only.
      TestCluster::is_real()
          ? Case{"store_secret", "none", "secrets \"none\" is forbidden", "ask for that right"}
          : Case{"store_secret", "none", "secrets \"none\" not found", "config show"}};
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
  // Without TLS kubectl uses no login.
  const Json login = {{"apiVersion", "client.authentication.k8s.io/v1"},
                      {"command", "sh"},
                      {"args", {"-c", "read -r code </dev/tty"}},
                      {"interactiveMode", "IfAvailable"}};
  std::ofstream(cluster_.kubeconfig())
      << Json{{"apiVersion", "v1"},
              {"kind", "Config"},
              {"clusters",
               Json::array({{{"name", "c"}, {"cluster", {{"server", "https://127.0.0.1:1"}}}}})},
              {"users", Json::array({{{"name", "u"}, {"user", {{"exec", login}}}}})},
              {"contexts",
               Json::array({{{"name", "test"}, {"context", {{"cluster", "c"}, {"user", "u"}}}}})}};
  const CommandResult asked = run_on_terminal({"list"});
  EXPECT_EQ(asked.status, 11) << asked.output;
  EXPECT_THAT(asked.output,
              AllOf(HasSubstr("getting credentials"), HasSubstr("hint: log in to the cluster")));
}

// ---- what a cluster does to a pod ----------------------------------------------

TEST_F(InCluster, AMeshMayAddAContainer) {
  if (TestCluster::is_real()) GTEST_SKIP() << "no webhook is there";
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
  if (TestCluster::is_real()) GTEST_SKIP() << "a server before 1.26 does not say why a pod ends";
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
  EXPECT_THAT(output(), Not(HasSubstr("may be missing")));
  expect_nothing_left();
}

TEST_F(InCluster, ALineThatIsCutInTheMiddleComesWhole) {
  std::unique_ptr<ServerProcess> lock = hold_database();
  cluster_.tell("drop-logs", {{"count", 1}, {"after", 1}, {"how", "middle"}});
  const std::unique_ptr<ServerProcess> run = start({"-v", "backup"});
  eventually([&] { return cluster_.count_asked("GET", "follow=true") > 1; }, "it follows again");
  lock.reset();
  EXPECT_EQ(status_of(*run), 0) << output();
  // Half a diagnostic would be taken for a result.
  EXPECT_THAT(output(), Not(HasSubstr("{\"time\"")));
  EXPECT_EQ(count_in(output(), "this is the first backup of"), 1U) << output();
  EXPECT_EQ(count_in(output(), "env=prod result=success"), 1U) << output();
}

TEST_F(InCluster, SaysThatLinesOfTheLogAreGone) {
  std::unique_ptr<ServerProcess> lock = hold_database();
  const std::unique_ptr<ServerProcess> run = start({"-v", "backup"});
  wait_for_the_pod();
  eventually([&] { return output().find("this is the first backup of") != std::string::npos; },
             "it follows");
  cluster_.tell("rotate-logs");
  cluster_.tell("cut");
  eventually([&] { return cluster_.count_asked("GET", "follow=true") > 1; }, "it follows again");
  lock.reset();
  EXPECT_EQ(status_of(*run), 0) << output();
  EXPECT_EQ(count_in(output(), "may be missing"), 1U) << output();
  EXPECT_EQ(count_in(output(), "this is the first backup of"), 1U) << output();
  EXPECT_EQ(count_in(output(), "env=prod result=success"), 1U) << output();
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

}  // namespace
}  // namespace dolibarr_backup
