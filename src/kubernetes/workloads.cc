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

bool mounts(const Json& pod, const std::string& claim) {
  const Json volumes = part(pod, "/spec/volumes");
  return std::any_of(volumes.begin(), volumes.end(), [&](const Json& volume) {
    return text(volume, "/persistentVolumeClaim/claimName") == claim;
  });
}

bool has_ended(const Json& pod) {
  const std::string phase = text(pod, "/status/phase");
  return phase == "Succeeded" || phase == "Failed";
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
  }
  return made;
}

}  // namespace

std::vector<MountingPod> pods_that_mount(const std::string& pods, const std::string& claim) {
  std::vector<MountingPod> found;
  for (const Json& pod : items_of(parsed(pods))) {
    if (!mounts(pod, claim) || has_ended(pod)) continue;
    const Json labels = part(pod, "/metadata/labels");
    const auto label = [&](const char* name) {
      return labels.is_object() ? labels.value(name, "") : std::string();
    };
    const bool ours = label("app.kubernetes.io/name") == "dolibarr-backup";
    const std::string component = label("app.kubernetes.io/component");
    found.push_back({text(pod, "/metadata/name"), controller(pod),
                     ours ? label("dolibarr-backup/run") : "",
                     ours && (component == "restore" || component == "refresh")});
    if (ours && found.back().run.empty()) found.back().run = found.back().name;
  }
  return found;
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

std::vector<Workload> scaled_workloads(const std::string& list) {
  std::vector<Workload> found;
  for (const Json& object : items_of(parsed(list)))
    if (Workload one = workload(object); one.former_replicas >= 0) found.push_back(std::move(one));
  return found;
}

std::string scale_down_patch(const Workload& workload, const std::string& run) {
  return Json{
      {"metadata",
       {{"resourceVersion", workload.version},
        {"annotations", {{kFormerReplicas, std::to_string(workload.replicas)}, {kScaledBy, run}}}}},
      {"spec", {{"replicas", 0}}}}
      .dump();
}

std::string put_back_patch(const Workload& workload) {
  Json patch = {{"metadata",
                 {{"resourceVersion", workload.version},
                  {"annotations", {{kFormerReplicas, nullptr}, {kScaledBy, nullptr}}}}}};
  if (workload.replicas == 0) patch["spec"] = {{"replicas", workload.former_replicas}};
  return patch.dump();
}

}  // namespace dolibarr_backup
