#include "kubernetes/test_cluster.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/units.h"

namespace dolibarr_backup {

namespace {

// Its first line says where it is.
TestCluster::Json first_line(ServerProcess& server, const std::string& log) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  while (server.running() && std::chrono::steady_clock::now() < deadline) {
    std::string line;
    if (std::ifstream file(log); std::getline(file, line) && !file.eof())
      return TestCluster::Json::parse(line);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw Error(Errc::source, "the test API server did not start:\n" + file_tail(log));
}

}  // namespace

bool TestCluster::is_real() {
  return std::getenv("REAL_CLUSTER") != nullptr;
}

const std::string& TestCluster::kubectl_program() {
  static const std::string program =
      std::string(trim(run_or_throw({.argv = {FETCH_TOOLS}}))) + "/kubectl/kubectl";
  return program;
}

TestCluster::TestCluster(const Json& settings) {
  if (::geteuid() != 0)
    throw Error(Errc::source, "the test cluster needs root: its pods have mounts of their own");
  const std::string file = folder_ / "settings.json", log = folder_ / "log";
  std::ofstream(file) << settings.dump();
  Command command{.argv = {"node", API_SERVER, file}};
  if (is_real()) command.argv = {"node", REAL_CLUSTER_SERVER, std::getenv("REAL_CLUSTER"), file};
  server_ = std::make_unique<ServerProcess>(command, log);
  const Json where = first_line(*server_, log);
  control_ = where.at("control");
  kubeconfig_ = where.at("kubeconfig");
  administrator_ = where.value("administrator", kubeconfig_);
}

std::string TestCluster::kubectl(const std::vector<std::string>& arguments,
                                 const std::string& input) {
  Command command{.argv = {kubectl_program()},
                  .environment = {{"KUBECONFIG", administrator_}},
                  .stdin_text = input};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return run_or_throw(command);
}

TestCluster::Json TestCluster::read(const std::string& what) const {
  return Json::parse(run_or_throw({.argv = {"curl", "-sS", "--fail", control_ + "/" + what}}));
}

TestCluster::Json TestCluster::tell(const std::string& what, const Json& body) const {
  return Json::parse(run_or_throw(
      {.argv = {"curl", "-sS", "--fail-with-body", "--data-binary", "@-", control_ + "/" + what},
       .stdin_text = body.is_null() ? "{}" : body.dump()}));
}

std::vector<std::string> TestCluster::names(const std::vector<std::string>& kinds) const {
  std::vector<std::string> names;
  for (const Json& object : read("objects"))
    if (std::find(kinds.begin(), kinds.end(), object.at("kind")) != kinds.end())
      names.push_back(object["kind"].get<std::string>() + "/" +
                      object["metadata"]["name"].get<std::string>());
  std::sort(names.begin(), names.end());
  return names;
}

size_t TestCluster::count_asked(const std::string& method, const std::string& part) const {
  const Json requests = read("requests");
  return static_cast<size_t>(std::count_if(requests.begin(), requests.end(), [&](const Json& one) {
    return one["method"] == method && one["url"].get<std::string>().find(part) != std::string::npos;
  }));
}

}  // namespace dolibarr_backup
