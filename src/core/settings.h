#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "core/retention.h"

namespace dolibarr_backup {

/// Where one value came from, for people: "flag --bucket", "environment variable
/// PGHOST", "settings.yaml:12", "default".
struct Origin {
  std::string text;
};

/// How to reach an S3-compatible store.
struct S3Settings {
  std::string bucket;
  std::string endpoint;  ///< "https://storage.googleapis.com"; scheme, host, optional port
  std::string region = "us-east-1";
  enum class Addressing { path, virtual_host } addressing = Addressing::path;
  std::string ca_file;      ///< extra trust anchor, PEM; "" for the system's
  bool allow_http = false;  ///< plain http to another host than this one
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;
  /// Where the three came from, already read: one file each, or a profile of the
  /// AWS tools' shared credentials file.
  std::string access_key_id_file, secret_access_key_file, session_token_file;
  std::string credentials_file, profile;
};

/// One store: exactly one of the two.
struct StoreSettings {
  std::string directory;  ///< absolute path; "" if S3
  S3Settings s3;
  std::chrono::seconds stall_timeout{60};  ///< a transfer slower than 1 KiB/s for this long fails
  int retries = 5;                         ///< further tries of a transient failure
};

/// How to reach the database. libpq's own rules fill what is empty.
struct DatabaseSettings {
  std::string host, port, name, user, sslmode, sslrootcert, service;
  Secret password;
  std::string password_file;  ///< re-read when a login is refused (dynamic credentials)
  std::string user_file;
  std::string table_prefix = "llx_";
  enum class FingerprintMode { exact, tms } fingerprint = FingerprintMode::exact;
  unsigned connections = 2;            ///< that share the snapshot, for the fingerprint
  std::chrono::seconds lock_wait{60};  ///< pg_dump --lock-wait-timeout
  std::string pg_dump;                 ///< a program to use instead of the search
};

/// Where in a cluster an environment's commands run, and what they find there. The
/// names of keys in Secrets are the chart's values of the same meaning.
struct KubernetesSettings {
  std::string context;     ///< of kubectl's configuration; never its current one
  std::string namespace_;  ///< Dolibarr's, with the claim and the database's Secret
  std::string documents_claim, documents_sub_path;
  std::string database_secret = "vso-db-credentials";
  std::string database_username_key = "username", database_password_key = "password";
  /// Copied for each run; the keys are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and,
  /// unless store.endpoint is set, AWS_ENDPOINTS.
  std::string store_secret = "longhorn-gcs-backup-credentials";
  std::string store_secret_namespace = "longhorn-system";
  /// With the key ca.crt; of both kinds at most one.
  std::string store_ca_config_map, store_ca_secret, database_ca_config_map, database_ca_secret;
  std::string conf_key_secret;  ///< for drills, with the key "key"
  std::string image, image_pull_policy = "IfNotPresent", image_pull_secret;
  std::string service_account = "default";
  std::string node_selector, pod_labels;  ///< "key=value,key=value"
  std::string tolerations;                ///< "key=value:Effect,key:Effect,key"
  std::string priority_class;
  std::string cpu_request, memory_request, memory_limit;  ///< "": the command's default
  int run_as_user = 33, run_as_group = 33;
  std::chrono::seconds deadline{6 * 3600};    ///< the cluster ends a run after this time
  std::chrono::seconds job_ttl{600};          ///< and removes an ended one after this time
  std::chrono::seconds pending_timeout{120};  ///< for a pod that may yet start
  std::string kubectl = "kubectl";            ///< the program
};

/// Where Prometheus finds how the backups stand, after each run. "": nowhere.
struct MetricsSettings {
  std::string textfile;     ///< a folder that node_exporter's textfile collector reads
  std::string pushgateway;  ///< a Pushgateway's URL, without a login
  std::string pushgateway_user;
  Secret pushgateway_password;
  std::string pushgateway_password_file;  ///< where it came from, already read
};

/// Which runs are told of.
enum class NoticeWhen {
  failure,  ///< those that end with another exit code than 0
  always,
};

/// Checks at healthchecks.io, or a server that speaks its protocol: one for each command. The
/// addresses are secrets. `..._file`: where they came from, already read, as everywhere here.
struct PingSettings {
  Secret backup, prune, verify, drill;
  std::string backup_file, prune_file, verify_file, drill_file;
};

struct WebhookSettings {
  Secret url, authorization;  ///< the second: a whole Authorization header's value
  std::string url_file, authorization_file;
  NoticeWhen when = NoticeWhen::failure;
};

struct MailSettings {
  std::string server;  ///< "smtp://HOST:PORT", "smtps://HOST:PORT"; "" for no mail
  std::string user;
  Secret password;
  std::string password_file;
  std::string from;
  std::string to;  ///< addresses, with commas between
  NoticeWhen when = NoticeWhen::failure;
  bool allow_plaintext = false;  ///< smtp without STARTTLS to another host than this one
};

/// Who is told of runs (docs/operations.md, "Notices").
struct NotifySettings {
  PingSettings ping;
  WebhookSettings webhook;
  MailSettings mail;
  std::string ca_file;  ///< extra trust anchor for all of them, PEM; "" for the system's
};

/// One Dolibarr instance and where its backups lie.
struct EnvironmentSettings {
  std::string name;
  bool in_cluster = false;  ///< it has a `kubernetes` part: its commands run there
  KubernetesSettings kubernetes;
  std::string prefix;         ///< "erp/<name>" by default
  bool is_protected = false;  ///< true by default for "prod"
  StoreSettings store;
  DatabaseSettings database;
  std::string documents;          ///< absolute path of the documents tree
  std::string php_time_zone;      ///< PHP's date.timezone; recorded
  std::string conf_key_location;  ///< where conf.php's key is kept, in words
  std::string time_zone = "UTC";  ///< of retention and of bare dates
  RetentionPolicy retention;
  int max_unchanged_days = 30;
  int pair_attempts = 3;
  std::chrono::seconds settle_timeout{30};  ///< wait for open transactions before judging the pair
  int max_prune_percent = 50;               ///< of one half's archives in one prune
  std::chrono::hours orphan_grace{72};
  std::chrono::hours uploads_older_than{24};
  std::chrono::seconds max_age{26 * 3600};             ///< a last success older than this is stale
  std::chrono::seconds proof_max_age{35 * 24 * 3600};  ///< likewise of verify and drill
  MetricsSettings metrics;
  NotifySettings notify;
  unsigned workers = 0;                        ///< compression threads; 0: as many as cores
  uint64_t upload_memory_bytes = 24ull << 20;  ///< buffers of one upload
};

/// A value as `config show` prints it.
struct ShownSetting {
  std::string key;    ///< "environments.prod.database.host"
  std::string value;  ///< secrets are "***"; of an access key's id only the end is shown
  Origin origin;
};

/// One thing wrong with the settings, with where it came from.
struct SettingsProblem {
  Origin origin;
  std::string message;
};

/// What settings are made from. Reading files and the process environment is the
/// caller's job, so that this stays pure.
struct SettingsInput {
  std::optional<std::string> file_text;
  std::string file_name;
  /// Nobody but its owner can read the file. If not, secrets in it are refused, as
  /// libpq does with a password file.
  bool file_is_private = true;
  std::map<std::string, std::string> variables;  ///< the process environment
  std::map<std::string, std::string> flags;      ///< "bucket" -> value, as given
  std::string environment;                       ///< --env; "" if not given
  /// Reads a small file (`*_FILE`, password_file, the shared credentials file);
  /// nullopt if there is none, Error if it cannot be read.
  std::function<std::optional<std::string>(const std::string& path)> read_file;
};

struct SettingsResult {
  /// All that are defined, by name. S3 credentials are resolved only for the one
  /// that `SettingsInput::environment` names, or for all if it names none: a Pod
  /// that holds one environment's secrets can share the file of both.
  std::vector<EnvironmentSettings> environments;
  std::vector<SettingsProblem> problems;  ///< empty: `environments` is sound
  std::vector<SettingsProblem> warnings;  ///< worth a line, stop nothing
  std::vector<ShownSetting> shown;        ///< of the named environment, or of all
};

/// Merges flags over environment variables over the file; finds all problems.
///
/// Without a file, flags and variables define one environment, named by --env or
/// by the last part of its prefix. For an environment that the file names, a
/// variable that says where things are (BUCKET, PREFIX, DB, DOCUMENTS, PGHOST, ...)
/// and differs from the file, or speaks where the file is silent, is a problem: a
/// leftover PGHOST must never turn sandbox into prod. Credentials, region, endpoint
/// and password may come from variables where the file gives none.
///
/// The database's user_file and password_file are not read here: whoever connects
/// reads them, and again when a login is refused.
SettingsResult load_settings(const SettingsInput& input);

/// The commented file that `config init` writes.
std::string settings_template();

}  // namespace dolibarr_backup
