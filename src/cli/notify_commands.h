#pragma once

#include <optional>
#include <stop_token>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "notify/run_notice.h"

namespace dolibarr_backup {

/// Tells those whom the settings name of one run of `backup`, `prune`, `verify` or `drill`, also of
/// one in a cluster: the pod tells nobody. Settings that cannot be read name nobody; no notice
/// changes what becomes of the run.
class RunNotices {
 public:
  /// Tells that the run starts. `stop` outlives it.
  RunNotices(const CommandLine& line, const std::stop_source& stop);
  /// Tells how it ended.
  void tell(const CommandOutcome& outcome, int exit_code) const;

 private:
  const std::stop_source& stop_;
  NotifySettings settings_;
  std::optional<RunNotice> notice_;  ///< what is known at the start; none: nobody is told
};

/// Sends a trial of each kind; Errc::config if one failed, or there is nobody to tell.
int run_notify_test(const CommandLine& line, const std::stop_source& stop);

}  // namespace dolibarr_backup
