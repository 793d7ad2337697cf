#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"
#include "kubernetes/kubectl.h"
#include "kubernetes/workloads.h"

namespace dolibarr_backup {

/// Keeps the application off its documents while they are replaced. Each workload that is scaled
/// to 0 carries a note of how many it had, for which run and for which claim; destruction puts back
/// those with a note of this run, and what a killed process left is put back by the next one of the
/// same claim. One thread uses it.
class ScaleDown {
 public:
  /// `settings` outlive this.
  explicit ScaleDown(const KubernetesSettings& settings)
      : settings_(settings), kubectl_(settings) {}
  ~ScaleDown() { put_back(); }
  ScaleDown(const ScaleDown&) = delete;
  ScaleDown& operator=(const ScaleDown&) = delete;

  /// Puts back what an earlier run left at 0, and looks for pods that mount the documents. Throws
  /// Errc::refused if a restore of them is under way, if there are such pods and `allowed` is
  /// false, or if one cannot be scaled. Changes nothing else.
  void plan(bool allowed, const std::stop_token& stop);
  /// Does it, for the run of this name, whose Job is there, and waits until the pods are gone.
  /// Throws Errc::cluster if one stays, Errc::refused if another run has scaled a workload.
  void execute(const std::string& run, const std::stop_token& stop);
  /// Afterwards: throws Errc::cluster if others have pods that use the documents again.
  void require_kept_away(const std::stop_token& stop) const;
  /// The run may still be at work: nothing is put back by this process, and how to do it by hand is
  /// said. What was never scaled is not spoken of.
  void leave() noexcept;

 private:
  std::vector<MountingPod> mounting_pods(const std::stop_token& stop) const;
  std::vector<std::string> application_pods(const std::stop_token& stop) const;
  std::vector<Workload> leftovers_of_runs(const std::stop_token& stop) const;
  [[noreturn]] void refuse_beside(const RestoreUnderWay& restore,
                                  const std::vector<Workload>& noted) const;
  [[noreturn]] void refuse_noted(const Workload& workload) const;
  Workload workload_of(const MountingPod& pod, const std::stop_token& stop) const;
  void scale(const std::string& reference, const std::stop_token& stop);
  void wait_until_gone(const std::stop_token& stop) const;
  Workload read(const std::string& reference, const std::stop_token& stop = {}) const;
  void put_back(const std::string& reference, const std::string& run) const;
  void put_back() noexcept;
  std::string by_hand(const std::string& words) const;
  std::string by_hand(const std::string& reference, int replicas) const;

  const KubernetesSettings& settings_;
  const Kubectl kubectl_;
  std::string run_;
  std::vector<std::string> planned_;  // references
  std::vector<Workload> scaled_;      // as they were
};

}  // namespace dolibarr_backup
