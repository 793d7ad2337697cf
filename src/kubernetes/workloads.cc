#include "kubernetes/workloads.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using Json = nlohmann::json;

Json parsed(const std::string& text) {
  Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) throw Error(Errc::cluster, "kubectl printed no object");
  return object;
}

Json part(const Json& object, const char* path) {
  return object.value(Json::json_pointer(path), Json());
}

std::string text(const Json& object, const char* path) {
  const Json found = part(object, path);
  return found.is_string() ? found.get<std::string>() : "";
}

std::vector<Json> items_of(const Json& list) {
  const Json items = part(list, "/items");
  return items.is_array() ? items.get<std::vector<Json>>() : std::vector<Json>{};
}

Controller controller(const Json& object) {
  for (const Json& owner : part(object, "/metadata/ownerReferences"))
    if (owner.value("controller", false)) return {owner.value("kind", ""), owner.value("name", "")};
  return {};
}

bool mounts(const Json& pod, const std::string& claim, const char* where = "/spec/volumes") {
  const Json volumes = part(pod, where);
  return std::any_of(volumes.begin(), volumes.end(), [&](const Json& volume) {
    return text(volume, "/persistentVolumeClaim/claimName") == claim;
  });
}

bool has_ended(const Json& pod) {
  const std::string phase = text(pod, "/status/phase");
  return phase == "Succeeded" || phase == "Failed";
}

bool has_started(const Json& pod) {
  const Json containers = part(pod, "/status/containerStatuses");
  return std::any_of(containers.begin(), containers.end(), [](const Json& one) {
    return !part(one, "/state/running").is_null() || !part(one, "/state/terminated").is_null();
  });
}

bool job_has_ended(const Json& job) {
  const Json conditions = part(job, "/status/conditions");
  return std::any_of(conditions.begin(), conditions.end(), [](const Json& one) {
    const std::string type = text(one, "/type");
    return (type == "Complete" || type == "Failed") && text(one, "/status") == "True";
  });
}

// The labels of an object that is this program's.
struct OwnLabels {
  bool replaces = false;
  std::string run;  // "" if it is none
};

OwnLabels own_labels(const Json& object) {
  if (text(object, "/metadata/labels/app.kubernetes.io~1name") != "dolibarr-backup") return {};
  const std::string component = text(object, "/metadata/labels/app.kubernetes.io~1component");
  const std::string run = text(object, "/metadata/labels/dolibarr-backup~1run");
  return {component == "restore" || component == "refresh",
          run.empty() ? text(object, "/metadata/name") : run};
}

// An annotation may hold anything; a Job's name has no character that a shell knows (RFC 1123).
std::string run_name_or_unknown(const std::string& name) {
  constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return name.empty() || name.find_first_not_of(kLetters) != std::string::npos ? "unknown" : name;
}

Workload workload(const Json& object) {
  Workload made;
  made.kind = text(object, "/kind");
  std::transform(made.kind.begin(), made.kind.end(), made.kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  made.name = text(object, "/metadata/name");
  made.version = text(object, "/metadata/resourceVersion");
  if (const Json replicas = part(object, "/spec/replicas"); replicas.is_number_integer())
    made.replicas = replicas.get<int>();
  const Json annotations = part(object, "/metadata/annotations");
  if (annotations.is_object() && annotations.contains(kFormerReplicas)) {
    const std::string former = annotations.value(kFormerReplicas, "");
    // Unreadable: at least one ran.
    if (std::from_chars(former.data(), former.data() + former.size(), made.former_replicas).ec !=
            std::errc() ||
        made.former_replicas < 0)
      made.former_replicas = 1;
    made.scaled_by = run_name_or_unknown(annotations.value(kScaledBy, ""));
    made.scaled_for = annotations.value(kScaledFor, "");
  }
  return made;
}

}  // namespace

std::vector<MountingPod> pods_that_mount(const std::string& pods, const std::string& claim) {
  std::vector<MountingPod> found;
  for (const Json& pod : items_of(parsed(pods))) {
    if (!mounts(pod, claim) || has_ended(pod)) continue;
    found.push_back({text(pod, "/metadata/name"), controller(pod), own_labels(pod).run});
  }
  return found;
}

std::vector<RestoreUnderWay> restores_under_way(const std::string& jobs_and_pods,
                                                const std::string& claim) {
  std::vector<RestoreUnderWay> runs;
  for (const Json& object : items_of(parsed(jobs_and_pods))) {
    const OwnLabels labels = own_labels(object);
    if (!labels.replaces) continue;
    const bool is_job = text(object, "/kind") == "Job";
    const bool at_work =
        is_job ? !job_has_ended(object) && mounts(object, claim, "/spec/template/spec/volumes")
               : !has_ended(object) && mounts(object, claim);
    if (!at_work) continue;
    auto known = std::find_if(runs.begin(), runs.end(),
                              [&](const RestoreUnderWay& one) { return one.run == labels.run; });
    if (known == runs.end()) known = runs.insert(known, {labels.run, false});
    known->has_started |= !is_job && has_started(object);
  }
  return runs;
}

Controller controller_of(const std::string& object) {
  return controller(parsed(object));
}

std::string Workload::reference() const {
  return kind + "/" + name;
}

Workload read_workload(const std::string& object) {
  return workload(parsed(object));
}

std::vector<Workload> scaled_workloads(const std::string& list, const std::string& claim) {
  std::vector<Workload> found;
  for (const Json& object : items_of(parsed(list)))
    if (Workload one = workload(object); one.former_replicas >= 0 && one.scaled_for == claim)
      found.push_back(std::move(one));
  return found;
}

std::string scale_down_patch(const Workload& workload, const std::string& run,
                             const std::string& claim) {
  return Json{{"metadata",
               {{"resourceVersion", workload.version},
                {"annotations",
                 {{kFormerReplicas, std::to_string(workload.replicas)},
                  {kScaledBy, run},
                  {kScaledFor, claim}}}}},
              {"spec", {{"replicas", 0}}}}
      .dump();
}

std::string put_back_patch(const Workload& workload) {
  Json patch = {{"metadata",
                 {{"resourceVersion", workload.version},
                  {"annotations",
                   {{kFormerReplicas, nullptr}, {kScaledBy, nullptr}, {kScaledFor, nullptr}}}}}};
  if (workload.replicas == 0) patch["spec"] = {{"replicas", workload.former_replicas}};
  return patch.dump();
}

}  // namespace dolibarr_backup
