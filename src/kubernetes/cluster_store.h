#pragma once

#include <stop_token>

#include "base/unique_fd.h"
#include "core/settings.h"
#include "kubernetes/cluster_objects.h"

namespace dolibarr_backup {

/// The credentials of the environment's store, read in its own context: two environments may be in
/// two clusters. Throws Errc::cluster if they cannot be read, Errc::config if the Secret lacks one.
StoreCredentials fetch_store_credentials(const EnvironmentSettings& environment,
                                         const std::stop_token& stop);

/// A store in whose settings nothing is left to a pod.
struct StoreFromHere {
  StoreSettings settings;
  UniqueFd authority;  ///< what settings.s3.ca_file names; it outlives the store
};

/// The store of an environment in a cluster, as this machine reaches it: endpoint and keys of the
/// cluster's Secret, and the authority that signed its certificate, are read by kubectl and kept in
/// memory alone. Throws as above, and Errc::config for what they hold and cannot be used.
StoreFromHere fetch_store(const EnvironmentSettings& environment, const std::stop_token& stop);

}  // namespace dolibarr_backup
