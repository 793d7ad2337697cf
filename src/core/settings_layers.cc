#include "core/settings_layers.h"

#include <array>
#include <utility>

namespace dolibarr_backup {
namespace {

using Keys = std::vector<std::string_view>;

const Keys kAccessKeys = {"store.access_key_id",     "store.access_key_id_file",
                          "store.secret_access_key", "store.secret_access_key_file",
                          "store.session_token",     "store.session_token_file"};

// A value, or the file that holds it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kValueOrFile{{
    {"database.user", "database.user_file"},
    {"database.password", "database.password_file"},
    {"metrics.pushgateway_password", "metrics.pushgateway_password_file"},
    {"notify.ping.backup", "notify.ping.backup_file"},
    {"notify.ping.prune", "notify.ping.prune_file"},
    {"notify.ping.verify", "notify.ping.verify_file"},
    {"notify.ping.drill", "notify.ping.drill_file"},
    {"notify.webhook.url", "notify.webhook.url_file"},
    {"notify.webhook.authorization", "notify.webhook.authorization_file"},
    {"notify.mail.password", "notify.mail.password_file"},
}};

std::map<std::string_view, Keys> make_displaced() {
  std::map<std::string_view, Keys> displaced = {{"store.directory", {"store.bucket"}},
                                                {"store.bucket", {"store.directory"}},
                                                {"store.credentials_file", kAccessKeys},
                                                {"store.profile", kAccessKeys}};
  for (const auto& [value, file] : kValueOrFile) {
    displaced[value] = {file};
    displaced[file] = {value};
  }
  Keys all_credentials = kAccessKeys;
  all_credentials.insert(all_credentials.end(), {"store.credentials_file", "store.profile"});
  for (const std::string_view key : kAccessKeys) displaced[key] = all_credentials;
  return displaced;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kExclusive{{
    {"store.directory", "store.bucket"},
    {"store.access_key_id", "store.access_key_id_file"},
    {"store.secret_access_key", "store.secret_access_key_file"},
    {"store.session_token", "store.session_token_file"},
    {"store.access_key_id", "store.credentials_file"},
    {"store.access_key_id_file", "store.credentials_file"},
}};

}  // namespace

const std::vector<std::string_view>& displaced_keys(std::string_view key) {
  static const std::map<std::string_view, Keys> displaced = make_displaced();
  static const Keys none;
  const auto found = displaced.find(key);
  return found == displaced.end() ? none : found->second;
}

void overlay(SettingLayer& base, const SettingLayer& upper) {
  for (const auto& [key, value] : upper)
    for (const std::string_view other : displaced_keys(key))
      if (const auto found = base.find(other); found != base.end()) base.erase(found);
  for (const auto& [key, value] : upper) base.insert_or_assign(key, value);
}

void check_exclusive(const SettingLayer& layer, SettingsFindings& findings) {
  const auto check = [&](std::string_view one, std::string_view other) {
    const auto first = layer.find(one);
    const auto second = layer.find(other);
    if (first == layer.end() || second == layer.end()) return;
    findings.problem(second->second.origin, std::string(other) + " and " + std::string(one) + " (" +
                                                first->second.origin.text +
                                                ") exclude each other; give only one");
  };
  for (const auto& [one, other] : kExclusive) check(one, other);
  for (const auto& [value, file] : kValueOrFile) check(value, file);
}

}  // namespace dolibarr_backup
