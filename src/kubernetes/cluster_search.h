#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"

/// Documents of Dolibarr in a cluster, whether they are backed up or not.
namespace dolibarr_backup {

/// A claim that a Dolibarr mounts as its documents, or that is labelled as one's and mounted by
/// no workload.
struct FoundClaim {
  std::string namespace_, name;
  std::string sign;  ///< "Deployment erp, image dolibarr/dolibarr:22"
  bool operator==(const FoundClaim&) const = default;
};

/// Of the Deployments, StatefulSets and claims that `kubectl get ... -o json` printed, ordered. A
/// workload is a Dolibarr's if it is labelled app.kubernetes.io/name=dolibarr or an image of it
/// is named dolibarr; of its claims those mounted at a path that ends in /documents count.
/// Throws Errc::cluster for another text. Pure.
std::vector<FoundClaim> claims_among(const std::string& text);

struct ClusterSearch {
  std::vector<FoundClaim> found;
  bool everywhere = true;  ///< else only in the settings' namespace: more is not allowed
};
/// Asks the cluster of the settings. Throws Errc::cluster if it cannot be asked.
ClusterSearch find_dolibarr_claims(const KubernetesSettings& settings, const std::stop_token& stop);

}  // namespace dolibarr_backup
