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

}  // namespace dolibarr_backup
