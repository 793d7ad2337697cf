#pragma once

#include <string>

#include "core/settings.h"

namespace dolibarr_backup {

/// Where the pod finds its credentials and settings: the chart mounts them there too.
inline constexpr const char* kPodSettings = "/etc/dolibarr-backup";
inline constexpr const char* kPodSecrets = "/run/secrets/dolibarr-backup";

/// The settings file of `environment`'s pod: what differs from the program's defaults, with the
/// credentials where the pod mounts them. It has no secret and no `kubernetes` part. JSON, which
/// is YAML. Pure.
///
/// `source`: another environment whose backup is brought back into this one. Only its store is
/// within reach of the pod: its database is named in full, and its documents lie elsewhere.
std::string pod_settings(const EnvironmentSettings& environment,
                         const EnvironmentSettings* source = nullptr);

/// The pod gets the Pushgateway's password. A restore from another environment tells no metrics.
bool mounts_push_password(const EnvironmentSettings& environment,
                          const EnvironmentSettings* source);

/// The settings of both name the same database: host, as the cluster's DNS completes it, port and
/// name. Two contexts are taken for two clusters, each with Services of its own. What a server is
/// called beside that only the server can tell (app/restore). Pure.
bool name_one_database(const EnvironmentSettings& one, const EnvironmentSettings& other);

}  // namespace dolibarr_backup
