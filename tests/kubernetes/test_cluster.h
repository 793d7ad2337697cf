#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {

/// The test API server (api_server/README.md) in a process of its own: its pods are processes of
/// this machine. It ends with this object, and its pods with it. Needs root. One thread uses it.
///
/// With REAL_CLUSTER in the environment, the folder of a kube-apiserver, kube-controller-manager
/// and kube-scheduler, it is a real control plane instead (real_cluster/README.md).
class TestCluster {
 public:
  using Json = nlohmann::json;

  /// `settings` as the README says. Throws Errc::source with its log if it does not start.
  explicit TestCluster(const Json& settings);

  const std::string& kubeconfig() const { return kubeconfig_; }
  /// A real control plane: its times cannot be sped up, nor its admission changed.
  static bool is_real();
  /// The real kubectl, fetched once (tests/chart/fetch-tools).
  static const std::string& kubectl_program();
  /// Runs kubectl as an administrator would; throws Errc::source unless it exits with 0.
  std::string kubectl(const std::vector<std::string>& arguments, const std::string& input = "");

  Json read(const std::string& what) const;                         ///< GET CONTROL/what
  Json tell(const std::string& what, const Json& body = {}) const;  ///< POST CONTROL/what

  /// "Job/dolibarr-backup-prod-abc123", ... of what is there of these kinds, sorted.
  std::vector<std::string> names(const std::vector<std::string>& kinds) const;
  /// How many requests came whose URL has `part`.
  size_t count_asked(const std::string& method, const std::string& part) const;

 private:
  TempDir folder_;
  std::string control_, kubeconfig_, administrator_;
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace dolibarr_backup
