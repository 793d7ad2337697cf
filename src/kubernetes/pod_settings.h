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
std::string pod_settings(const EnvironmentSettings& environment);

}  // namespace dolibarr_backup
