#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {
namespace {

/// The whole file but for the newline that editors and secret stores add.
std::string read_credential(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad())
    throw Error(Errc::source, "cannot read the database credential file " + path)
        .with_hint("check that the secret is mounted and readable");
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

/// One value of a connection string, in single quotes (libpq manual, 34.1.1.1).
std::string quote_value(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

PgParameters parameters_of(const DatabaseSettings& settings) {
  PgParameters parameters;
  const std::string user =
      settings.user_file.empty() ? settings.user : read_credential(settings.user_file);
  const std::pair<const char*, const std::string&> given[] = {
      {"host", settings.host},       {"port", settings.port},
      {"dbname", settings.name},     {"user", user},
      {"sslmode", settings.sslmode}, {"sslrootcert", settings.sslrootcert},
      {"service", settings.service}};
  for (const auto& [keyword, value] : given)
    if (!value.empty()) parameters.options[keyword] = value;
  parameters.options["fallback_application_name"] = "dolibarr-backup";
  parameters.options["client_encoding"] = "UTF8";
  // The snapshot's session idles for as long as the dump runs: keep it known to
  // whatever stands between, and find out within minutes if the server is gone.
  parameters.options["keepalives_idle"] = "60";
  parameters.options["keepalives_interval"] = "15";
  parameters.options["keepalives_count"] = "8";
  parameters.password = settings.password_file.empty()
                            ? settings.password
                            : Secret(read_credential(settings.password_file));
  return parameters;
}

bool is_connection_string(std::string_view text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://") ||
         text.find('=') != std::string_view::npos;
}

DatabaseSettings settings_of_uri(const std::string& uri, const DatabaseSettings& others) {
  struct Free {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
  };
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, Free> parsed(PQconninfoParse(uri.c_str(), &problem));
  if (!parsed) {
    // libpq repeats the text, and with it what may be secret in it.
    PQfreemem(problem);
    throw Error(Errc::usage, "the database URI is not understood")
        .with_hint("postgresql://user@host:5432/name");
  }
  DatabaseSettings settings = others;
  const std::pair<std::string_view, std::string*> known[] = {
      {"host", &settings.host},       {"port", &settings.port},
      {"dbname", &settings.name},     {"user", &settings.user},
      {"sslmode", &settings.sslmode}, {"sslrootcert", &settings.sslrootcert},
      {"service", &settings.service}};
  for (const auto& [keyword, value] : known) value->clear();
  settings.password = Secret();
  settings.password_file.clear();
  settings.user_file.clear();
  for (const PQconninfoOption* option = parsed.get(); option->keyword; ++option) {
    if (!option->val) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "password")
      throw Error(Errc::usage, "the database URI holds a password, which everybody can see")
          .with_hint("give it in PGPASSWORD, PGPASSFILE or ~/.pgpass");
    const auto* found = std::find_if(std::begin(known), std::end(known),
                                     [&](const auto& one) { return one.first == keyword; });
    if (found == std::end(known))
      throw Error(Errc::usage,
                  fmt::format("the database URI has '{}', which does not apply", keyword));
    *found->second = option->val;
  }
  if (settings.name.empty()) throw Error(Errc::usage, "the database URI names no database");
  return settings;
}

std::string connection_string(const PgParameters& parameters) {
  std::string text;
  for (const auto& [keyword, value] : parameters.options) {
    if (!text.empty()) text += ' ';
    text += keyword + "=" + quote_value(value);
  }
  return text;
}

}  // namespace dolibarr_backup
