#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "core/settings.h"
#include "kubernetes/pod_command.h"

/// The objects of one run in a cluster, as its API takes them. Pure. The pod is the one of the
/// chart (chart/templates/_pod.tpl); tests/kubernetes compares both.
namespace dolibarr_backup {

using ClusterObject = nlohmann::ordered_json;

/// The label by which the objects of one run are found.
inline constexpr const char* kRunLabel = "dolibarr-backup/run";
inline constexpr const char* kContainer = "dolibarr-backup";

/// The store's credentials as the cluster's API gives them: base64.
struct StoreCredentials {
  Secret access_key_id, secret_access_key;
  Secret endpoint;  ///< empty if the settings name it
};

/// Reads the Secret that `kubectl get secret -o json` printed. Throws Errc::config if it lacks a
/// key; what it holds is never quoted.
StoreCredentials read_store_credentials(const std::string& text,
                                        const EnvironmentSettings& environment);

/// A name for the Job, the Secret and the ConfigMap of a run. `random`: six characters.
std::string run_name(const EnvironmentSettings& environment, const std::string& random);

/// The Job, running at once. Its pod waits for the Secret and the ConfigMap of the same name: so
/// whatever happens to whoever made it, it ends by its deadline and is removed by its TTL. (A
/// suspended Job would do neither.)
ClusterObject job_object(const EnvironmentSettings& environment, const PodCommand& command,
                         const std::string& name);

/// The ConfigMap with the settings and the transient Secret; both owned by the Job with this uid
/// and gone with it. `source`: the credentials of command.source's store, if there is one.
std::vector<ClusterObject> owned_objects(const EnvironmentSettings& environment,
                                         const PodCommand& command, const std::string& name,
                                         const std::string& job_uid,
                                         const StoreCredentials& credentials,
                                         const std::optional<StoreCredentials>& source = {});

/// What --kubectl-dry-run prints: all of them, secret values as "***".
std::string masked_objects(const EnvironmentSettings& environment, const PodCommand& command,
                           const std::string& name);

}  // namespace dolibarr_backup
