#include "dolibarr/secret_value_check.h"

#include <fmt/format.h>

#include <functional>

#include "core/dolcrypt.h"
#include "dolibarr/database_facts.h"
#include "dolibarr/pg_cursor.h"
#include "dolibarr/pg_login.h"
#include "dolibarr/pg_session.h"

namespace dolibarr_backup {
namespace {

constexpr int kRowsPerFetch = 1000;
constexpr size_t kGreatestNames = 20;

/// A column that may hold encrypted values of a known form.
struct KnownForm {
  std::string table, column, condition;
  std::string title;  ///< of a value, for people
  std::function<bool(const std::string&)> plausible;
};

const std::vector<KnownForm>& known_forms() {
  static const std::vector<KnownForm> forms = {
      {"societe_rib", "iban_prefix", "true", "iban_prefix",
       [](const std::string& text) { return is_iban(text); }},
      {"const", "value", "name = 'BLOCKEDLOG_HMAC_KEY'", "BLOCKEDLOG_HMAC_KEY",
       [](const std::string& text) { return text.starts_with("BLOCKEDLOGHMAC"); }}};
  return forms;
}

void check_form(PgConnection& connection, const KnownForm& form, const std::string& prefix,
                const Secret& key, SecretValueReport& report, const std::stop_token& stop) {
  const auto table = find_table(connection, prefix + form.table, {"rowid", form.column});
  if (!table) return;
  PgCursor cursor(connection, "secret_values",
                  fmt::format("SELECT rowid, {0} FROM {1} WHERE {0} LIKE 'dolcrypt:%' AND {2} "
                              "ORDER BY rowid",
                              quote_name(form.column), *table, form.condition),
                  kRowsPerFetch);
  while (cursor.next(stop)) {
    ++report.found;
    const auto plain = decrypt_dolcrypt(cursor.view(1), key);
    if (plain && form.plausible(*plain)) {
      ++report.plausible;
    } else if (report.implausible.size() < kGreatestNames) {
      report.implausible.push_back(
          fmt::format("{} rowid {}: {}", prefix + form.table, cursor.integer(0), form.title));
    }
  }
}

}  // namespace

SecretValueReport check_secret_values(const DatabaseSettings& settings, const Secret& key,
                                      const std::stop_token& stop) {
  SecretValueReport report;
  PgConnection connection = log_in(settings, stop);
  begin_pinned(connection, "", settings.lock_wait);
  for (const KnownForm& form : known_forms())
    check_form(connection, form, settings.table_prefix, key, report, stop);
  return report;
}

}  // namespace dolibarr_backup
