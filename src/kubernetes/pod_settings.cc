#include "kubernetes/pod_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "core/settings_keys.h"

namespace dolibarr_backup {
namespace {

using Json = nlohmann::ordered_json;

// What the pod has of its own, or what means nothing there.
constexpr std::array<std::string_view, 13> kLeftOut{"store.directory",
                                                    "store.access_key_id",
                                                    "store.access_key_id_file",
                                                    "store.secret_access_key_file",
                                                    "store.session_token_file",
                                                    "store.credentials_file",
                                                    "store.profile",
                                                    "database.user",
                                                    "database.user_file",
                                                    "database.password_file",
                                                    "database.service",
                                                    "metrics.textfile",
                                                    "metrics.pushgateway_password_file"};

// Said even where it is the default: the pod's variables are compared with them.
constexpr std::array<std::string_view, 7> kAlwaysSaid{
    "prefix",       "documents",     "time_zone",    "store.bucket",
    "store.region", "database.host", "database.name"};

template <typename List>
bool has(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Puts the value of "database.host" where it belongs.
void put(Json& section, std::string_view key, const std::string& value) {
  const size_t dot = key.find('.');
  if (dot == std::string_view::npos)
    section[std::string(key)] = value;
  else
    put(section[std::string(key.substr(0, dot))], key.substr(dot + 1), value);
}

// What differs from the defaults, without credentials.
Json said_of(const EnvironmentSettings& environment) {
  EnvironmentSettings defaults;
  defaults.is_protected = environment.name == "prod";
  EnvironmentSettings settings = environment;
  if (settings.database.port.empty()) settings.database.port = "5432";
  // It would use one thread per processor of the node, whatever the pod's limit is.
  if (settings.workers == 0) settings.workers = 2;

  Json said;
  for (const SettingKey& key : setting_keys()) {
    // Who started the run tells of it, also of a pod that never starts.
    if (key.name.starts_with("kubernetes.") || key.name.starts_with("notify.") ||
        key.kind == SettingKey::Kind::secret || has(kLeftOut, key.name))
      continue;
    const std::string value = key.get(settings);
    if (has(kAlwaysSaid, key.name) || value != key.get(defaults)) put(said, key.name, value);
  }
  return said;
}

// `store`: the name of its volume; that of its authority begins alike.
void put_store_files(Json& said, const std::string& store, const KubernetesSettings& cluster) {
  const std::string folder = std::string(kPodSecrets) + "/" + store;
  put(said, "store.access_key_id_file", folder + "/access_key_id");
  put(said, "store.secret_access_key_file", folder + "/secret_access_key");
  if (!cluster.store_ca_config_map.empty() || !cluster.store_ca_secret.empty())
    put(said, "store.ca_file", folder + "-ca/ca.crt");
}

Json said_of_source(const EnvironmentSettings& source, const EnvironmentSettings& target) {
  EnvironmentSettings settings = source;
  // The pod has no login for its server: asked whether it is the target's, it would only be
  // refused. What the settings tell was compared before (name_one_database); by the source's
  // records the restore knows its database under any name (app/restore).
  settings.is_protected = false;
  settings.documents = "/run/elsewhere/" + source.name;
  std::string& host = settings.database.host;
  if ((source.kubernetes.namespace_ != target.kubernetes.namespace_ ||
       source.kubernetes.context != target.kubernetes.context) &&
      host.find('.') == std::string::npos)
    host += "." + source.kubernetes.namespace_ + ".svc";
  Json said = said_of(settings);
  put_store_files(said, "source-store", source.kubernetes);
  return said;
}

// The host as the cluster's DNS has it: "erp-db", "erp-db.erp" and "erp-db.erp.svc.cluster.local"
// are one Service.
std::string full_host(const EnvironmentSettings& environment) {
  std::string host = environment.database.host;
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (host.ends_with('.')) host.pop_back();
  constexpr std::string_view kDomain = ".cluster.local";
  if (host.ends_with(kDomain)) host.resize(host.size() - kDomain.size());
  const auto dots = std::count(host.begin(), host.end(), '.');
  if (dots == 0) host += "." + environment.kubernetes.namespace_;
  if (dots <= 1) host += ".svc";
  return host;
}

}  // namespace

bool mounts_push_password(const EnvironmentSettings& environment,
                          const EnvironmentSettings* source) {
  return !source && !environment.metrics.pushgateway_password.empty();
}

std::string pod_settings(const EnvironmentSettings& environment,
                         const EnvironmentSettings* source) {
  const KubernetesSettings& cluster = environment.kubernetes;
  const std::string files = kPodSecrets;
  Json said = said_of(environment);
  put_store_files(said, "store", cluster);
  put(said, "database.user_file", files + "/database/username");
  put(said, "database.password_file", files + "/database/password");
  if (!cluster.database_ca_config_map.empty() || !cluster.database_ca_secret.empty())
    put(said, "database.sslrootcert", files + "/database-ca/ca.crt");
  if (mounts_push_password(environment, source))
    put(said, "metrics.pushgateway_password_file", files + "/metrics/pushgateway_password");
  Json environments = {{environment.name, std::move(said)}};
  if (source) environments[source->name] = said_of_source(*source, environment);
  return Json{{"environments", std::move(environments)}}.dump(2) + "\n";
}

bool name_one_database(const EnvironmentSettings& one, const EnvironmentSettings& other) {
  const auto port = [](const EnvironmentSettings& environment) {
    const std::string& said = environment.database.port;
    return said.empty() ? std::string("5432") : said;
  };
  const std::string host = full_host(one);
  const bool one_cluster = one.kubernetes.context == other.kubernetes.context;
  return host == full_host(other) && port(one) == port(other) &&
         one.database.name == other.database.name && (one_cluster || !host.ends_with(".svc"));
}

}  // namespace dolibarr_backup
