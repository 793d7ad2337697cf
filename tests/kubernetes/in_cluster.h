#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/program.h"
#include "kubernetes/test_cluster.h"
#include "support/ceph_rgw.h"

namespace dolibarr_backup {

/// One invented company in a cluster: its database and its bucket are real, its application and
/// our pods run in a TestCluster. The program under test is the orchestrator and, in the pods, what
/// it orchestrates.
class InCluster : public testing::Test {
 protected:
  using Json = nlohmann::json;
  static constexpr const char* kNamespace = "erp-prod";
  static constexpr const char* kImage = "registry.example/dolibarr-backup:1";
  static constexpr const char* kPassword = "pass-Word%with&odd/signs 4711";

  InCluster();

  /// The settings file as an object, to be changed and written.
  Json& settings() { return settings_; }
  /// In a real cluster: `kubectl` of the program may do what docs/cluster-rights.yaml lists in this
  /// namespace, and nothing else.
  static void grant_rights(TestCluster& cluster, const std::string& name_space);
  Json& kubernetes() { return settings_["environments"]["prod"]["kubernetes"]; }

  /// The program with these settings; `arguments` follow `--env ENVIRONMENT`.
  CommandResult run(const std::vector<std::string>& arguments,
                    const std::string& environment = "prod");
  /// The same on a terminal of its own, whose text comes as output.
  CommandResult run_on_terminal(const std::vector<std::string>& arguments);
  /// Starts it and does not wait; its output goes to output().
  std::unique_ptr<ServerProcess> start(const std::vector<std::string>& arguments);
  std::string output() const;
  std::string output_path() const { return program_.path("output" + std::to_string(outputs_)); }
  /// Waits for it to end and returns its exit code.
  static int status_of(ServerProcess& process);

  /// Dolibarr as the cluster sees it: a Deployment of two pods and a StatefulSet of one, which
  /// mount the documents. They run.
  void start_application();
  /// Its workloads, "Deployment=2" or with the note of a run "Deployment=0 noted", sorted.
  std::vector<std::string> workloads() const;
  /// One more environment, "sandbox", empty, in a namespace of its own of `cluster`; its settings.
  /// Both get the store's endpoint.
  Json& add_sandbox(TestCluster& cluster);
  std::string sandbox_database() const { return program_.database() + "_sandbox"; }
  std::string sandbox_documents() const { return program_.path("sandbox"); }

  /// A session that has locked a table: while it lives a backup gets no further.
  std::unique_ptr<ServerProcess> hold_database();
  /// A pod has come to that table.
  static void wait_for_the_pod();
  /// What a run must leave: nothing of its own.
  void expect_nothing_left() const;
  /// The kinds of what is left of runs, sorted, each once.
  std::vector<std::string> kinds_left() const;
  /// The bucket has a point.
  bool has_good_pair();
  static void eventually(const std::function<bool()>& check, const std::string& what);

  static CephRgw& ceph();
  Json cluster_settings() const;
  Command command(const std::vector<std::string>& arguments,
                  const std::string& environment = "prod");

  Program program_;
  S3Settings s3_;
  TestCluster cluster_;
  std::string kubeconfig_;  ///< what kubectl finds; more files may be added, ":" between

 private:
  std::string kubectl_for_the_server();

  Json settings_;
  int outputs_ = 0, files_ = 0;
};

}  // namespace dolibarr_backup
