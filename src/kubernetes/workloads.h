#pragma once

#include <string>
#include <vector>

/// What uses a claim in a namespace, and what runs it, read from what kubectl prints as JSON. Pure;
/// each function throws Errc::cluster for a text that is none.
namespace dolibarr_backup {

/// The annotations of a workload that a restore has scaled to 0: how many it had, for which run,
/// and which claim that run restores.
inline constexpr const char* kFormerReplicas = "dolibarr-backup/replicas";
inline constexpr const char* kScaledBy = "dolibarr-backup/run";
inline constexpr const char* kScaledFor = "dolibarr-backup/claim";

/// An object that runs others.
struct Controller {
  std::string kind, name;  ///< both "" if nothing does
};

/// A pod that has not ended and mounts the claim.
struct MountingPod {
  std::string name;
  Controller controller;
  std::string run;  ///< of this program: the name of its run; "" for pods of others
};
std::vector<MountingPod> pods_that_mount(const std::string& pods, const std::string& claim);

/// A run of this program that replaces what is in the claim: its Job is there and has not ended, be
/// its pod made or not, or a pod of it has not.
struct RestoreUnderWay {
  std::string run;
  bool has_started = false;  ///< the container of a pod of it
};
/// Each once. Of Jobs and pods.
std::vector<RestoreUnderWay> restores_under_way(const std::string& jobs_and_pods,
                                                const std::string& claim);

/// What runs this object.
Controller controller_of(const std::string& object);

/// A Deployment or a StatefulSet.
struct Workload {
  std::string kind, name, version;  ///< version: of the object, for a patch
  int replicas = 1;
  int former_replicas = -1;  ///< what its annotation says; -1 without one
  /// The run and the claim of the note; "" without one, "unknown" for what is no run's name.
  std::string scaled_by, scaled_for;
  std::string reference() const;  ///< "deployment/erp"
};
Workload read_workload(const std::string& object);
/// Those of a list that a restore of this claim has noted.
std::vector<Workload> scaled_workloads(const std::string& list, const std::string& claim);

/// A merge patch to 0 that notes, in the same change, how many there were. It fails if the object
/// changed meanwhile.
std::string scale_down_patch(const Workload& workload, const std::string& run,
                             const std::string& claim);
/// The way back. Whoever scaled it up meanwhile is left alone: then only the note goes.
std::string put_back_patch(const Workload& workload);

}  // namespace dolibarr_backup
