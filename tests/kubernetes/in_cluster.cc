#include "kubernetes/in_cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "app/catalog.h"

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

InCluster::InCluster() : s3_(ceph().make_bucket(next_bucket())), cluster_(cluster_settings()) {
  program_.use_s3_store(s3_);
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
                     {"kubectl", TestCluster::kubectl_program()}}}}}}}};
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

Command InCluster::command(const std::vector<std::string>& arguments) {
  // A file of its own: several may run at once.
  const std::string file = program_.path(fmt::format("settings-{}.json", ++files_));
  std::ofstream(file) << settings_.dump(2);
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);  // it may hold a password
  std::vector<std::string> all = {"--config", file, "--env", "prod"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return program_.command(
      all, {{"KUBECONFIG", cluster_.kubeconfig()}, {"KUBECACHEDIR", program_.path("cache")}});
}

CommandResult InCluster::run(const std::vector<std::string>& arguments) {
  return run_command(command(arguments));
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
