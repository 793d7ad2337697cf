#include "kubernetes/pod_settings.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/settings_keys.h"

namespace dolibarr_backup {
namespace {

using Json = nlohmann::ordered_json;

// What the pod has of its own, or what means nothing there.
constexpr std::array<std::string_view, 12> kLeftOut{"store.directory",
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
                                                    "metrics.textfile"};

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

}  // namespace

std::string pod_settings(const EnvironmentSettings& environment) {
  EnvironmentSettings defaults;
  defaults.is_protected = environment.name == "prod";
  EnvironmentSettings settings = environment;
  if (settings.database.port.empty()) settings.database.port = "5432";
  // It would use one thread per processor of the node, whatever the pod's limit is.
  if (settings.workers == 0) settings.workers = 2;

  Json said;
  for (const SettingKey& key : setting_keys()) {
    if (key.name.starts_with("kubernetes.") || key.kind == SettingKey::Kind::secret ||
        has(kLeftOut, key.name))
      continue;
    const std::string value = key.get(settings);
    if (has(kAlwaysSaid, key.name) || value != key.get(defaults)) put(said, key.name, value);
  }
  const std::string files = kPodSecrets;
  put(said, "store.access_key_id_file", files + "/store/access_key_id");
  put(said, "store.secret_access_key_file", files + "/store/secret_access_key");
  put(said, "database.user_file", files + "/database/username");
  put(said, "database.password_file", files + "/database/password");
  if (!environment.kubernetes.store_ca_config_map.empty())
    put(said, "store.ca_file", files + "/store-ca/ca.crt");
  if (!environment.kubernetes.database_ca_config_map.empty())
    put(said, "database.sslrootcert", files + "/database-ca/ca.crt");
  return Json{{"environments", {{environment.name, said}}}}.dump(2) + "\n";
}

}  // namespace dolibarr_backup
