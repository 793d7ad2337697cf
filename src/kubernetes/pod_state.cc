#include "kubernetes/pod_state.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "kubernetes/cluster_objects.h"

namespace dolibarr_backup {
namespace {

using Json = nlohmann::json;

// The node at the end of the keys; null where there is none.
const Json& at(const Json& node, std::initializer_list<const char*> keys) {
  static const Json none;
  const Json* here = &node;
  for (const char* key : keys) {
    if (!here->is_object()) return none;
    const auto found = here->find(key);
    if (found == here->end()) return none;
    here = &*found;
  }
  return *here;
}

std::string text_at(const Json& node, std::initializer_list<const char*> keys) {
  const Json& found = at(node, keys);
  return found.is_string() ? found.get<std::string>() : "";
}

// The state of our container, {"waiting": ...}, {"running": ...}, {"terminated": ...}: a mesh may
// have added others.
const Json& container_state(const Json& pod) {
  static const Json none;
  for (const Json& one : at(pod, {"status", "containerStatuses"}))
    if (text_at(one, {"name"}) == kContainer) return at(one, {"state"});
  return none;
}

bool is_owned_by(const Json& pod, const std::string& uid) {
  const Json& owners = at(pod, {"metadata", "ownerReferences"});
  return std::any_of(owners.begin(), owners.end(),
                     [&](const Json& owner) { return text_at(owner, {"uid"}) == uid; });
}

const Json* condition(const Json& object, std::string_view type, std::string_view status) {
  const Json& all = at(object, {"status", "conditions"});
  if (!all.is_array()) return nullptr;
  for (const Json& one : all)
    if (text_at(one, {"type"}) == type && text_at(one, {"status"}) == status) return &one;
  return nullptr;
}

// FailureTarget comes first, Failed once the pod is gone.
const Json* job_failure(const Json& job) {
  const Json* failed = condition(job, "Failed", "True");
  return failed ? failed : condition(job, "FailureTarget", "True");
}

std::string with_message(const std::string& what, const std::string& message) {
  return message.empty() ? what : what + ": " + message;
}

RunOutcome failed(Error error) {
  RunOutcome outcome;
  outcome.failure = std::move(error);
  return outcome;
}

Error deadline_error() {
  return Error(Errc::cluster, "the run was ended by its deadline")
      .with_hint("kubernetes.deadline gives it more time");
}

// "" unless the cluster itself ended the pod: a drain, a lost node, a lack of memory.
std::string disruption_of(const Json& pod) {
  if (const Json* target = condition(pod, "DisruptionTarget", "True"))
    return with_message(text_at(*target, {"reason"}), text_at(*target, {"message"}));
  if (text_at(pod, {"status", "phase"}) != "Failed") return "";
  const std::string reason = text_at(pod, {"status", "reason"});
  return reason.empty() ? "" : with_message(reason, text_at(pod, {"status", "message"}));
}

// Below that it is the program's own verdict.
bool by_signal(const RunOutcome& outcome) {
  return outcome.exit_code > 128;
}

Error disruption_error(const std::string& why) {
  return Error(Errc::cluster, "the cluster ended the pod: " + why)
      .with_hint("run it again; kubernetes.priority_class and memory_request keep a pod longer");
}

// Why a pod failed without our container: it was not admitted, or one before it failed.
std::string failure_before_start(const Json& pod) {
  for (const Json& one : at(pod, {"status", "initContainerStatuses"})) {
    const Json& ended = at(one, {"state", "terminated"});
    if (ended.is_object() && at(ended, {"exitCode"}) != 0)
      return with_message("its container '" + text_at(one, {"name"}) + "' failed",
                          text_at(ended, {"message"}));
  }
  return with_message(text_at(pod, {"status", "reason"}), text_at(pod, {"status", "message"}));
}

RunOutcome outcome_of_container(const Json& ended) {
  const std::string reason = text_at(ended, {"reason"});
  const std::string message = text_at(ended, {"message"});
  if (reason == "StartError" || reason == "ContainerCannotRun")
    return failed(Error(Errc::cluster, with_message("the container could not start", message))
                      .with_hint("kubernetes.image must be an image of dolibarr-backup"));
  if (reason == "ContainerStatusUnknown")
    return failed(Error(Errc::cluster, with_message("the pod's node was lost", message)));
  RunOutcome outcome;
  outcome.exit_code = at(ended, {"exitCode"}).is_number_integer()
                          ? at(ended, {"exitCode"}).get<int>()
                          : exit_code_of(Errc::cluster);
  if (outcome.exit_code != 0) outcome.last_words = message;
  if (reason == "OOMKilled")
    outcome.note = "the pod was killed for want of memory; kubernetes.memory_limit gives it more";
  return outcome;
}

// ---- obstacles ---------------------------------------------------------------

constexpr std::array<std::string_view, 6> kImageReasons{"ErrImagePull",      "ImagePullBackOff",
                                                        "InvalidImageName",  "ErrImageNeverPull",
                                                        "ImageInspectError", "RegistryUnavailable"};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string hint_for(std::string_view text) {
  if (has(text, "quota"))
    return "the namespace's quota leaves no room: lower kubernetes.cpu_request, memory_request or "
           "memory_limit, or raise the quota";
  if (has(text, "PriorityClass")) return "kubernetes.priority_class must name one that exists";
  if (has(text, "serviceaccount")) return "kubernetes.service_account must name one that exists";
  if (has(text, "persistentvolumeclaim"))
    return "kubernetes.documents_claim must name a claim that exists in kubernetes.namespace";
  if (has(text, "secret ") || has(text, "secret \"") || has(text, "non-existent secret key"))
    return "kubernetes.database_secret and its keys must exist in kubernetes.namespace";
  if (has(text, "configmap")) return "look at the config maps that the kubernetes settings name";
  if (has(text, "nodes are available"))
    return "look at kubernetes.node_selector, at the requests, and at where the documents' volume "
           "can be mounted";
  return "";
}

Obstacle obstacle(const std::string& reason, const std::string& message, bool hopeless) {
  return {reason, with_message(reason, message), hint_for(message), hopeless};
}

std::optional<Obstacle> waiting_obstacle(const Json& pod) {
  const Json& waiting = at(container_state(pod), {"waiting"});
  const std::string reason = text_at(waiting, {"reason"});
  const std::string message = text_at(waiting, {"message"});
  if (std::find(kImageReasons.begin(), kImageReasons.end(), reason) != kImageReasons.end()) {
    Obstacle made = obstacle(reason, message, true);
    made.hint =
        "kubernetes.image must name an image that the cluster can pull "
        "(kubernetes.image_pull_secret)";
    return made;
  }
  if (reason == "CreateContainerConfigError" || reason == "CreateContainerError" ||
      reason == "RunContainerError")
    return obstacle(reason, message, true);
  return std::nullopt;
}

std::optional<Obstacle> scheduling_obstacle(const Json& pod) {
  const Json* condition_ = condition(pod, "PodScheduled", "False");
  if (!condition_) return std::nullopt;
  const std::string message = text_at(*condition_, {"message"});
  // A cluster may yet add a node, never a claim.
  return obstacle(text_at(*condition_, {"reason"}), message, has(message, "not found"));
}

// The newest warning; events are listed in no order that counts.
const Json* newest_warning(const Json& events) {
  const auto time_of = [](const Json& event) {
    for (const char* key : {"lastTimestamp", "eventTime", "firstTimestamp"})
      if (const std::string time = text_at(event, {key}); !time.empty()) return time;
    return text_at(event, {"metadata", "creationTimestamp"});
  };
  const Json& items = at(events, {"items"});
  const Json* newest = nullptr;
  if (items.is_array())
    for (const Json& event : items)
      if (text_at(event, {"type"}) == "Warning" && (!newest || time_of(*newest) <= time_of(event)))
        newest = &event;
  return newest;
}

}  // namespace

std::string RunState::pod_name() const {
  return text_at(pod, {"metadata", "name"});
}

std::string RunState::job_uid() const {
  return text_at(job, {"metadata", "uid"});
}

bool RunState::has_started() const {
  const Json& state = container_state(pod);
  return !at(state, {"running"}).is_null() || !at(state, {"terminated"}).is_null();
}

RunState read_run_state(const std::string& text) {
  const Json list = Json::parse(text, nullptr, false);
  if (!list.is_object()) throw Error(Errc::cluster, "kubectl printed no list of objects");
  RunState state;
  const Json& items = at(list, {"items"});
  if (!items.is_array()) return state;
  for (const Json& object : items)
    if (text_at(object, {"kind"}) == "Job") state.job = object;
  for (const Json& object : items) {
    if (text_at(object, {"kind"}) != "Pod") continue;
    // A label is anybody's to give.
    if (!state.job.is_null() && !is_owned_by(object, state.job_uid())) continue;
    // Of two, the newer one.
    if (state.pod.is_null() || text_at(state.pod, {"metadata", "creationTimestamp"}) <=
                                   text_at(object, {"metadata", "creationTimestamp"}))
      state.pod = object;
  }
  return state;
}

std::optional<RunOutcome> outcome_of(const RunState& state) {
  const Json* failure = job_failure(state.job);
  const bool by_deadline = failure && text_at(*failure, {"reason"}) == "DeadlineExceeded";
  const Json& ended = at(container_state(state.pod), {"terminated"});
  if (ended.is_object()) {
    RunOutcome outcome = outcome_of_container(ended);
    if (outcome.exit_code == 0 || outcome.failure) return outcome;
    if (by_deadline) return failed(deadline_error());
    const std::string why = disruption_of(state.pod);
    if (by_signal(outcome) && !why.empty()) return failed(disruption_error(why));
    return outcome;
  }
  if (text_at(state.pod, {"status", "phase"}) == "Failed") {
    if (by_deadline) return failed(deadline_error());
    return failed(Error(Errc::cluster, "the pod failed: " + failure_before_start(state.pod)));
  }
  if (state.job.is_null())
    return failed(Error(Errc::cluster, "somebody removed the Job while it ran"));
  if (!state.pod.is_null()) return std::nullopt;
  if (by_deadline) return failed(deadline_error());
  if (failure)
    return failed(Error(Errc::cluster, "the pod is gone, and the Job failed: " +
                                           with_message(text_at(*failure, {"reason"}),
                                                        text_at(*failure, {"message"}))));
  if (condition(state.job, "Complete", "True")) return RunOutcome{};
  return std::nullopt;
}

std::optional<Obstacle> obstacle_of(const RunState& state, const std::string& events) {
  if (auto found = waiting_obstacle(state.pod)) return found;
  if (auto found = scheduling_obstacle(state.pod)) return found;
  const Json list = Json::parse(events, nullptr, false);
  const Json* event = newest_warning(list);
  if (!event) return std::nullopt;
  const std::string reason = text_at(*event, {"reason"});
  const std::string message = text_at(*event, {"message"});
  const bool missing = has(message, "not found") || has(message, "non-existent");
  return obstacle(reason, message, reason == "FailedCreate" || missing);
}

std::optional<PodDiagnostic> read_diagnostic(const std::string& line) {
  if (!line.starts_with(R"({"time":")")) return std::nullopt;
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object() || object.size() != 3) return std::nullopt;
  if (!at(object, {"message"}).is_string()) return std::nullopt;
  const std::string level = text_at(object, {"level"});
  const std::string message = text_at(object, {"message"});
  if (level == "debug") return PodDiagnostic{log::Level::debug, message};
  if (level == "info") return PodDiagnostic{log::Level::info, message};
  if (level == "warning") return PodDiagnostic{log::Level::warning, message};
  if (level == "error") return PodDiagnostic{log::Level::error, message};
  return std::nullopt;
}

}  // namespace dolibarr_backup
