#include "kubernetes/cluster_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/error.h"
#include "kubernetes/pod_settings.h"

namespace dolibarr_backup {
namespace {

using Json = ClusterObject;

constexpr const char* kKeyId = "AWS_ACCESS_KEY_ID";
constexpr const char* kSecretKey = "AWS_SECRET_ACCESS_KEY";
constexpr const char* kEndpoints = "AWS_ENDPOINTS";
constexpr const char* kPushPassword = "PUSHGATEWAY_PASSWORD";
constexpr const char* kSourcePrefix = "SOURCE_";  // of the keys of another environment's store
constexpr int kReadableByAll = 0444;              // without fsGroup the files belong to root

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// "a=b,c=d" as an object.
Json labels_of(const std::string& text) {
  Json labels = Json::object();
  for (const std::string& one : split_at_commas(text)) {
    const size_t mark = one.find('=');
    labels[one.substr(0, mark)] = one.substr(mark + 1);
  }
  return labels;
}

// "key=value:Effect,key:Effect,key"; without an effect all of them are borne.
Json tolerations_of(const std::string& text) {
  Json tolerations = Json::array();
  for (const std::string& one : split_at_commas(text)) {
    const size_t colon = std::min(one.find(':'), one.size());
    const std::string taint = one.substr(0, colon);
    const size_t mark = taint.find('=');
    Json made = {{"key", taint.substr(0, mark)}};
    made["operator"] = mark == std::string::npos ? "Exists" : "Equal";
    if (mark != std::string::npos) made["value"] = taint.substr(mark + 1);
    if (colon != one.size()) made["effect"] = one.substr(colon + 1);
    tolerations.push_back(std::move(made));
  }
  return tolerations;
}

Json own_labels(const EnvironmentSettings& environment, const PodCommand& command,
                const std::string& name) {
  return {{"app.kubernetes.io/name", "dolibarr-backup"},
          {"app.kubernetes.io/version", DOLIBARR_BACKUP_VERSION},
          {"app.kubernetes.io/managed-by", "dolibarr-backup"},
          {"app.kubernetes.io/component", command.component},
          {"dolibarr-backup/environment", environment.name},
          {kRunLabel, name}};
}

Json metadata(const EnvironmentSettings& environment, const PodCommand& command,
              const std::string& name) {
  return {{"name", name},
          {"namespace", environment.kubernetes.namespace_},
          {"labels", own_labels(environment, command, name)}};
}

Json item(const std::string& key, const std::string& path) {
  return {{"key", key}, {"path", path}};
}

Json secret_volume(const std::string& name, const std::string& secret, Json items) {
  return {{"name", name},
          {"secret",
           {{"secretName", secret}, {"defaultMode", kReadableByAll}, {"items", std::move(items)}}}};
}

Json mount(const std::string& name, const std::string& path) {
  return {{"name", name}, {"mountPath", path}, {"readOnly", true}};
}

// The volumes of a pod, each with its mount.
class Mounts {
 public:
  void add(Json volume, Json mount) {
    volumes.push_back(std::move(volume));
    mounts.push_back(std::move(mount));
  }
  // A further authority, if a ConfigMap or a Secret holds one.
  void add_authority(const std::string& name, const std::string& config_map,
                     const std::string& secret) {
    if (config_map.empty() && secret.empty()) return;
    Json items = Json::array({item("ca.crt", "ca.crt")});
    Json volume = {{"name", name}};
    if (!config_map.empty())
      volume["configMap"] = {{"name", config_map}, {"items", std::move(items)}};
    else
      volume = secret_volume(name, secret, std::move(items));
    add(std::move(volume), mount(name, fmt::format("{}/{}", kPodSecrets, name)));
  }
  Json volumes = Json::array(), mounts = Json::array();
};

bool is_drill(const PodCommand& command) {
  return command.component == "drill";
}

// A drill restores into /tmp; a restore spools a large dump there.
bool needs_room(const PodCommand& command) {
  return is_drill(command) || command.component == "restore" || command.component == "refresh";
}

void add_sources(const EnvironmentSettings& environment, const PodCommand& command,
                 Mounts& mounts) {
  const KubernetesSettings& cluster = environment.kubernetes;
  const std::string files = kPodSecrets;
  mounts.add(secret_volume("database", cluster.database_secret,
                           {item(cluster.database_username_key, "username"),
                            item(cluster.database_password_key, "password")}),
             mount("database", files + "/database"));
  mounts.add_authority("database-ca", cluster.database_ca_config_map, cluster.database_ca_secret);
  Json documents = mount("documents", environment.documents);
  Json claim = {{"claimName", cluster.documents_claim}, {"readOnly", true}};
  if (command.writes_documents) {
    documents.erase("readOnly");
    claim.erase("readOnly");
  }
  if (!cluster.documents_sub_path.empty()) documents["subPath"] = cluster.documents_sub_path;
  mounts.add({{"name", "documents"}, {"persistentVolumeClaim", std::move(claim)}},
             std::move(documents));
}

std::string sql_key(size_t index) {
  return fmt::format("SQL_{}", index + 1);
}

Mounts mounts_of(const EnvironmentSettings& environment, const PodCommand& command,
                 const std::string& name) {
  const KubernetesSettings& cluster = environment.kubernetes;
  const std::string files = kPodSecrets;
  Mounts mounts;
  mounts.add({{"name", "settings"}, {"configMap", {{"name", name}}}},
             mount("settings", kPodSettings));
  Json keys = {item(kKeyId, "access_key_id"), item(kSecretKey, "secret_access_key")};
  if (environment.store.s3.endpoint.empty()) keys.push_back(item(kEndpoints, "endpoint"));
  mounts.add(secret_volume("store", name, std::move(keys)), mount("store", files + "/store"));
  mounts.add_authority("store-ca", cluster.store_ca_config_map, cluster.store_ca_secret);
  if (command.source) {
    mounts.add(secret_volume("source-store", name,
                             {item(std::string(kSourcePrefix) + kKeyId, "access_key_id"),
                              item(std::string(kSourcePrefix) + kSecretKey, "secret_access_key")}),
               mount("source-store", files + "/source-store"));
    mounts.add_authority("source-store-ca", command.source->kubernetes.store_ca_config_map,
                         command.source->kubernetes.store_ca_secret);
  }
  if (command.reads_sources) add_sources(environment, command, mounts);
  if (!command.sql.empty()) {
    Json items = Json::array();
    for (size_t i = 0; i < command.sql.size(); ++i)
      items.push_back(item(sql_key(i), command.sql[i].name));
    mounts.add(secret_volume("sql", name, std::move(items)), mount("sql", kPodSql));
  }
  if (is_drill(command) && !cluster.conf_key_secret.empty())
    mounts.add(
        secret_volume("conf-key", cluster.conf_key_secret, Json::array({item("key", "key")})),
        mount("conf-key", files + "/conf-key"));
  if (mounts_push_password(environment, command.source))
    mounts.add(
        secret_volume("metrics", name, Json::array({item(kPushPassword, "pushgateway_password")})),
        mount("metrics", files + "/metrics"));
  Json room = Json::object();
  if (!needs_room(command)) room["sizeLimit"] = "64Mi";
  mounts.add({{"name", "tmp"}, {"emptyDir", std::move(room)}},
             {{"name", "tmp"}, {"mountPath", "/tmp"}});
  return mounts;
}

// The settings file says the same. The program refuses to run when they differ. With two
// environments in the file they would say of which: only the file does.
Json variables_of(const EnvironmentSettings& environment, const PodCommand& command) {
  const auto variable = [](const char* name, const std::string& value) -> Json {
    return {{"name", name}, {"value", value}};
  };
  if (command.source) return Json::array({variable("TMPDIR", "/tmp")});
  Json variables = {
      variable("BUCKET", environment.store.s3.bucket), variable("PREFIX", environment.prefix),
      variable("DB", environment.database.name), variable("PGHOST", environment.database.host)};
  if (environment.store.s3.endpoint.empty())
    variables.push_back(
        variable("AWS_ENDPOINTS_FILE", std::string(kPodSecrets) + "/store/endpoint"));
  variables.push_back(variable("TMPDIR", "/tmp"));
  return variables;
}

Json resources_of(const KubernetesSettings& cluster, bool drill) {
  const auto or_else = [](const std::string& text, const char* usual) {
    return text.empty() ? std::string(usual) : text;
  };
  return {{"requests",
           {{"cpu", or_else(cluster.cpu_request, drill ? "500m" : "250m")},
            {"memory", or_else(cluster.memory_request, drill ? "512Mi" : "256Mi")}}},
          {"limits", {{"memory", or_else(cluster.memory_limit, drill ? "2Gi" : "1Gi")}}}};
}

Json container_of(const EnvironmentSettings& environment, const PodCommand& command, Json mounts) {
  Json arguments = {fmt::format("--config={}/settings.yaml", kPodSettings),
                    "--env=" + (command.source ? command.source->name : environment.name)};
  for (const std::string& argument : command.arguments) arguments.push_back(argument);
  return {{"name", kContainer},
          {"image", environment.kubernetes.image},
          {"imagePullPolicy", environment.kubernetes.image_pull_policy},
          {"command", Json::array({"dolibarr-backup"})},
          {"args", std::move(arguments)},
          {"env", variables_of(environment, command)},
          {"resources", resources_of(environment.kubernetes, is_drill(command))},
          {"securityContext",
           {{"allowPrivilegeEscalation", false},
            {"readOnlyRootFilesystem", true},
            {"capabilities", {{"drop", Json::array({"ALL"})}}}}},
          {"terminationMessagePolicy", "FallbackToLogsOnError"},
          {"volumeMounts", std::move(mounts)}};
}

Json pod_of(const EnvironmentSettings& environment, const PodCommand& command,
            const std::string& name) {
  const KubernetesSettings& cluster = environment.kubernetes;
  Mounts mounts = mounts_of(environment, command, name);
  Json spec = {{"serviceAccountName", cluster.service_account},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"restartPolicy", "Never"},
               {"terminationGracePeriodSeconds", 60},
               // No fsGroup: it could give the files of the documents another group.
               {"securityContext",
                {{"runAsNonRoot", true},
                 {"runAsUser", cluster.run_as_user},
                 {"runAsGroup", cluster.run_as_group},
                 {"seccompProfile", {{"type", "RuntimeDefault"}}}}}};
  if (!cluster.image_pull_secret.empty())
    spec["imagePullSecrets"] = Json::array({{{"name", cluster.image_pull_secret}}});
  if (!cluster.priority_class.empty()) spec["priorityClassName"] = cluster.priority_class;
  if (!cluster.tolerations.empty()) spec["tolerations"] = tolerations_of(cluster.tolerations);
  if (!cluster.node_selector.empty()) spec["nodeSelector"] = labels_of(cluster.node_selector);
  spec["containers"] = Json::array({container_of(environment, command, std::move(mounts.mounts))});
  spec["volumes"] = std::move(mounts.volumes);
  Json labels = labels_of(cluster.pod_labels);
  labels.update(own_labels(environment, command, name));
  // An autoscaler that empties a node waits for the end of the run.
  Json annotations = {{"cluster-autoscaler.kubernetes.io/safe-to-evict", "false"},
                      {"karpenter.sh/do-not-disrupt", "true"}};
  return {{"metadata", {{"labels", std::move(labels)}, {"annotations", std::move(annotations)}}},
          {"spec", std::move(spec)}};
}

Json owned_metadata(const EnvironmentSettings& environment, const PodCommand& command,
                    const std::string& name, const std::string& job_uid) {
  Json made = metadata(environment, command, name);
  made["ownerReferences"] = Json::array({{{"apiVersion", "batch/v1"},
                                          {"kind", "Job"},
                                          {"name", name},
                                          {"uid", job_uid},
                                          {"controller", false},
                                          {"blockOwnerDeletion", false}}});
  return made;
}

}  // namespace

StoreCredentials read_store_credentials(const std::string& text,
                                        const EnvironmentSettings& environment) {
  const KubernetesSettings& cluster = environment.kubernetes;
  const std::string where = fmt::format("Secret '{}' in namespace '{}'", cluster.store_secret,
                                        cluster.store_secret_namespace);
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object() || object.value("kind", "") != "Secret")
    throw Error(Errc::cluster, "kubectl printed something else than the " + where);
  const auto value = [&](const char* key) {
    const auto data = object.find("data");
    if (data != object.end() && data->is_object())
      if (const auto found = data->find(key); found != data->end() && found->is_string() &&
                                              !found->get_ref<const std::string&>().empty())
        return Secret(found->get<std::string>());
    throw Error(Errc::config, where + " has no " + key)
        .with_hint("kubernetes.store_secret names the one with the store's credentials" +
                   std::string(key == std::string_view(kEndpoints)
                                   ? "; store.endpoint may stand in the settings instead"
                                   : ""));
  };
  StoreCredentials credentials{value(kKeyId), value(kSecretKey), {}};
  if (environment.store.s3.endpoint.empty()) credentials.endpoint = value(kEndpoints);
  return credentials;
}

std::string run_name(const EnvironmentSettings& environment, const std::string& random) {
  std::string slug;
  for (const char c : environment.name.substr(0, 30))
    slug += std::isalnum(static_cast<unsigned char>(c))
                ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                : '-';
  return "dolibarr-backup-" + slug + "-" + random;
}

ClusterObject job_object(const EnvironmentSettings& environment, const PodCommand& command,
                         const std::string& name) {
  const KubernetesSettings& cluster = environment.kubernetes;
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata", metadata(environment, command, name)},
          {"spec",
           {{"activeDeadlineSeconds", cluster.deadline.count()},
            {"ttlSecondsAfterFinished", cluster.job_ttl.count()},
            {"backoffLimit", 0},
            {"podReplacementPolicy", "Failed"},
            {"template", pod_of(environment, command, name)}}}};
}

std::vector<ClusterObject> owned_objects(const EnvironmentSettings& environment,
                                         const PodCommand& command, const std::string& name,
                                         const std::string& job_uid,
                                         const StoreCredentials& credentials,
                                         const std::optional<StoreCredentials>& source) {
  Json data = {{kKeyId, credentials.access_key_id.reveal()},
               {kSecretKey, credentials.secret_access_key.reveal()}};
  if (!credentials.endpoint.empty()) data[kEndpoints] = credentials.endpoint.reveal();
  if (source) {
    data[std::string(kSourcePrefix) + kKeyId] = source->access_key_id.reveal();
    data[std::string(kSourcePrefix) + kSecretKey] = source->secret_access_key.reveal();
  }
  for (size_t i = 0; i < command.sql.size(); ++i) data[sql_key(i)] = command.sql[i].content;
  const Json metadata = owned_metadata(environment, command, name, job_uid);
  Json secret = {{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"metadata", metadata},
                 {"type", "Opaque"},
                 {"data", std::move(data)}};
  if (mounts_push_password(environment, command.source))
    secret["stringData"] = {{kPushPassword, environment.metrics.pushgateway_password.reveal()}};
  return {Json{{"apiVersion", "v1"},
               {"kind", "ConfigMap"},
               {"metadata", metadata},
               {"data", {{"settings.yaml", pod_settings(environment, command.source)}}}},
          std::move(secret)};
}

std::string masked_objects(const EnvironmentSettings& environment, const PodCommand& command,
                           const std::string& name) {
  StoreCredentials masked{Secret("***"), Secret("***"), {}};
  if (environment.store.s3.endpoint.empty()) masked.endpoint = Secret("***");
  Json items = Json::array({job_object(environment, command, name)});
  std::optional<StoreCredentials> source;
  if (command.source) source = masked;
  EnvironmentSettings shown = environment;
  if (!shown.metrics.pushgateway_password.empty())
    shown.metrics.pushgateway_password = Secret("***");
  PodCommand shown_command = command;
  for (PodFile& file : shown_command.sql) file.content = "***";
  for (Json& object : owned_objects(shown, shown_command, name, "UID-OF-THE-JOB", masked, source))
    items.push_back(std::move(object));
  const Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
  return list.dump(2) + "\n";
}

}  // namespace dolibarr_backup
