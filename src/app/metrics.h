#pragma once

#include <sys/types.h>

#include <string>

#include "core/settings.h"
#include "core/status.h"

/// How backups stand, told to Prometheus (docs/operations.md, "Metrics").
namespace dolibarr_backup {

/// Of a file with metrics, whatever the umask: who reads it is another user.
inline constexpr mode_t kTextfileMode = 0644;

/// In Prometheus' text format (version 0.0.4). Times are Unix times; 0 stands for never.
std::string metrics_text(const std::vector<EnvironmentStatus>& statuses);

/// To the folder and the Pushgateway of the settings, each if it is set: the file
/// dolibarr_backup_ENV.prom, and the group job="dolibarr_backup", env="ENV". What fails is
/// logged as a warning: it never fails the run that is told of.
void tell_metrics(const EnvironmentSettings& environment, const EnvironmentStatus& status);

}  // namespace dolibarr_backup
