#include "kubernetes/cluster_search.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "kubernetes/kubectl.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;
using Name = std::pair<std::string, std::string>;  // namespace, name

constexpr const char* kLabel = "app.kubernetes.io/name";

// What is not there reads as empty.
const json& at(const json& object, std::initializer_list<const char*> path) {
  static const json nothing;
  const json* here = &object;
  for (const char* key : path) {
    if (!here->is_object() || !here->contains(key)) return nothing;
    here = &(*here)[key];
  }
  return *here;
}

std::string text_at(const json& object, std::initializer_list<const char*> path) {
  const json& value = at(object, path);
  return value.is_string() ? value.get<std::string>() : "";
}

bool labelled(const json& metadata) {
  return text_at(metadata, {"labels", kLabel}) == "dolibarr";
}

// "registry:5000/dolibarr/dolibarr:22@sha256:..." -> "dolibarr".
std::string program_of(const std::string& image) {
  const std::string last = image.substr(image.substr(0, image.find('@')).rfind('/') + 1);
  return last.substr(0, last.find_first_of(":@"));
}

class ClaimSearch {
 public:
  void look_at_workload(const json& object) {
    const json& pod = at(object, {"spec", "template", "spec"});
    const std::string space = text_at(object, {"metadata", "namespace"});
    std::string sign;
    if (labelled(at(object, {"metadata"})) ||
        labelled(at(object, {"spec", "template", "metadata"})))
      sign = "label";
    for (const json& container : at(pod, {"containers"}))
      if (const std::string image = text_at(container, {"image"}); program_of(image) == "dolibarr")
        sign = "image " + image;
    const std::map<std::string, std::string> claims = claims_of(object, pod);
    for (const auto& [volume, claim] : claims) mounted_.insert({space, claim});
    if (sign.empty()) return;
    sign = fmt::format("{} {}, {}", text_at(object, {"kind"}),
                       text_at(object, {"metadata", "name"}), sign);
    for (const json& container : at(pod, {"containers"}))
      for (const json& mount : at(container, {"volumeMounts"}))
        if (const auto claim = claims.find(text_at(mount, {"name"}));
            claim != claims.end() && text_at(mount, {"mountPath"}).ends_with("/documents"))
          found_.emplace(Name(space, claim->second), sign);
  }

  void look_at_claim(const json& object) {
    if (labelled(at(object, {"metadata"})))
      labelled_.insert(
          {text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"})});
  }

  std::vector<FoundClaim> found() const {
    std::map<Name, std::string> all = found_;
    for (const Name& name : labelled_)
      if (!mounted_.contains(name)) all.emplace(name, "label, mounted by no workload");
    std::vector<FoundClaim> claims;
    claims.reserve(all.size());
    for (const auto& [name, sign] : all) claims.push_back({name.first, name.second, sign});
    return claims;
  }

 private:
  // By volume. A StatefulSet makes its own: the first replica's counts.
  static std::map<std::string, std::string> claims_of(const json& object, const json& pod) {
    std::map<std::string, std::string> claims;
    for (const json& volume : at(pod, {"volumes"}))
      if (const std::string claim = text_at(volume, {"persistentVolumeClaim", "claimName"});
          !claim.empty())
        claims[text_at(volume, {"name"})] = claim;
    for (const json& made : at(object, {"spec", "volumeClaimTemplates"})) {
      const std::string name = text_at(made, {"metadata", "name"});
      claims[name] = fmt::format("{}-{}-0", name, text_at(object, {"metadata", "name"}));
    }
    return claims;
  }

  std::map<Name, std::string> found_;
  std::set<Name> labelled_, mounted_;
};

}  // namespace

std::vector<FoundClaim> claims_among(const std::string& text) {
  const json list = json::parse(text, nullptr, false);
  if (!at(list, {"items"}).is_array())
    throw Error(Errc::cluster, "kubectl printed no list of objects");
  ClaimSearch search;
  for (const json& object : list["items"]) {
    if (text_at(object, {"kind"}) == "PersistentVolumeClaim")
      search.look_at_claim(object);
    else
      search.look_at_workload(object);
  }
  return search.found();
}

ClusterSearch find_dolibarr_claims(const KubernetesSettings& settings,
                                   const std::stop_token& stop) {
  const Kubectl kubectl(settings);
  const std::string kinds = "deployments,statefulsets,persistentvolumeclaims";
  try {
    return {claims_among(kubectl.run({"get", kinds, "-A", "-o", "json"}, "", stop)), true};
  } catch (const Error& error) {
    if (error.code() != Errc::cluster) throw;
    log::debug("discover: all namespaces: {}", error.what());
  }
  return {claims_among(kubectl.run({"get", kinds, "-o", "json"}, "", stop)), false};
}

}  // namespace dolibarr_backup
