#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"

/// What the cluster says of a run, read. Pure.
namespace dolibarr_backup {

/// The Job and the pod of a run, as `kubectl get jobs,pods -o json` printed them; null where there
/// is none.
struct RunState {
  nlohmann::json job, pod;
  std::string pod_name() const;  ///< "" without a pod
  std::string job_uid() const;
  /// The container runs or has ended: it has a log.
  bool has_started() const;
};
/// Throws Errc::cluster for a text that is no list of objects.
RunState read_run_state(const std::string& text);

/// How a run ended: by its container's exit code, or by a failure of the cluster.
struct RunOutcome {
  int exit_code = 0;
  std::optional<Error> failure;  ///< it counts, not the exit code
  std::string note;              ///< what an exit code alone does not say; "" for nothing
  std::string last_words;        ///< the end of the container's log, if it failed
};
/// nullopt while it goes on. From the pod's status and the Job's conditions alone, never from a
/// log.
std::optional<RunOutcome> outcome_of(const RunState& state);

/// Why a pod does not start.
struct Obstacle {
  std::string reason, text, hint;
  bool hopeless =
      false;  ///< waiting will not help, but for a few seconds of the cluster's own delay
};
/// `events` is what `kubectl get events -o json` printed about the pod, or about the Job while it
/// has no pod. nullopt if nothing is in the way yet.
std::optional<Obstacle> obstacle_of(const RunState& state, const std::string& events);

/// A line that our program wrote with --log-format=json.
struct PodDiagnostic {
  log::Level level;
  std::string message;
};
/// nullopt for any other line: a part of the pod's result.
std::optional<PodDiagnostic> read_diagnostic(const std::string& line);

}  // namespace dolibarr_backup
