#include "core/settings_checks.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <utility>

#include "core/setting_values.h"

namespace dolibarr_backup {
namespace {

std::string slashed_path(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  while (text.ends_with('/')) text.pop_back();
  return text + "/";
}

// Where an environment's objects lie, such that equal or nested places have texts of
// which one begins with the other. A bucket counts by its name alone: two endpoints
// may be two names of one service.
std::string place_of(const SettingsDraft& draft) {
  const StoreSettings& store = draft.settings.store;
  const std::string prefix = draft.settings.prefix + "/";
  if (!store.directory.empty()) return slashed_path(store.directory) + prefix;
  return store.s3.bucket.empty() ? "" : "s3://" + store.s3.bucket + "/" + prefix;
}

void check_places(const SettingsDraft& one, const SettingsDraft& other,
                  SettingsFindings& findings) {
  const std::string first = place_of(one);
  const std::string second = place_of(other);
  if (first.empty() || second.empty()) return;
  if (!first.starts_with(second) && !second.starts_with(first)) return;
  const StoreSettings &a = one.settings.store, &b = other.settings.store;
  std::string message = "'" + other.settings.name + "' (" + second + ") and '" + one.settings.name +
                        "' (" + first + ") would mix in one store; give each a prefix of its own";
  if (a.directory.empty() && a.s3.endpoint != b.s3.endpoint)
    message += " (two endpoints may lead to one bucket)";
  findings.problem(other.origin_of("prefix"), std::move(message));
}

// The parts of a name between its marks: "erp-prod" has erp and prod.
std::set<std::string> words_of(const std::string& name) {
  std::set<std::string> words;
  std::string word;
  for (const char c : name + "-")
    if (std::isalnum(static_cast<unsigned char>(c))) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      words.insert(std::exchange(word, ""));
    }
  return words;
}

bool named_after(const std::string& object, const std::string& environment) {
  const std::set<std::string> all = words_of(object), wanted = words_of(environment);
  return std::includes(all.begin(), all.end(), wanted.begin(), wanted.end());
}

// What in the cluster `one` names, with the key that names it.
std::vector<std::pair<const char*, const std::string*>> names_in_cluster(
    const EnvironmentSettings& one) {
  return {{"kubernetes.namespace", &one.kubernetes.namespace_},
          {"kubernetes.documents_claim", &one.kubernetes.documents_claim},
          {"kubernetes.database_secret", &one.kubernetes.database_secret}};
}

void check_foreign_names(const SettingsDraft& one, const SettingsDraft& other,
                         SettingsFindings& findings) {
  if (!one.settings.in_cluster) return;
  for (const auto& [key, name] : names_in_cluster(one.settings))
    if (named_after(*name, other.settings.name) && !named_after(*name, one.settings.name))
      findings.problem(one.origin_of(key), std::string(key) + " '" + *name + "' of '" +
                                               one.settings.name + "' is named after '" +
                                               other.settings.name +
                                               "': two environments must never cross");
}

// Two contexts with equal names inside may be two clusters, or two names of one.
void check_clusters(const SettingsDraft& one, const SettingsDraft& other,
                    SettingsFindings& findings) {
  check_foreign_names(one, other, findings);
  check_foreign_names(other, one, findings);
  if (!one.settings.in_cluster || !other.settings.in_cluster) return;
  const KubernetesSettings &a = one.settings.kubernetes, &b = other.settings.kubernetes;
  if (a.namespace_.empty() || a.namespace_ != b.namespace_) return;
  const std::string both = "'" + other.settings.name + "' and '" + one.settings.name + "' have ";
  const bool claim = !a.documents_claim.empty() && a.documents_claim == b.documents_claim &&
                     a.documents_sub_path == b.documents_sub_path;
  if (a.context != b.context) {
    if (claim)
      findings.warning(other.origin_of("kubernetes.context"),
                       both +
                           "the same namespace and claim; their contexts must lead to two "
                           "clusters");
    return;
  }
  if (claim)
    findings.problem(other.origin_of("kubernetes.documents_claim"),
                     both + "the same namespace and documents_claim; give each its own");
  if (a.database_secret == b.database_secret)
    findings.problem(other.origin_of("kubernetes.database_secret"),
                     both + "the same namespace and database_secret; give each its own");
}

void check_cluster_settings(const SettingsDraft& draft, SettingsFindings& findings) {
  const EnvironmentSettings& settings = draft.settings;
  const std::string name = "'" + settings.name + "' ";
  for (const char* key : {"kubernetes.context", "kubernetes.namespace",
                          "kubernetes.documents_claim", "kubernetes.image", "database.host"})
    if (!draft.has(key))
      findings.problem(draft.origin, name + "runs in a cluster and has no " + key);
  for (const std::string ca : {"kubernetes.store_ca_", "kubernetes.database_ca_"})
    if (draft.has(ca + "config_map") && draft.has(ca + "secret"))
      findings.problem(draft.origin_of(ca + "secret"),
                       name + "has both " + ca + "config_map and " + ca + "secret; give one");
  if (draft.has("store.directory"))
    findings.problem(draft.origin_of("store.directory"),
                     name + "runs in a cluster: its store must be a bucket");
  if (draft.has("database.service"))
    findings.problem(draft.origin_of("database.service"),
                     name +
                         "runs in a cluster, which has no service file; set database.host and "
                         "database.name");
  const std::string last = settings.prefix.substr(settings.prefix.rfind('/') + 1);
  if (last != settings.name && !draft.invalid.contains("prefix"))
    findings.problem(draft.origin_of("prefix"),
                     "prefix '" + settings.prefix + "' does not end with '" + settings.name +
                         "': in a cluster, backups of two environments must never mix");
}

void check_mail(const SettingsDraft& draft, SettingsFindings& findings) {
  const std::string name = "'" + draft.settings.name + "' ";
  for (const char* key : {"notify.mail.from", "notify.mail.to"})
    if (draft.has("notify.mail.server") && !draft.has(key))
      findings.problem(draft.origin_of("notify.mail.server"),
                       name + "has a mail server and no " + key);
    else if (draft.has(key) && !draft.has("notify.mail.server"))
      findings.problem(draft.origin_of(key), name + "has " + key + " and no notify.mail.server");
}

void warn_of_sharing(const SettingsDraft& one, const SettingsDraft& other,
                     SettingsFindings& findings) {
  const DatabaseSettings &a = one.settings.database, &b = other.settings.database;
  const std::string both = "'" + other.settings.name + "' and '" + one.settings.name + "'";
  const auto port = [](const DatabaseSettings& database) {
    return database.port.empty() ? "5432" : database.port;
  };
  // A Service's short name means another one in each namespace.
  const bool own_names =
      one.settings.in_cluster && other.settings.in_cluster &&
      a.host.find('.') == std::string::npos &&
      (one.settings.kubernetes.namespace_ != other.settings.kubernetes.namespace_ ||
       one.settings.kubernetes.context != other.settings.kubernetes.context);
  if (!own_names && other.has("database.name") && a.host == b.host && port(a) == port(b) &&
      a.name == b.name && a.service == b.service)
    findings.warning(other.origin_of("database.name"), both + " back up the same database");
  if (one.settings.in_cluster || other.settings.in_cluster) return;  // paths in two pods
  if (!one.settings.documents.empty() && !other.settings.documents.empty() &&
      slashed_path(one.settings.documents) == slashed_path(other.settings.documents))
    findings.warning(other.origin_of("documents"), both + " back up the same documents");
}

}  // namespace

void check_draft(const SettingsDraft& draft, SettingsFindings& findings) {
  const std::string name = "'" + draft.settings.name + "' ";
  if (!draft.has("store.directory") && !draft.has("store.bucket"))
    findings.problem(draft.origin, name +
                                       "has no store; set store.bucket (or BUCKET, --bucket) "
                                       "or store.directory (--directory)");
  if (!draft.has("documents"))
    findings.problem(draft.origin, name +
                                       "has no documents tree; set documents (or DOCUMENTS, "
                                       "--documents)");
  if (!draft.has("database.name") && !draft.has("database.service"))
    findings.problem(draft.origin, name +
                                       "has no database; set database.name (or DB, "
                                       "--database)");
  if (draft.settings.in_cluster) check_cluster_settings(draft, findings);
  check_mail(draft, findings);
  const S3Settings& s3 = draft.settings.store.s3;
  const auto endpoint = read_endpoint(s3.endpoint);
  if (draft.has("store.bucket") && endpoint && endpoint->scheme == "http" &&
      !endpoint->is_loopback() && !s3.allow_http)
    findings.problem(draft.origin_of("store.endpoint"),
                     "plain http would show the backups to the network; use https, or set "
                     "store.allow_http: true");
}

void check_apart(const std::vector<SettingsDraft>& drafts, SettingsFindings& findings) {
  for (size_t later = 1; later < drafts.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier) {
      check_places(drafts[earlier], drafts[later], findings);
      check_clusters(drafts[earlier], drafts[later], findings);
      warn_of_sharing(drafts[earlier], drafts[later], findings);
    }
}

}  // namespace dolibarr_backup
