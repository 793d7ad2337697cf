#include "core/settings_keys.h"

#include <algorithm>
#include <cstdint>

#include "core/settings_key_builder.h"

namespace dolibarr_backup {
namespace {

using std::chrono::seconds;
using Key = SettingKeyBuilder;
using Kind = SettingKey::Kind;
using Settings = EnvironmentSettings;

constexpr seconds kHour{3600}, kDay{86400};

// The place of a value, as a function.
#define PLACE(member)                \
  [](Settings & settings) -> auto& { \
    return settings.member;          \
  }

// ---- forms -------------------------------------------------------------------

std::string without_slashes(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

std::string without_slashes_at_end(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

std::string bare_bucket(std::string_view text) {
  if (text.starts_with("s3://")) text.remove_prefix(5);
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

std::string bare_endpoint(std::string_view text) {
  const auto endpoint = read_endpoint(text);
  return endpoint ? endpoint->text() : std::string(text);
}

std::string check_endpoint(std::string_view text) {
  return read_endpoint(text) ? "" : "must be https://HOST or https://HOST:PORT";
}

std::string put_fiscal_year_end(Settings& settings, const std::string& text) {
  const auto date = read_month_day(text);
  if (!date) return "must be a month and a day such as \"12-31\"";
  settings.retention.fiscal_year_end_month = date->month;
  settings.retention.fiscal_year_end_day = date->day;
  return "";
}

std::string get_fiscal_year_end(const Settings& settings) {
  return month_day_text(
      {settings.retention.fiscal_year_end_month, settings.retention.fiscal_year_end_day});
}

std::string put_upload_memory(Settings& settings, const std::string& text) {
  const auto bytes = read_size(text);
  if (!bytes || *bytes < 12 * kMiB || *bytes > 16 * kGiB)
    return "must be a size from 12MiB to 16GiB, such as 24MiB";
  settings.upload_memory_bytes = *bytes;
  return "";
}

// ---- the keys ----------------------------------------------------------------

void add_store(std::vector<SettingKey>& keys) {
  const std::vector<SettingKey> store = {
      Key("store.directory")
          .text(PLACE(store.directory), check_absolute_path)
          .flag("directory")
          .location()
          .alternative(),
      Key("store.bucket")
          .text(PLACE(store.s3.bucket), check_bucket, bare_bucket)
          .flag("bucket")
          .variables({"BUCKET"})
          .location()
          .alternative(),
      Key("store.endpoint")
          .text(PLACE(store.s3.endpoint), check_endpoint, bare_endpoint)
          .flag("endpoint")
          .kind(Kind::guarded)
          .variables({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINTS"}),
      Key("store.region")
          .text(PLACE(store.s3.region), check_region)
          .flag("region")
          .variables({"AWS_REGION", "AWS_DEFAULT_REGION"}),
      Key("store.addressing")
          .choice(PLACE(store.s3.addressing),
                  std::pair(std::string("path"), S3Settings::Addressing::path),
                  std::pair(std::string("virtual-host"), S3Settings::Addressing::virtual_host)),
      Key("store.ca_file")
          .text(PLACE(store.s3.ca_file), check_absolute_path)
          .variables({"AWS_CA_BUNDLE"})
          .alternative(),
      Key("store.allow_http").boolean(PLACE(store.s3.allow_http)),
      Key("store.access_key_id")
          .text(PLACE(store.s3.access_key_id), check_plain_text)
          .kind(Kind::key_id)
          .variables({"AWS_ACCESS_KEY_ID"})
          .file_key("store.access_key_id_file"),
      Key("store.secret_access_key")
          .secret(PLACE(store.s3.secret_access_key))
          .variables({"AWS_SECRET_ACCESS_KEY"})
          .file_key("store.secret_access_key_file"),
      Key("store.session_token")
          .secret(PLACE(store.s3.session_token))
          .variables({"AWS_SESSION_TOKEN"})
          .file_key("store.session_token_file")
          .alternative(),
      Key("store.access_key_id_file")
          .text(PLACE(store.s3.access_key_id_file), check_absolute_path)
          .alternative(),
      Key("store.secret_access_key_file")
          .text(PLACE(store.s3.secret_access_key_file), check_absolute_path)
          .alternative(),
      Key("store.session_token_file")
          .text(PLACE(store.s3.session_token_file), check_absolute_path)
          .alternative(),
      Key("store.credentials_file")
          .text(PLACE(store.s3.credentials_file), check_absolute_path)
          .variables({"AWS_SHARED_CREDENTIALS_FILE"})
          .alternative(),
      Key("store.profile")
          .text(PLACE(store.s3.profile), check_plain_text)
          .variables({"AWS_PROFILE"})
          .alternative(),
      Key("store.stall_timeout").duration(PLACE(store.stall_timeout), seconds(5), kHour),
      Key("store.retries").number(PLACE(store.retries), 0, 100),
  };
  keys.insert(keys.end(), store.begin(), store.end());
}

void add_database(std::vector<SettingKey>& keys) {
  using Mode = DatabaseSettings::FingerprintMode;
  const std::vector<SettingKey> database = {
      Key("database.host")
          .text(PLACE(database.host), check_database_host)
          .flag("host")
          .variables({"PGHOST"})
          .kind(Kind::guarded)
          .location(),
      Key("database.port")
          .text(PLACE(database.port), check_ports)
          .flag("port")
          .variables({"PGPORT"})
          .location(),
      Key("database.name")
          .text(PLACE(database.name), check_database_name)
          .flag("database")
          .variables({"DB", "PGDATABASE"})
          .kind(Kind::guarded)
          .location(),
      Key("database.user")
          .text(PLACE(database.user), check_plain_text)
          .flag("user")
          .variables({"PGUSER"})
          .file_key("database.user_file")
          .location(),
      Key("database.user_file")
          .text(PLACE(database.user_file), check_absolute_path)
          .location()
          .alternative(),
      Key("database.password")
          .secret(PLACE(database.password))
          .variables({"PGPASSWORD"})
          .file_key("database.password_file"),
      Key("database.password_file")
          .text(PLACE(database.password_file), check_absolute_path)
          .alternative(),
      Key("database.sslmode").text(PLACE(database.sslmode), check_sslmode).variables({"PGSSLMODE"}),
      Key("database.sslrootcert")
          .text(PLACE(database.sslrootcert), check_plain_text)
          .variables({"PGSSLROOTCERT"}),
      Key("database.service")
          .text(PLACE(database.service), check_plain_text)
          .variables({"PGSERVICE"})
          .location()
          .alternative(),
      Key("database.table_prefix").text(PLACE(database.table_prefix), check_table_prefix),
      Key("database.fingerprint")
          .choice(PLACE(database.fingerprint), std::pair(std::string("exact"), Mode::exact),
                  std::pair(std::string("tms"), Mode::tms)),
      Key("database.connections").number(PLACE(database.connections), 1, 32),
      Key("database.lock_wait").duration(PLACE(database.lock_wait), seconds(1), kDay),
      Key("database.pg_dump").text(PLACE(database.pg_dump), check_absolute_path).alternative(),
  };
  keys.insert(keys.end(), database.begin(), database.end());
}

void add_kubernetes(std::vector<SettingKey>& keys) {
  const std::vector<SettingKey> kubernetes = {
      Key("kubernetes.context").text(PLACE(kubernetes.context), check_plain_text),
      Key("kubernetes.namespace").text(PLACE(kubernetes.namespace_), check_object_name),
      Key("kubernetes.documents_claim").text(PLACE(kubernetes.documents_claim), check_object_name),
      Key("kubernetes.documents_sub_path")
          .text(PLACE(kubernetes.documents_sub_path), check_sub_path)
          .alternative(),
      Key("kubernetes.database_secret").text(PLACE(kubernetes.database_secret), check_object_name),
      Key("kubernetes.database_username_key")
          .text(PLACE(kubernetes.database_username_key), check_plain_text),
      Key("kubernetes.database_password_key")
          .text(PLACE(kubernetes.database_password_key), check_plain_text),
      Key("kubernetes.database_ca_config_map")
          .text(PLACE(kubernetes.database_ca_config_map), check_object_name)
          .alternative(),
      Key("kubernetes.database_ca_secret")
          .text(PLACE(kubernetes.database_ca_secret), check_object_name)
          .alternative(),
      Key("kubernetes.store_secret").text(PLACE(kubernetes.store_secret), check_object_name),
      Key("kubernetes.store_secret_namespace")
          .text(PLACE(kubernetes.store_secret_namespace), check_object_name),
      Key("kubernetes.store_ca_config_map")
          .text(PLACE(kubernetes.store_ca_config_map), check_object_name)
          .alternative(),
      Key("kubernetes.store_ca_secret")
          .text(PLACE(kubernetes.store_ca_secret), check_object_name)
          .alternative(),
      Key("kubernetes.conf_key_secret")
          .text(PLACE(kubernetes.conf_key_secret), check_object_name)
          .alternative(),
      Key("kubernetes.image").text(PLACE(kubernetes.image), check_image),
      Key("kubernetes.image_pull_policy")
          .text(PLACE(kubernetes.image_pull_policy), check_pull_policy),
      Key("kubernetes.image_pull_secret")
          .text(PLACE(kubernetes.image_pull_secret), check_object_name)
          .alternative(),
      Key("kubernetes.service_account").text(PLACE(kubernetes.service_account), check_object_name),
      Key("kubernetes.node_selector")
          .text(PLACE(kubernetes.node_selector), check_labels)
          .alternative(),
      Key("kubernetes.tolerations")
          .text(PLACE(kubernetes.tolerations), check_tolerations)
          .alternative(),
      Key("kubernetes.priority_class")
          .text(PLACE(kubernetes.priority_class), check_object_name)
          .alternative(),
      Key("kubernetes.pod_labels").text(PLACE(kubernetes.pod_labels), check_labels).alternative(),
      Key("kubernetes.cpu_request")
          .text(PLACE(kubernetes.cpu_request), check_quantity)
          .alternative(),
      Key("kubernetes.memory_request")
          .text(PLACE(kubernetes.memory_request), check_quantity)
          .alternative(),
      Key("kubernetes.memory_limit")
          .text(PLACE(kubernetes.memory_limit), check_quantity)
          .alternative(),
      Key("kubernetes.run_as_user").number(PLACE(kubernetes.run_as_user), 1, INT32_MAX),
      Key("kubernetes.run_as_group").number(PLACE(kubernetes.run_as_group), 1, INT32_MAX),
      Key("kubernetes.deadline").duration(PLACE(kubernetes.deadline), seconds(60), 14 * kDay),
      Key("kubernetes.job_ttl").duration(PLACE(kubernetes.job_ttl), seconds(60), 7 * kDay),
      Key("kubernetes.pending_timeout")
          .duration(PLACE(kubernetes.pending_timeout), seconds(1), kHour),
      Key("kubernetes.kubectl").text(PLACE(kubernetes.kubectl), check_plain_text),
  };
  keys.insert(keys.end(), kubernetes.begin(), kubernetes.end());
}

void add_rules(std::vector<SettingKey>& keys) {
  const std::vector<SettingKey> rules = {
      Key("time_zone").text(PLACE(time_zone), check_time_zone),
      Key("retention.days").number(PLACE(retention.days), 0, 3660),
      Key("retention.months").number(PLACE(retention.months), 0, 1200),
      Key("retention.years").number(PLACE(retention.years), 0, 100),
      Key("retention.fiscal_year_end").custom(put_fiscal_year_end, get_fiscal_year_end),
      Key("max_unchanged_days").number(PLACE(max_unchanged_days), 1, 3660),
      Key("pair_attempts").number(PLACE(pair_attempts), 1, 20),
      Key("settle_timeout").duration(PLACE(settle_timeout), seconds(0), kDay),
      Key("max_prune_percent").number(PLACE(max_prune_percent), 0, 100),
      Key("orphan_grace").duration(PLACE(orphan_grace), kHour, 3660 * kDay),
      Key("uploads_older_than").duration(PLACE(uploads_older_than), kHour, 3660 * kDay),
      Key("max_age").duration(PLACE(max_age), seconds(60), 366 * kDay),
      Key("proof_max_age").duration(PLACE(proof_max_age), kHour, 3660 * kDay),
      Key("workers").number(PLACE(workers), 0, 256),
      Key("upload_memory")
          .custom(put_upload_memory,
                  [](const Settings& settings) { return size_text(settings.upload_memory_bytes); }),
  };
  keys.insert(keys.end(), rules.begin(), rules.end());
}

void add_metrics(std::vector<SettingKey>& keys) {
  const std::vector<SettingKey> metrics = {
      Key("metrics.textfile")
          .text(PLACE(metrics.textfile), check_absolute_path)
          .variables({"DOLIBARR_BACKUP_TEXTFILE"})
          .alternative(),
      Key("metrics.pushgateway")
          .text(PLACE(metrics.pushgateway), check_web_address, without_slashes_at_end)
          .kind(Kind::guarded)
          .variables({"DOLIBARR_BACKUP_PUSHGATEWAY"})
          .alternative(),
      Key("metrics.pushgateway_user")
          .text(PLACE(metrics.pushgateway_user), check_plain_text)
          .variables({"DOLIBARR_BACKUP_PUSHGATEWAY_USER"})
          .alternative(),
      Key("metrics.pushgateway_password")
          .secret(PLACE(metrics.pushgateway_password))
          .variables({"DOLIBARR_BACKUP_PUSHGATEWAY_PASSWORD"})
          .file_key("metrics.pushgateway_password_file")
          .alternative(),
      Key("metrics.pushgateway_password_file")
          .text(PLACE(metrics.pushgateway_password_file), check_absolute_path)
          .alternative(),
  };
  keys.insert(keys.end(), metrics.begin(), metrics.end());
}

void add_pings(std::vector<SettingKey>& keys) {
  const std::vector<SettingKey> pings = {
      Key("notify.ping.backup")
          .secret(PLACE(notify.ping.backup), check_web_address)
          .variables({"DOLIBARR_BACKUP_PING_BACKUP"})
          .file_key("notify.ping.backup_file")
          .alternative(),
      Key("notify.ping.backup_file")
          .text(PLACE(notify.ping.backup_file), check_absolute_path)
          .alternative(),
      Key("notify.ping.prune")
          .secret(PLACE(notify.ping.prune), check_web_address)
          .variables({"DOLIBARR_BACKUP_PING_PRUNE"})
          .file_key("notify.ping.prune_file")
          .alternative(),
      Key("notify.ping.prune_file")
          .text(PLACE(notify.ping.prune_file), check_absolute_path)
          .alternative(),
      Key("notify.ping.verify")
          .secret(PLACE(notify.ping.verify), check_web_address)
          .variables({"DOLIBARR_BACKUP_PING_VERIFY"})
          .file_key("notify.ping.verify_file")
          .alternative(),
      Key("notify.ping.verify_file")
          .text(PLACE(notify.ping.verify_file), check_absolute_path)
          .alternative(),
      Key("notify.ping.drill")
          .secret(PLACE(notify.ping.drill), check_web_address)
          .variables({"DOLIBARR_BACKUP_PING_DRILL"})
          .file_key("notify.ping.drill_file")
          .alternative(),
      Key("notify.ping.drill_file")
          .text(PLACE(notify.ping.drill_file), check_absolute_path)
          .alternative(),
  };
  keys.insert(keys.end(), pings.begin(), pings.end());
}

void add_notify(std::vector<SettingKey>& keys) {
  add_pings(keys);
  const std::vector<SettingKey> notify = {
      Key("notify.webhook.url")
          .secret(PLACE(notify.webhook.url), check_webhook_address)
          .variables({"DOLIBARR_BACKUP_WEBHOOK"})
          .file_key("notify.webhook.url_file")
          .alternative(),
      Key("notify.webhook.url_file")
          .text(PLACE(notify.webhook.url_file), check_absolute_path)
          .alternative(),
      Key("notify.webhook.authorization")
          .secret(PLACE(notify.webhook.authorization))
          .variables({"DOLIBARR_BACKUP_WEBHOOK_AUTHORIZATION"})
          .file_key("notify.webhook.authorization_file")
          .alternative(),
      Key("notify.webhook.authorization_file")
          .text(PLACE(notify.webhook.authorization_file), check_absolute_path)
          .alternative(),
      Key("notify.webhook.when")
          .choice(PLACE(notify.webhook.when),
                  std::pair(std::string("failure"), NoticeWhen::failure),
                  std::pair(std::string("always"), NoticeWhen::always))
          .alternative(),
      Key("notify.mail.server")
          .text(PLACE(notify.mail.server), check_mail_server)
          .kind(Kind::guarded)
          .alternative(),
      Key("notify.mail.user").text(PLACE(notify.mail.user), check_plain_text).alternative(),
      Key("notify.mail.password")
          .secret(PLACE(notify.mail.password))
          .variables({"DOLIBARR_BACKUP_MAIL_PASSWORD"})
          .file_key("notify.mail.password_file")
          .alternative(),
      Key("notify.mail.password_file")
          .text(PLACE(notify.mail.password_file), check_absolute_path)
          .alternative(),
      Key("notify.mail.from").text(PLACE(notify.mail.from), check_mail_address).alternative(),
      Key("notify.mail.to").text(PLACE(notify.mail.to), check_mail_addresses).alternative(),
      Key("notify.mail.when")
          .choice(PLACE(notify.mail.when), std::pair(std::string("failure"), NoticeWhen::failure),
                  std::pair(std::string("always"), NoticeWhen::always))
          .alternative(),
      Key("notify.mail.allow_plaintext").boolean(PLACE(notify.mail.allow_plaintext)).alternative(),
      Key("notify.ca_file").text(PLACE(notify.ca_file), check_absolute_path).alternative(),
  };
  keys.insert(keys.end(), notify.begin(), notify.end());
}

std::vector<SettingKey> make_keys() {
  std::vector<SettingKey> keys = {
      Key("prefix")
          .text(PLACE(prefix), check_prefix, without_slashes)
          .flag("prefix")
          .variables({"PREFIX"})
          .location(),
      Key("protected").boolean(PLACE(is_protected)),
      Key("documents")
          .text(PLACE(documents), check_absolute_path)
          .flag("documents")
          .variables({"DOCUMENTS"})
          .location(),
      Key("php_time_zone").text(PLACE(php_time_zone), check_time_zone),
      Key("conf_key_location").text(PLACE(conf_key_location), check_plain_text),
  };
  add_store(keys);
  add_database(keys);
  add_rules(keys);
  add_metrics(keys);
  add_notify(keys);
  add_kubernetes(keys);
  return keys;
}

}  // namespace

const std::vector<SettingKey>& setting_keys() {
  static const std::vector<SettingKey> keys = make_keys();
  return keys;
}

const SettingKey* find_setting_key(std::string_view name) {
  const auto& keys = setting_keys();
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const SettingKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string shown_text(const SettingKey& key, const std::string& text) {
  switch (key.kind) {
    case Kind::secret:
      return text.empty() ? "" : "***";
    case Kind::key_id:
      if (text.empty()) return "";
      return text.size() > 8 ? "***" + text.substr(text.size() - 4) : "***";
    case Kind::guarded: {
      Settings scratch;
      return key.put(scratch, text).empty() ? key.get(scratch) : "***";
    }
    case Kind::plain:
      break;
  }
  return text;
}

bool same_meaning(const SettingKey& key, const std::string& one, const std::string& other) {
  Settings first, second;
  if (key.kind == Kind::secret || !key.put(first, one).empty() || !key.put(second, other).empty())
    return one == other;
  return key.get(first) == key.get(second);
}

}  // namespace dolibarr_backup
