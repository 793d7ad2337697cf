// No secret, encoded or not, stands anywhere but in the transient Secret: not in a command line,
// kubectl's included, a log, an event, on the terminal, in another object.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "kubernetes/in_cluster.h"

namespace dolibarr_backup {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsSupersetOf;

class SecretsInCluster : public InCluster {
 protected:
  SecretsInCluster() : needles_{kPassword, s3_.secret_access_key.reveal(), kGateWord, kKey, kSql} {
    std::ofstream(recorder_) << "#!/bin/sh\nprintf '%s\\n' \"$@\" >> '" << recorded_ << "'\nexec '"
                             << kubernetes()["kubectl"].get<std::string>() << "' \"$@\"\n";
    std::filesystem::permissions(recorder_, std::filesystem::perms::owner_all);
    kubernetes()["kubectl"] = recorder_;
  }

  // Runs to the end, watched. `meanwhile` is called again and again until it returns true.
  int watch(
      const std::vector<std::string>& arguments,
      const std::function<bool(pid_t)>& meanwhile = [](pid_t) { return true; }) {
    const std::unique_ptr<ServerProcess> run = start(arguments);
    const auto ended = [&] {
      siginfo_t info{};
      return ::waitid(P_PID, static_cast<id_t>(run->pid()), &info, WEXITED | WNOHANG | WNOWAIT) !=
                 0 ||
             info.si_pid != 0;
    };
    for (bool done = false; !ended();) {
      std::istringstream lines(all_command_lines());
      // Another test's store may be set up meanwhile, with the same invented keys.
      for (std::string line; std::getline(lines, line);)
        if (line.find("radosgw-admin") == std::string::npos) command_lines_.insert(line);
      if (!done) done = meanwhile(run->pid());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const int status = status_of(*run);
    terminal_ += output();
    return status;
  }

  // Where they were seen, the terminal and the command lines included.
  Json findings() {
    std::ostringstream kubectl;
    kubectl << std::ifstream(recorded_).rdbuf();
    std::string lines;
    for (const std::string& line : command_lines_) lines += line + "\n";
    return cluster_.tell("search", {{"needles", needles_},
                                    {"texts",
                                     {{"terminal", ascii(terminal_)},
                                      {"command line", ascii(lines)},
                                      {"kubectl's argv", ascii(kubectl.str())}}}});
  }

  // The Secrets that were there, ours, and the request that makes it. Of a login that only a
  // variable takes, the pod's environment.
  static bool is_allowed(const Json& place) {
    const std::string where = place.at("where"), what = place.at("what");
    return (where == "object" && what.find(" secrets/") != std::string::npos) ||
           (where == "request" && what.starts_with("POST ") &&
            what.find("/secrets?") != std::string::npos) ||
           (where == "environment" && place.at("needle") == 2);
  }

  // Returns which needles the transient Secrets had.
  std::set<size_t> expect_hidden() {
    std::set<size_t> seen;
    for (const Json& place : findings()) {
      EXPECT_TRUE(is_allowed(place)) << place;
      if (place.at("what").get<std::string>().find("/dolibarr-backup-") != std::string::npos)
        seen.insert(place.at("needle").get<size_t>());
    }
    return seen;
  }

  void put_secret(const std::string& name, const Json& values) {
    cluster_.tell("apply", {{"apiVersion", "v1"},
                            {"kind", "Secret"},
                            {"metadata", {{"name", name}, {"namespace", kNamespace}}},
                            {"stringData", values}});
  }

  static std::string ascii(std::string text) {
    for (char& c : text)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return text;
  }

  static constexpr const char* kGateWord = "gate-Word%with&odd/signs 4712";
  static constexpr const char* kKey = "conf-Key%with&odd/signs 4713";
  static constexpr const char* kSql = "sql-Word%with&odd/signs 4714";
  const std::string recorder_ = program_.path("recorder"), recorded_ = program_.path("argv");
  std::vector<std::string> needles_;
  std::string terminal_;
  std::set<std::string> command_lines_;
};

TEST_F(SecretsInCluster, StandInNoneOfWhatCommandsLeave) {
  start_application();
  put_secret("conf-key", {{"key", kKey}});
  kubernetes()["conf_key_secret"] = "conf-key";
  settings()["environments"]["prod"]["metrics"] = {{"pushgateway", "http://127.0.0.1:1"},
                                                   {"pushgateway_user", "backup"},
                                                   {"pushgateway_password", kGateWord}};
  add_sandbox(cluster_);
  const std::string sql = program_.path("own.sql");
  std::ofstream(sql) << "update llx_facture set note_private = '" << kSql << "'";
  program_.write_document("ecm/one", "x");

  EXPECT_EQ(watch({"-v", "backup"}), 0) << output();
  const std::string archive = program_.open_store()->list("erp/prod/db/").front().key;
  EXPECT_EQ(watch({"-v", "restore", "--into", "prod", "--confirm", "prod", "--scale-down"}), 0)
      << output();
  EXPECT_EQ(watch({"-v", "refresh", "--from", "prod", "--into", "sandbox", "--sql", sql}), 0)
      << output();
  watch({"-v", "drill"});
  EXPECT_THAT(output(), HasSubstr("key"));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"-v", "hold", "add", archive, "--why", "w"},
                                             {"-v", "hold", "list"},
                                             {"-v", "hold", "rm", archive},
                                             {"-v", "show", "ecm/one"},
                                             {"-v", "--kubectl-dry-run", "backup"},
                                             {"-v", "--kubectl-dry-run", "refresh", "--from",
                                              "prod", "--into", "sandbox", "--sql", sql}})
    EXPECT_EQ(watch(command), 0) << output();
  EXPECT_THAT(terminal_, AllOf(HasSubstr("debug"), HasSubstr("SQL_1"), HasSubstr("***")));
  ASSERT_THAT(command_lines_, testing::Contains(HasSubstr("--snapshot=")));
  EXPECT_THAT(expect_hidden(), IsSupersetOf({1, 2, 4}));
  EXPECT_EQ(workloads(), (std::vector<std::string>{"Deployment=2", "StatefulSet=1"}));
}

TEST_F(SecretsInCluster, StandInNoneOfWhatFailuresLeave) {
  start_application();
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  const std::vector<std::string> restore = {"-v",        "restore", "--into",      "prod",
                                            "--confirm", "prod",    "--scale-down"};
  // The server quotes what it was given.
  const std::string quoted =
      run_or_throw({.argv = {"base64", "--wrap=0"}, .stdin_text = s3_.secret_access_key.reveal()});
  for (const char* path : {"/configmaps", "/secrets\\?"}) {
    cluster_.tell("errors", {{"count", 1},
                             {"methods", {"POST"}},
                             {"path", path},
                             {"message", "cannot take " + quoted}});
    EXPECT_EQ(watch(restore), 11) << output();
    EXPECT_THAT(output(), HasSubstr("cannot take ***"));
  }
  {
    const std::unique_ptr<ServerProcess> lock = hold_database();
    EXPECT_EQ(watch({"-v", "backup"},
                    [](pid_t pid) {
                      wait_for_the_pod();
                      return ::kill(pid, SIGINT) == 0;
                    }),
              130)
        << output();
    EXPECT_EQ(watch({"-v", "backup"},
                    [](pid_t pid) {
                      wait_for_the_pod();
                      return ::kill(pid, SIGKILL) == 0;
                    }),
              137)
        << output();
    EXPECT_THAT(kinds_left(), testing::ElementsAre("ConfigMap", "Job", "Pod", "Secret"));
  }
  // A login that the server refuses, and keys that the store does.
  needles_.emplace_back("wrong-Pass%with&odd/signs 4715");
  put_secret("vso-db-credentials",
             {{"username", PostgresServer::kOwner}, {"password", needles_.back()}});
  EXPECT_EQ(watch(restore), 4) << output();
  EXPECT_THAT(expect_hidden(), IsSupersetOf({1}));
  EXPECT_EQ(workloads(), (std::vector<std::string>{"Deployment=2", "StatefulSet=1"}));
}

// Else the tests above prove nothing.
TEST_F(SecretsInCluster, TheSearchFindsWhatIsPlanted) {
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  const std::string archive = program_.open_store()->list("erp/prod/db/").front().key;
  const std::string planted = "planted-Word%with&odd/signs 4716";
  needles_ = {planted};
  const auto encoded = [](std::vector<std::string> program, const std::string& text) {
    std::string out = run_or_throw({.argv = std::move(program), .stdin_text = text});
    std::erase_if(out, [](unsigned char c) { return std::isspace(c) != 0; });
    return out;
  };
  std::string why = planted + " planted-Word%25with%26odd%2Fsigns%204716 " +
                    encoded({"od", "-An", "-v", "-tx1"}, planted);
  for (const char* before : {"", "x", "xy"})
    why += " " + encoded({"base64", "--wrap=0"}, before + planted + "and more");
  EXPECT_EQ(watch({"hold", "add", archive, "--why", why}), 0) << output();
  EXPECT_EQ(watch({"hold", "list"}), 0) << output();
  run_command({.argv = {recorder_, "config", "get-contexts", why},
               .environment = {{"KUBECONFIG", kubeconfig_}}});
  cluster_.tell("apply", {{"apiVersion", "v1"},
                          {"kind", "Event"},
                          {"metadata", {{"name", "e"}, {"namespace", kNamespace}}},
                          {"involvedObject", {{"kind", "Pod"}, {"namespace", kNamespace}}},
                          {"reason", "Planted"},
                          {"message", why}});
  std::map<std::string, std::set<std::string>> forms;  // by place
  for (const Json& place : findings())
    forms[place.at("where")].insert(place.at("form").get<std::string>());
  for (const std::string where :
       {"request", "object", "event", "argv", "log", "terminal", "command line", "kubectl's argv"})
    EXPECT_THAT(forms[where], IsSupersetOf({where == "request" ? "go" : "plain", "url", "hex",
                                            "base64+0", "base64+1", "base64+2"}))
        << where;
}

}  // namespace
}  // namespace dolibarr_backup
