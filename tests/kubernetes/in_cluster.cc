#include "kubernetes/in_cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "app/catalog.h"
#include "base/error.h"

namespace dolibarr_backup {

namespace {

std::string next_bucket() {
  static int buckets = 0;
  return "cluster" + std::to_string(++buckets);
}

nlohmann::json secret(const std::string& space, const std::string& name,
                      const nlohmann::json& values) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata", {{"name", name}, {"namespace", space}}},
          {"stringData", values}};
}

nlohmann::json application(const std::string& space, const std::string& kind,
                           const std::string& name, int replicas) {
  using Json = nlohmann::json;
  const Json labels = {{"app", name}};
  const Json volume = {{"name", "d"}, {"persistentVolumeClaim", {{"claimName", "documents"}}}};
  const Json container = {
      {"name", "web"},
      {"image", "app:1"},
      {"volumeMounts", Json::array({{{"name", "d"}, {"mountPath", "/documents"}}})}};
  Json object = {
      {"apiVersion", "apps/v1"},
      {"kind", kind},
      {"metadata", {{"name", name}, {"namespace", space}}},
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

// On tables of whatever database.
int locks(const std::string& which) {
  return std::stoi(Program::server().run_sql(
      "postgres", "select count(*) from pg_locks where locktype = 'relation' and " + which,
      PostgresServer::kSuperuser));
}

}  // namespace

CephRgw& InCluster::ceph() {
  static CephRgw instance;
  return instance;
}

InCluster::InCluster()
    : s3_(ceph().make_bucket(next_bucket())),
      cluster_(cluster_settings()),
      kubeconfig_(cluster_.kubeconfig()) {
  program_.use_s3_store(s3_);
  grant_rights(cluster_, kNamespace);
  run_or_throw({.argv = {"chown", "-R", "33:33", program_.documents()}});
  settings_ = {{"conf_key_location", "a safe"},
               {"settle_timeout", "5s"},
               {"environments",
                {{"prod",
                  {{"documents", "/var/www/documents"},
                   {"store", {{"bucket", s3_.bucket}, {"region", s3_.region}}},
                   {"database", {{"host", "erp-db"}, {"name", program_.database()}}},
                   {"kubernetes",
                    {{"context", "test"},
                     {"namespace", kNamespace},
                     {"documents_claim", "documents"},
                     {"image", kImage},
                     {"kubectl", kubectl_for_the_server()}}}}}}}};
}

// A real server may be older than what we support: kubectl itself would then refuse fields that it
// does not know, which the server only drops.
std::string InCluster::kubectl_for_the_server() {
  if (!TestCluster::is_real()) return TestCluster::kubectl_program();
  try {
    cluster_.kubectl({"explain", "job.spec.podReplacementPolicy"});
    return TestCluster::kubectl_program();
  } catch (const Error&) {
    const std::string wrapper = program_.path("kubectl");
    std::ofstream(wrapper) << "#!/bin/sh\nfor word; do [ \"$word\" = create ] && exec "
                           << TestCluster::kubectl_program()
                           << " \"$@\" --validate=false; done\nexec "
                           << TestCluster::kubectl_program() << " \"$@\"\n";
    std::filesystem::permissions(wrapper, std::filesystem::perms::owner_all);
    return wrapper;
  }
}

InCluster::Json InCluster::cluster_settings() const {
  Program::server().run_sql("postgres",
                            std::string("alter role dolibarr password '") + kPassword + "'",
                            PostgresServer::kSuperuser);
  const Json credentials = {{"AWS_ACCESS_KEY_ID", s3_.access_key_id},
                            {"AWS_SECRET_ACCESS_KEY", s3_.secret_access_key.reveal()},
                            {"AWS_ENDPOINTS", s3_.endpoint}};
  return {{"namespaces", {{kNamespace, Json::object()}, {"longhorn-system", Json::object()}}},
          {"namespace", kNamespace},
          {"claims", {{std::string(kNamespace) + "/documents", program_.documents()}}},
          {"hosts", {{"erp-db", Program::server().address()}}},
          {"images",
           {{kImage, {{"programs", {{"dolibarr-backup", Program::program_path()}}}}},
            {"app:1", {{"idle", true}}}}},
          {"objects",
           {secret(kNamespace, "vso-db-credentials",
                   {{"username", PostgresServer::kOwner}, {"password", kPassword}}),
            secret("longhorn-system", "longhorn-gcs-backup-credentials", credentials)}}};
}

void InCluster::grant_rights(TestCluster& cluster, const std::string& name_space) {
  if (!TestCluster::is_real()) return;
  std::ostringstream text;
  text << std::ifstream(CLUSTER_RIGHTS).rdbuf();
  std::string rights = text.str();
  const auto replace = [&](const std::string& from, const std::string& to) {
    ASSERT_NE(rights.find(from), std::string::npos) << from;
    for (size_t at = 0; (at = rights.find(from, at)) != std::string::npos; at += to.size())
      rights.replace(at, from.size(), to);
  };
  replace("operator@example.org", "tester");
  replace("namespace: erp-prod", "namespace: " + name_space);
  cluster.kubectl({"apply", "--validate=false", "--filename=-"}, rights);
}

Command InCluster::command(const std::vector<std::string>& arguments,
                           const std::string& environment) {
  // A file of its own: several may run at once.
  const std::string file = program_.path(fmt::format("settings-{}.json", ++files_));
  std::ofstream(file) << settings_.dump(2);
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);  // it may hold a password
  std::vector<std::string> all = {"--config", file, "--env", environment};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return program_.command(all,
                          {{"KUBECONFIG", kubeconfig_}, {"KUBECACHEDIR", program_.path("cache")}});
}

CommandResult InCluster::run(const std::vector<std::string>& arguments,
                             const std::string& environment) {
  return run_command(command(arguments, environment));
}

CommandResult InCluster::run_on_terminal(const std::vector<std::string>& arguments) {
  Command inner = command(arguments);
  const std::string line = fmt::format("{}", fmt::join(inner.argv, " "));
  inner.argv = {"script", "--quiet", "--return", "--command", line, "/dev/null"};
  return run_command(inner);
}

std::unique_ptr<ServerProcess> InCluster::start(const std::vector<std::string>& arguments) {
  ++outputs_;
  return std::make_unique<ServerProcess>(command(arguments), output_path(), SIGKILL);
}

std::string InCluster::output() const {
  std::ostringstream text;
  text << std::ifstream(output_path()).rdbuf();
  return text.str();
}

int InCluster::status_of(ServerProcess& process) {
  int status = 0;
  if (::waitpid(process.pid(), &status, 0) != process.pid()) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void InCluster::start_application() {
  cluster_.tell("apply", {application(kNamespace, "Deployment", "erp", 2),
                          application(kNamespace, "StatefulSet", "cron", 1)});
  eventually([&] { return cluster_.names({"Pod"}).size() == 3; }, "the application runs");
}

std::vector<std::string> InCluster::workloads() const {
  std::vector<std::string> found;
  for (const Json& object : cluster_.read("objects"))
    if (object["kind"] == "Deployment" || object["kind"] == "StatefulSet")
      found.push_back(object["kind"].get<std::string>() + "=" + object["spec"]["replicas"].dump() +
                      (object["metadata"].dump().find("dolibarr-backup/") == std::string::npos
                           ? ""
                           : " noted"));
  std::sort(found.begin(), found.end());
  return found;
}

InCluster::Json& InCluster::add_sandbox(TestCluster& cluster) {
  const std::string space = "erp-sandbox";
  Program::server().create_database(sandbox_database());
  std::filesystem::create_directories(sandbox_documents());
  run_or_throw({.argv = {"chown", "33:33", sandbox_documents()}});
  cluster.tell("config", {{"namespaces", {{space, Json::object()}}},
                          {"claims",
                           {{std::string(kNamespace) + "/documents", program_.documents()},
                            {space + "/documents", sandbox_documents()}}}});
  grant_rights(cluster, space);
  cluster.tell("apply", secret(space, "vso-db-credentials",
                               {{"username", PostgresServer::kOwner}, {"password", kPassword}}));
  Json& environments = settings_["environments"];
  environments["prod"]["store"]["endpoint"] = s3_.endpoint;
  Json& sandbox = environments["sandbox"] = environments["prod"];
  sandbox["database"]["name"] = sandbox_database();
  sandbox["kubernetes"]["namespace"] = space;
  return sandbox;
}

std::unique_ptr<ServerProcess> InCluster::hold_database() {
  auto session = std::make_unique<ServerProcess>(
      Command{.argv = {PostgresServer::bin_folder() + "/psql", "--no-psqlrc", "--host",
                       Program::server().socket_folder(), "--username", PostgresServer::kSuperuser,
                       "--dbname", program_.database(), "--command",
                       "begin; lock table llx_facture; select pg_sleep(600)"}},
      program_.path("session"), SIGINT);  // psql then cancels the statement
  eventually([] { return locks("granted and mode = 'AccessExclusiveLock'") > 0; }, "a lock");
  return session;
}

void InCluster::wait_for_the_pod() {
  eventually([] { return locks("not granted") > 0; }, "the pod waits for the lock");
}

void InCluster::expect_nothing_left() const {
  EXPECT_THAT(
      cluster_.names({"Job", "Pod", "Secret", "ConfigMap"}),
      testing::ElementsAre("Secret/longhorn-gcs-backup-credentials", "Secret/vso-db-credentials"));
}

std::vector<std::string> InCluster::kinds_left() const {
  std::set<std::string> kinds;
  for (const std::string& name : cluster_.names({"Job", "Pod", "Secret", "ConfigMap"}))
    if (name.find("/dolibarr-backup-") != std::string::npos)
      kinds.insert(name.substr(0, name.find('/')));
  return {kinds.begin(), kinds.end()};
}

bool InCluster::has_good_pair() {
  const std::unique_ptr<ObjectStore> store = program_.open_store();
  Catalog catalog(*store, KeySpace("erp/prod"), {});
  return catalog.good_pair_at(Instant::max()).has_value();
}

void InCluster::eventually(const std::function<bool()>& check, const std::string& what) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  while (!check()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "never happened: " << what;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace dolibarr_backup
