#include "core/settings_checks.h"

#include <filesystem>

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

void warn_of_sharing(const SettingsDraft& one, const SettingsDraft& other,
                     SettingsFindings& findings) {
  const DatabaseSettings &a = one.settings.database, &b = other.settings.database;
  const std::string both = "'" + other.settings.name + "' and '" + one.settings.name + "'";
  const auto port = [](const DatabaseSettings& database) {
    return database.port.empty() ? "5432" : database.port;
  };
  if (other.has("database.name") && a.host == b.host && port(a) == port(b) && a.name == b.name &&
      a.service == b.service)
    findings.warning(other.origin_of("database.name"), both + " back up the same database");
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
      warn_of_sharing(drafts[earlier], drafts[later], findings);
    }
}

}  // namespace dolibarr_backup
