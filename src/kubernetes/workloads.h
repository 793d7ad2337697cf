#pragma once

#include <string>
#include <vector>

/// What uses a claim in a namespace, and what runs it, read from what kubectl prints as JSON. Pure;
/// each function throws Errc::cluster for a text that is none.
namespace dolibarr_backup {

/// The annotations of a workload that a restore has scaled to 0: how many it had, and for whom.
inline constexpr const char* kFormerReplicas = "dolibarr-backup/replicas";
inline constexpr const char* kScaledBy = "dolibarr-backup/run";

/// An object that runs others.
struct Controller {
  std::string kind, name;  ///< both "" if nothing does
};

/// A pod that has not ended and mounts the claim.
struct MountingPod {
  std::string name;
  Controller controller;
  std::string run;  ///< of this program: the name of its run; "" for pods of others
  bool replaces;    ///< of this program, and it may write: a restore or a refresh
};
std::vector<MountingPod> pods_that_mount(const std::string& pods, const std::string& claim);

/// What runs this object.
Controller controller_of(const std::string& object);

/// A Deployment or a StatefulSet.
struct Workload {
  std::string kind, name, version;  ///< version: of the object, for a patch
  int replicas = 1;
  int former_replicas = -1;       ///< what its annotation says; -1 without one
  std::string reference() const;  ///< "deployment/erp"
};
Workload read_workload(const std::string& object);
/// Those of a list that carry the annotation.
std::vector<Workload> scaled_workloads(const std::string& list);

/// A merge patch to 0 that notes, in the same change, how many there were. It fails if the object
/// changed meanwhile.
std::string scale_down_patch(const Workload& workload, const std::string& run);
/// The way back. Whoever scaled it up meanwhile is left alone: then only the note goes.
std::string put_back_patch(const Workload& workload);

}  // namespace dolibarr_backup
