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

template <size_t N>
bool has_one_of(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return has(text, part); });
}

// Words of a refusal that another try would only meet again.
bool image_is_refused(std::string_view text) {
  return has_one_of(text, std::to_array<std::string_view>(
                              {"not found", "unknown", "denied", "nauthorized", "orbidden",
                               "authentication required", "InvalidImageName", "NeverPull"}));
}

// Not what a new node lacks for a moment: a driver, a plugin.
bool lacks_object(std::string_view text) {
  return has(text, "references non-existent") ||
         (has(text, "not found") &&
          has_one_of(text, std::to_array<std::string_view>(
                               {"secret \"", "configmap \"", "persistentvolumeclaim \""})));
}

std::string hint_for(std::string_view text) {
  if (has(text, "must specify limits") || has(text, "must specify requests"))
    return "the namespace's quota wants what the pod does not say: a LimitRange there gives it one";
  if (has(text, "quota"))
    return "the namespace's quota leaves no room: lower kubernetes.cpu_request, memory_request or "
           "memory_limit, or raise the quota";
  if (has(text, "per Container") || has(text, "per Pod"))
    return "the namespace has a LimitRange: kubernetes.cpu_request, memory_request and "
           "kubernetes.memory_limit must keep to it";
  if (has(text, "violates PodSecurity"))
    return "dolibarr-backup meets \"restricted\": what a webhook adds to the pod may not";
  if (has(text, "node label selector"))
    return "kubernetes.node_selector contradicts the namespace's own";
  if (has(text, "denied the request"))
    return "a policy of the cluster forbids the pod: ask whoever made it";
  if (has(text, "Multi-Attach"))
    return "the documents' volume is in use on another node: kubernetes.node_selector must lead to "
           "that one";
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

std::optional<Obstacle> waiting_obstacle(const Json& state) {
  const Json& waiting = at(state, {"waiting"});
  const std::string reason = text_at(waiting, {"reason"});
  const std::string message = text_at(waiting, {"message"});
  if (std::find(kImageReasons.begin(), kImageReasons.end(), reason) != kImageReasons.end()) {
    Obstacle made = obstacle(reason, message, image_is_refused(reason + " " + message));
    made.hint =
        "kubernetes.image must name an image that the cluster can pull "
        "(kubernetes.image_pull_secret)";
    return made;
  }
  if (reason == "CreateContainerConfigError" || reason == "RunContainerError")
    return obstacle(reason, message, true);
  if (reason == "CreateContainerError") return obstacle(reason, message, false);
  return std::nullopt;
}

// Of a container that a webhook has put before ours.
std::optional<Obstacle> earlier_obstacle(const Json& pod) {
  for (const Json& one : at(pod, {"status", "initContainerStatuses"})) {
    std::optional<Obstacle> found = waiting_obstacle(at(one, {"state"}));
    if (!found) continue;
    found->text = "container '" + text_at(one, {"name"}) + "': " + found->text;
    found->hint = "a webhook of the cluster adds that container to pods";
    return found;
  }
  return std::nullopt;
}

std::optional<Obstacle> scheduling_obstacle(const Json& pod) {
  const Json* condition_ = condition(pod, "PodScheduled", "False");
  if (!condition_) return std::nullopt;
  const std::string message = text_at(*condition_, {"message"});
  // A cluster may yet add a node, never a claim.
  return obstacle(text_at(*condition_, {"reason"}), message, lacks_object(message));
}

// Events are listed in no order that counts.
const Json* newest_event(const Json& events) {
  const auto time_of = [](const Json& event) {
    for (const char* key : {"lastTimestamp", "eventTime", "firstTimestamp"})
      if (std::string time = text_at(event, {key}); !time.empty()) return time;
    return text_at(event, {"metadata", "creationTimestamp"});
  };
  const Json& items = at(events, {"items"});
  const Json* newest = nullptr;
  if (items.is_array())
    for (const Json& event : items)
      if (!newest || time_of(*newest) <= time_of(event)) newest = &event;
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
  if (auto found = waiting_obstacle(container_state(state.pod))) return found;
  if (auto found = earlier_obstacle(state.pod)) return found;
  if (auto found = scheduling_obstacle(state.pod)) return found;
  const Json list = Json::parse(events, nullptr, false);
  const Json* event = newest_event(list);
  // After a normal one the cluster went on.
  if (!event || text_at(*event, {"type"}) != "Warning") return std::nullopt;
  const std::string reason = text_at(*event, {"reason"});
  const std::string message = text_at(*event, {"message"});
  // A webhook or a server that does not answer will; a refusal stays.
  const bool refused =
      reason == "FailedCreate" && (has(message, "forbidden") || has(message, "is invalid") ||
                                   has(message, "denied the request"));
  // Ours are there: the node missed them, and tries again within two minutes.
  const bool own = has(message, "\"" + text_at(state.job, {"metadata", "name"}) + "\"");
  return obstacle(reason, message, refused || (lacks_object(message) && !own));
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
