#include "kubernetes/run_in_cluster.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "core/setting_values.h"
#include "kubernetes/cluster_objects.h"
#include "kubernetes/cluster_store.h"
#include "kubernetes/kubectl.h"
#include "kubernetes/log_position.h"
#include "kubernetes/pause.h"
#include "kubernetes/pod_state.h"
#include "kubernetes/scale_down.h"

namespace dolibarr_backup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPoll{1};
constexpr seconds kWatch{10};       // beside a log that is followed
constexpr seconds kHopeless{6};     // an obstacle that stays this long will stay
constexpr seconds kEventsAfter{2};  // a pod that starts needs no explanation
constexpr int kCleanupTries = 4;
// For one request; a create that is cut off by us could leave what nobody knows of.
constexpr const char* kRequestTimeout = "--request-timeout=30s";
constexpr const char* kLinesMissing =
    "lines of the pod's output may be missing here: its node has put away the older part of its "
    "log, and gives only the newer one";
// The pod has 60 s to abort its uploads.
constexpr const char* kWaitForEnd = "--timeout=75s";

std::string random_letters() {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
  std::random_device device;
  std::string text;
  for (int i = 0; i < 6; ++i) text += letters[device() % letters.size()];
  return text;
}

// The objects of one run; destruction removes them.
class ClusterRun {
 public:
  // `scale_down` is told if the Job may outlive this.
  ClusterRun(const EnvironmentSettings& environment, const PodCommand& command,
             ScaleDown& scale_down)
      : environment_(environment),
        kubectl_(environment.kubernetes),
        command_(command),
        scale_down_(scale_down),
        name_(run_name(environment, random_letters())) {}
  ~ClusterRun() { remove(); }
  ClusterRun(const ClusterRun&) = delete;
  ClusterRun& operator=(const ClusterRun&) = delete;

  // Its pod waits for what create_owned() makes.
  void create_job(const std::stop_token& stop) {
    credentials_ = fetch_store_credentials(environment_, stop);
    if (command_.source) source_credentials_ = fetch_store_credentials(*command_.source, stop);
    throw_if_stopped(stop);
    begun_ = true;  // also if the answer is lost
    const std::string made = with_context("while making the Job", [&] {
      return kubectl_.run({"create", "--filename=-", "--output=json", kRequestTimeout},
                          job_object(environment_, command_, name_).dump());
    });
    const nlohmann::json job = nlohmann::json::parse(made, nullptr, false);
    if (!job.is_object() || !job.contains("metadata") || !job["metadata"].contains("uid"))
      throw Error(Errc::cluster, "kubectl did not say which Job it made");
    uid_ = job["metadata"]["uid"].get<std::string>();
    log::info("runs as Job {} in namespace {} of {}", name_, environment_.kubernetes.namespace_,
              environment_.kubernetes.context);
    throw_if_stopped(stop);
  }

  void create_owned() {
    std::string owned;
    for (const ClusterObject& object :
         owned_objects(environment_, command_, name_, uid_, *credentials_, source_credentials_))
      owned += object.dump() + "\n";
    with_context("while making the Job's Secret and ConfigMap", [&] {
      return kubectl_.run({"create", "--filename=-", "--output=name", kRequestTimeout}, owned);
    });
  }

  RunState state(const std::stop_token& stop) const {
    return read_run_state(
        kubectl_.run({"get", "jobs,pods", fmt::format("--selector={}={}", kRunLabel, name_),
                      "--output=json", kRequestTimeout},
                     "", stop));
  }

  // What the cluster reports of the pod, or of the Job while it has none.
  std::string events(const RunState& state, const std::stop_token& stop) const {
    const std::string about = state.pod.is_null() ? name_ : state.pod_name();
    try {
      return kubectl_.run({"get", "events", "--field-selector=involvedObject.name=" + about,
                           "--output=json", kRequestTimeout},
                          "", stop);
    } catch (const Error& error) {
      if (error.code() != Errc::cluster) throw;
      log::debug("{}", error.what());  // only an explanation is lost
      return "";
    }
  }

  // Its container has ended: what is left of it does nothing any more.
  void ended() { ended_ = true; }

  const Kubectl& kubectl() const { return kubectl_; }
  const EnvironmentSettings& environment() const { return environment_; }
  const std::string& name() const { return name_; }

 private:
  void remove() noexcept {
    if (!begun_) return;
    for (int left = kCleanupTries; left > 0; --left) {
      try {
        // The Secret first: it must not outlive the run by a moment.
        kubectl_.run({"delete", "secret/" + name_, "configmap/" + name_, "job/" + name_,
                      "--ignore-not-found", "--cascade=foreground", "--wait=false",
                      kRequestTimeout});
        wait_until_gone();
        return;
      } catch (const std::exception& error) {
        if (left == 1) {
          tell_left_behind(error.what());
          if (!ended_) scale_down_.leave();
        }
        if (left > 1) std::this_thread::sleep_for(seconds(2));
      }
    }
  }

  void wait_until_gone() {
    try {
      kubectl_.run({"wait", "--for=delete", "job/" + name_, kWaitForEnd});
      // If somebody else removed the Job, its pod may outlive it.
      if (command_.replaces && !ended_ && !state({}).pod.is_null())
        throw Error(Errc::cluster, "its pod has not ended");
    } catch (const Error& error) {
      log::warning("Job {} is being removed but is still there: {}", name_, error.what());
      if (!ended_) scale_down_.leave();
    }
  }

  void tell_left_behind(const char* why) const noexcept {
    const KubernetesSettings& cluster = environment_.kubernetes;
    log::warning(
        "Job {} and its Secret could not be removed: {}; the cluster ends the Job {} after its "
        "start at the latest and removes both {} later, or: kubectl --context={} --namespace={} "
        "delete job {}",
        name_, why, duration_text(cluster.deadline), duration_text(cluster.job_ttl),
        cluster.context, cluster.namespace_, name_);
  }

  const EnvironmentSettings& environment_;
  const Kubectl kubectl_;
  const PodCommand& command_;
  ScaleDown& scale_down_;
  const std::string name_;
  std::optional<StoreCredentials> credentials_, source_credentials_;
  std::string uid_;
  bool begun_ = false, ended_ = false;
};

// For how long the cluster has not answered.
class Patience {
 public:
  explicit Patience(seconds limit) : limit_(limit) {}
  void answered() { since_.reset(); }
  // Throws `error` once it lasts too long.
  void failed(const Error& error) {
    if (error.code() != Errc::cluster) throw error;
    if (!since_) {
      since_ = Clock::now();
      log::warning("the cluster does not answer, trying again: {}", error.what());
    }
    if (Clock::now() - *since_ >= limit_) throw error;
  }

 private:
  const seconds limit_;
  std::optional<Clock::time_point> since_;
};

RunState patient_state(const ClusterRun& run, Patience& patience, const std::stop_token& stop) {
  for (;;) {
    try {
      RunState state = run.state(stop);
      patience.answered();
      return state;
    } catch (const Error& error) {
      patience.failed(error);
    }
    pause(kPoll, stop);
  }
}

// Waits for the pod to start, saying what is in its way; throws if that will not go away.
class StartWait {
 public:
  explicit StartWait(const ClusterRun& run) : run_(run) {}

  void wait(Patience& patience, const std::stop_token& stop) {
    for (;;) {
      const RunState state = patient_state(run_, patience, stop);
      if (state.has_started() || outcome_of(state)) return;
      if (Clock::now() - start_ >= kEventsAfter) look(state, stop);
      if (Clock::now() - start_ >= run_.environment().kubernetes.pending_timeout) give_up();
      pause(kPoll, stop);
    }
  }

 private:
  void look(const RunState& state, const std::stop_token& stop) {
    std::optional<Obstacle> found = obstacle_of(state, run_.events(state, stop));
    if (!found) {
      obstacle_.reset();
      hopeless_since_.reset();
      return;
    }
    if (told_.insert(found->reason).second)
      log::warning("the pod cannot start yet: {}", found->text);
    obstacle_ = std::move(found);
    if (!obstacle_->hopeless) {
      hopeless_since_.reset();
      return;
    }
    if (!hopeless_since_) hopeless_since_ = Clock::now();
    if (Clock::now() - *hopeless_since_ >= kHopeless) fail();
  }

  [[noreturn]] void fail() const {
    std::string hint = obstacle_->hint;
    if (!obstacle_->hopeless)
      hint +=
          (hint.empty() ? "" : "; ") + std::string("kubernetes.pending_timeout gives it more time");
    throw Error(Errc::cluster, "the pod cannot start: " + obstacle_->text).with_hint(hint);
  }

  [[noreturn]] void give_up() const {
    if (obstacle_) fail();
    throw Error(Errc::cluster, "the pod did not start within " +
                                   duration_text(run_.environment().kubernetes.pending_timeout) +
                                   ", and the cluster gives no reason")
        .with_hint("kubernetes.pending_timeout gives it more time");
  }

  const ClusterRun& run_;
  const Clock::time_point start_ = Clock::now();
  std::optional<Obstacle> obstacle_;
  std::set<std::string> told_;
  std::optional<Clock::time_point> hopeless_since_;
};

// The container's log, each line once, however often the stream is cut.
class PodLog {
 public:
  PodLog(const ClusterRun& run, const std::function<void(const std::string&)>& line)
      : run_(run), line_(line) {}

  // Until the stream ends, or has not ended though the run has.
  void follow(const std::string& pod, const std::stop_token& stop) {
    std::stop_source ended;
    const std::stop_callback forward(stop, [&] { ended.request_stop(); });
    const std::jthread watcher([&](const std::stop_token& closed) { watch(closed, ended); });
    try {
      // Cut in the middle of a line, that line comes again.
      read(pod, {"--follow"}, ended.get_token());
    } catch (const Error& error) {
      throw_if_stopped(stop);
      if (error.code() != Errc::cluster && error.code() != Errc::interrupted) throw;
      log::debug("the log was cut: {}", error.what());
    }
  }

  // What the stream may have lost at its end.
  bool read_rest(const std::string& pod, const std::stop_token& stop) {
    try {
      const std::string unended = read(pod, {kRequestTimeout}, stop);
      if (!unended.empty()) take(unended);
      if (position_.is_passing()) log::warning("{}", kLinesMissing);
      return true;
    } catch (const Error& error) {
      if (error.code() != Errc::cluster) throw;
      log::warning("the end of the pod's log could not be read: {}", error.what());
      return false;
    }
  }

 private:
  std::string read(const std::string& pod, const std::vector<std::string>& options,
                   const std::stop_token& stop) {
    std::vector<std::string> arguments = {"logs", pod, std::string("--container=") + kContainer,
                                          "--timestamps"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    position_.begin();
    return run_.kubectl().lines(
        arguments, [&](const std::string& line) { take(line); }, stop);
  }

  void take(const std::string& line) {
    const auto [time, text] = read_stamp(line);
    if (time.empty()) {
      log::warning("of the pod's log its node says: {}", text);
      return;
    }
    const LogPosition::Line place = position_.next(time);
    if (place == LogPosition::Line::after_gap) log::warning("{}", kLinesMissing);
    if (place != LogPosition::Line::passed) line_(std::string(text));
  }

  // Ends a stream that hangs: the node is lost, or the connection died unnoticed.
  void watch(const std::stop_token& closed, std::stop_source& ended) const {
    int reasons = 0;
    try {
      while (reasons < 2) {
        pause(kWatch, closed);
        try {
          reasons = outcome_of(run_.state(closed)) ? reasons + 1 : 0;
        } catch (const Error& error) {
          if (error.code() != Errc::cluster) throw;
          ++reasons;
        }
      }
      ended.request_stop();
    } catch (const Error&) {  // closed: the stream ended by itself
    }
  }

  const ClusterRun& run_;
  const std::function<void(const std::string&)>& line_;
  LogPosition position_;
};

RunOutcome follow_to_the_end(const ClusterRun& run,
                             const std::function<void(const std::string&)>& line,
                             Patience& patience, const std::stop_token& stop) {
  PodLog log(run, line);
  for (;;) {
    const RunState state = patient_state(run, patience, stop);
    std::optional<RunOutcome> outcome = outcome_of(state);
    if (outcome) {
      if (state.has_started() && !log.read_rest(state.pod_name(), stop) &&
          !outcome->last_words.empty())
        log::warning("its last words: {}", outcome->last_words);
      return std::move(*outcome);
    }
    if (state.has_started()) log.follow(state.pod_name(), stop);
    pause(kPoll, stop);
  }
}

}  // namespace

int run_in_cluster(const EnvironmentSettings& environment, const PodCommand& command,
                   const std::function<void(const std::string&)>& line,
                   const std::stop_token& stop) {
  ScaleDown scale_down(environment.kubernetes);  // goes last: the application comes back then
  if (command.replaces) scale_down.plan(command.scale_down, stop);
  ClusterRun run(environment, command, scale_down);
  run.create_job(stop);
  scale_down.execute(run.name(), stop);
  run.create_owned();
  Patience patience(environment.kubernetes.pending_timeout);
  StartWait(run).wait(patience, stop);
  const RunOutcome outcome = follow_to_the_end(run, line, patience, stop);
  if (outcome.failure) throw *outcome.failure;
  run.ended();
  if (!outcome.note.empty()) log::error("{}", outcome.note);
  if (command.replaces && outcome.exit_code == 0) scale_down.require_kept_away(stop);
  return outcome.exit_code;
}

}  // namespace dolibarr_backup
