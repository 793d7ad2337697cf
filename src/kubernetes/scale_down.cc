#include "kubernetes/scale_down.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "core/setting_values.h"
#include "kubernetes/pause.h"

namespace dolibarr_backup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr int kTries = 4;
constexpr const char* kRequestTimeout = "--request-timeout=30s";

}  // namespace

std::vector<MountingPod> ScaleDown::mounting_pods(const std::stop_token& stop) const {
  return pods_that_mount(kubectl_.run({"get", "pods", "--output=json", kRequestTimeout}, "", stop),
                         settings_.documents_claim);
}

std::vector<std::string> ScaleDown::application_pods(const std::stop_token& stop) const {
  std::vector<std::string> names;
  for (const MountingPod& pod : mounting_pods(stop))
    if (pod.run.empty()) names.push_back(pod.name);
  return names;
}

void ScaleDown::plan(bool allowed, const std::stop_token& stop) {
  // The notes before the Jobs: a run makes its Job first, so one whose note is seen here and whose
  // Job is not seen then has ended.
  const std::vector<Workload> leftovers = leftovers_of_runs(stop);
  const std::vector<RestoreUnderWay> runs = restores_under_way(
      kubectl_.run({"get", "jobs,pods", "--selector=app.kubernetes.io/name=dolibarr-backup",
                    "--output=json", kRequestTimeout},
                   "", stop),
      settings_.documents_claim);
  if (!runs.empty()) refuse_beside(runs.front(), leftovers);
  for (const Workload& left : leftovers) {
    if (left.replicas == 0)
      log::warning("an earlier run was killed and left {} at 0: it is put back to {}",
                   left.reference(), left.former_replicas);
    put_back(left.reference(), left.scaled_by);
  }
  std::vector<std::string> names;
  for (const MountingPod& pod : mounting_pods(stop)) {
    if (!pod.run.empty()) continue;
    names.push_back(pod.name);
    if (!allowed) continue;
    const std::string reference = workload_of(pod, stop).reference();
    if (std::find(planned_.begin(), planned_.end(), reference) == planned_.end())
      planned_.push_back(reference);
  }
  if (!names.empty() && !allowed)
    throw Error(Errc::refused, fmt::format("pods use the documents '{}': {}",
                                           settings_.documents_claim, fmt::join(names, ", ")))
        .with_hint("--scale-down stops them while the restore goes on, and starts them again");
}

void ScaleDown::execute(const std::string& run, const std::stop_token& stop) {
  run_ = run;
  for (const std::string& reference : planned_) scale(reference, stop);
  if (!planned_.empty()) wait_until_gone(stop);
}

void ScaleDown::require_kept_away(const std::stop_token& stop) const {
  const std::vector<std::string> names = application_pods(stop);
  if (names.empty()) return;
  throw Error(Errc::cluster, fmt::format("all is restored, but pods came to use the documents '{}' "
                                         "before it was over: {}",
                                         settings_.documents_claim, fmt::join(names, ", ")))
      .with_hint(
          "they may have seen or written what was replaced: look, or restore again; first "
          "suspend what starts them (GitOps, an autoscaler, a CronJob)");
}

std::vector<Workload> ScaleDown::leftovers_of_runs(const std::stop_token& stop) const {
  return scaled_workloads(
      kubectl_.run({"get", "deployments,statefulsets", "--output=json", kRequestTimeout}, "", stop),
      settings_.documents_claim);
}

void ScaleDown::refuse_beside(const RestoreUnderWay& restore,
                              const std::vector<Workload>& noted) const {
  std::string hint =
      fmt::format("wait for it, or, if the program that began it was killed, end it: {}",
                  by_hand("delete job " + restore.run));
  for (const Workload& one : noted)
    if (one.scaled_by == restore.run && one.replicas == 0)
      hint += fmt::format("; the next restore then puts {} back to {}, or: {}", one.reference(),
                          one.former_replicas, by_hand(one.reference(), one.former_replicas));
  throw Error(Errc::refused, fmt::format("a restore is under way: {}{}", restore.run,
                                         restore.has_started ? "" : " (its pod has not started)"))
      .with_hint(hint);
}

// Of a restore of another claim that this workload uses too.
void ScaleDown::refuse_noted(const Workload& workload) const {
  const std::string reference = workload.reference();
  std::string steps = by_hand(
      fmt::format("annotate {} {}- {}- {}-", reference, kFormerReplicas, kScaledBy, kScaledFor));
  if (workload.replicas == 0) steps = by_hand(reference, workload.former_replicas) + " && " + steps;
  throw Error(
      Errc::refused,
      fmt::format("{} is noted to be put back to {} by run '{}', a restore of the claim "
                  "'{}'",
                  reference, workload.former_replicas, workload.scaled_by, workload.scaled_for))
      .with_hint(fmt::format("wait for that run; if it was killed, the next restore of that claim "
                             "puts it back, or: {}",
                             steps));
}

Workload ScaleDown::workload_of(const MountingPod& pod, const std::stop_token& stop) const {
  Controller owner = pod.controller;
  if (owner.kind == "ReplicaSet")
    owner = controller_of(kubectl_.run(
        {"get", "replicaset/" + owner.name, "--output=json", kRequestTimeout}, "", stop));
  if (owner.kind == "Deployment") return read("deployment/" + owner.name, stop);
  if (owner.kind == "StatefulSet") return read("statefulset/" + owner.name, stop);
  throw Error(Errc::refused, fmt::format("pod '{}' uses the documents and belongs to no Deployment "
                                         "or StatefulSet",
                                         pod.name))
      .with_hint("stop it yourself, then restore again");
}

Workload ScaleDown::read(const std::string& reference, const std::stop_token& stop) const {
  return read_workload(
      kubectl_.run({"get", reference, "--output=json", kRequestTimeout}, "", stop));
}

void ScaleDown::scale(const std::string& reference, const std::stop_token& stop) {
  for (int left = kTries;; --left) {
    throw_if_stopped(stop);
    const Workload workload = read(reference, stop);
    // Of another run: its number would be lost.
    if (workload.former_replicas >= 0 && workload.scaled_for != settings_.documents_claim)
      refuse_noted(workload);
    // It began at the same time.
    if (workload.former_replicas >= 0) refuse_beside({workload.scaled_by, true}, {});
    scaled_.push_back(workload);  // also if the answer is lost
    try {
      kubectl_.run({"patch", reference, "--type=merge", "--output=name",
                    "--patch=" + scale_down_patch(workload, run_, settings_.documents_claim),
                    kRequestTimeout});
    } catch (const Error& error) {
      // It changed meanwhile; then the note is not there, and nothing is put back.
      if (left == 1 || std::string(error.what()).find("Conflict") == std::string::npos) throw;
      scaled_.pop_back();
      continue;
    }
    log::warning(
        "{} is scaled from {} to 0 until the restore is over; if this program is killed, "
        "the next restore puts it back, or: {}",
        reference, workload.replicas, by_hand(reference, workload.replicas));
    return;
  }
}

void ScaleDown::wait_until_gone(const std::stop_token& stop) const {
  const Clock::time_point start = Clock::now();
  for (;;) {
    const std::vector<std::string> names = application_pods(stop);
    if (names.empty()) return;
    if (Clock::now() - start >= settings_.pending_timeout)
      throw Error(Errc::cluster,
                  fmt::format("pods still use the documents after {}: {}",
                              duration_text(settings_.pending_timeout), fmt::join(names, ", ")))
          .with_hint("kubernetes.pending_timeout gives them more time to end");
    pause(seconds(1), stop);
  }
}

void ScaleDown::put_back(const std::string& reference, const std::string& run) const {
  const Workload now = read(reference);
  // The change was never made, somebody undid it, or it is another run's by now.
  if (now.former_replicas < 0 || now.scaled_by != run) return;
  kubectl_.run({"patch", reference, "--type=merge", "--output=name",
                "--patch=" + put_back_patch(now), kRequestTimeout});
  log::info("{} is put back to {}", reference,
            now.replicas == 0 ? now.former_replicas : now.replicas);
}

void ScaleDown::put_back() noexcept {
  for (const Workload& workload : scaled_) {
    for (int left = kTries; left > 0; --left) {
      try {
        put_back(workload.reference(), run_);
        break;
      } catch (const std::exception& error) {
        if (left == 1)
          log::error("{} still stands at 0: {}; put it back: {}", workload.reference(),
                     error.what(), by_hand(workload.reference(), workload.replicas));
        else
          std::this_thread::sleep_for(seconds(2));
      }
    }
  }
}

void ScaleDown::leave() noexcept {
  for (const Workload& workload : scaled_)
    log::error(
        "{} stays at 0, since Job {} may still be at work; once that is gone the next "
        "restore puts it back, or: {}",
        workload.reference(), run_, by_hand(workload.reference(), workload.replicas));
  scaled_.clear();
}

std::string ScaleDown::by_hand(const std::string& words) const {
  return fmt::format("kubectl --context={} --namespace={} {}", settings_.context,
                     settings_.namespace_, words);
}

std::string ScaleDown::by_hand(const std::string& reference, int replicas) const {
  return by_hand(fmt::format("scale {} --replicas={}", reference, replicas));
}

}  // namespace dolibarr_backup
