#include "dolibarr/instance_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>

#include "base/log.h"
#include "base/stop.h"
#include "dolibarr/pg_connection.h"
#include "dolibarr/pg_login.h"
#include "dolibarr/restore_mark.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

// ---- databases -----------------------------------------------------------------------

bool is_leftover(const std::string& name) {
  const size_t mark = name.find_last_of("_-");
  return mark != std::string::npos && is_restore_mark(std::string_view(name).substr(mark + 1));
}

// A plain role may be kept from the identifier; then its address stands for the server.
std::string identify(PgConnection& connection) {
  try {
    return connection.query("SELECT system_identifier FROM pg_control_system()").text(0, 0);
  } catch (const PgError&) {
    const std::string place = connection.describe();
    const size_t on = place.rfind(" on ");
    return on == std::string::npos ? place : place.substr(on + 4);
  }
}

// "" if no table looks like llx_const of a Dolibarr, whatever its prefix.
std::string dolibarr_version(PgConnection& connection, const std::stop_token& stop) {
  const PgResult tables = connection.query(
      "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relkind IN ('r', 'p') AND c.relname LIKE '%const' AND n.nspname !~ '^pg_' "
      "AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped "
      "AND a.attname IN ('name', 'value', 'entity')) = 3 ORDER BY 1, 2",
      {}, stop);
  for (int row = 0; row < tables.rows(); ++row) {
    const PgResult version = connection.query(
        fmt::format("SELECT value FROM {} WHERE name IN ('MAIN_VERSION_LAST_UPGRADE', "
                    "'MAIN_VERSION_LAST_INSTALL') AND value <> '' ORDER BY name DESC LIMIT 1",
                    quote_name(tables.view(row, 0), tables.view(row, 1))),
        {}, stop);
    if (version.rows() > 0) return version.text(0, 0);
  }
  return "";
}

void look_into(const DatabaseSettings& settings, const std::string& name, DatabaseSearch& search,
               const std::stop_token& stop) {
  DatabaseSettings there = settings;
  there.name = name;
  try {
    PgConnection connection = log_in(there, stop);
    connection.query("SET default_transaction_read_only = on; SET statement_timeout = '30s'");
    if (std::string version = dolibarr_version(connection, stop); !version.empty())
      search.found.push_back({name, std::move(version)});
  } catch (const PgError& error) {
    log::debug("discover: {}: {}", name, error.what());
    search.closed.push_back(name);
  }
}

// ---- folders -------------------------------------------------------------------------

constexpr size_t kEnoughSigns = 2;
constexpr size_t kShownSigns = 3;
constexpr std::array kModuleFolders = {
    "facture",    "propale",  "commande",   "societe", "produit", "users",     "fournisseur",
    "expedition", "contract", "ficheinter", "projet",  "medias",  "mycompany", "ecm"};
// Of the Docker image and of Debian's old package; of installs by hand.
constexpr std::array kUsualFolders = {"/var/www/documents", "/var/lib/dolibarr/documents",
                                      "/var/www/html/documents", "/var/www/dolibarr/documents",
                                      "/usr/share/dolibarr/documents"};
constexpr std::array kUsualConfigurations = {
    "/etc/dolibarr/conf.php", "/var/www/html/conf/conf.php", "/var/www/html/htdocs/conf/conf.php",
    "/var/www/dolibarr/htdocs/conf/conf.php", "/usr/share/dolibarr/htdocs/conf/conf.php"};
// Below the folder that holds the documents.
constexpr std::array kConfigurationsBeside = {"conf/conf.php", "htdocs/conf/conf.php",
                                              "html/conf/conf.php"};

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code error;
  fs::directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code none;
    const std::string name = entry->path().filename().string();
    const size_t mark = name.rfind('-');
    const bool leftover =
        mark != std::string::npos && is_restore_mark(std::string_view(name).substr(mark + 1));
    if (entry->is_directory(none) && !leftover) folders.push_back(entry->path());
  }
  return folders;
}

// The program's own tree has folders of the same names.
std::string sign_of(const fs::path& folder) {
  if (is_there(folder / "main.inc.php") || is_there(folder / "htdocs")) return "";
  if (is_there(folder / "install.lock")) return "install.lock";
  std::vector<std::string> found;
  for (const char* name : kModuleFolders) {
    std::error_code none;
    if (fs::is_directory(folder / name, none)) found.push_back(name);
  }
  if (found.size() < kEnoughSigns) return "";
  if (found.size() > kShownSigns) found.resize(kShownSigns);
  return fmt::format("{}", fmt::join(found, ", "));
}

std::optional<std::string> data_root_of(const fs::path& configuration) {
  static const std::regex setting(R"(^\s*\$dolibarr_main_data_root\s*=\s*['"]([^'"]+)['"]\s*;.*)");
  std::ifstream file(configuration);
  std::smatch match;
  for (std::string line; std::getline(file, line);)
    if (std::regex_match(line, match, setting)) return match[1].str();
  return std::nullopt;
}

class FolderSearch {
 public:
  void look_at(const fs::path& folder) {
    if (const std::string sign = sign_of(folder); !sign.empty()) add(folder, sign);
  }
  void look_beside(const fs::path& documents) {
    const fs::path parent = documents.parent_path();
    for (const fs::path& folder : folders_in(parent)) {
      look_at(folder);
      look_at(folder / "documents");
    }
    for (const char* name : kConfigurationsBeside) read_configuration(parent / name);
    if (!parent.has_relative_path() || !parent.parent_path().has_relative_path()) return;
    for (const fs::path& folder : folders_in(parent.parent_path())) {
      look_at(folder / "documents");
      for (const char* name : kConfigurationsBeside) read_configuration(folder / name);
    }
  }
  void read_configuration(const fs::path& path) {
    const std::optional<std::string> root = data_root_of(path);
    std::error_code none;
    if (root && fs::is_directory(*root, none)) add(*root, "conf.php '" + path.string() + "'");
  }
  std::vector<FoundFolder> found() const {
    std::vector<FoundFolder> folders;
    for (const auto& [path, sign] : found_) folders.push_back({path, sign});
    return folders;
  }

 private:
  void add(const fs::path& folder, const std::string& sign) {
    std::error_code none;
    const fs::path real = fs::weakly_canonical(folder, none);
    found_.emplace((none ? folder : real).string(), sign);
  }
  std::map<std::string, std::string> found_;
};

}  // namespace

DatabaseSearch find_dolibarr_databases(const DatabaseSettings& settings,
                                       const std::stop_token& stop) {
  PgConnection connection = log_in(settings, stop);
  DatabaseSearch search;
  search.own = connection.query("SELECT current_database()").text(0, 0);
  search.server = identify(connection);
  const PgResult names = connection.query(
      "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1", {},
      stop);
  for (int row = 0; row < names.rows(); ++row) {
    throw_if_stopped(stop);
    const std::string name = names.text(row, 0);
    if (!is_leftover(name)) look_into(settings, name, search, stop);
  }
  return search;
}

std::vector<FoundFolder> find_documents_folders(const std::vector<std::string>& known) {
  FolderSearch search;
  for (const std::string& documents : known)
    if (documents.starts_with('/')) search.look_beside(documents);
  for (const char* folder : kUsualFolders) search.look_at(folder);
  for (const char* configuration : kUsualConfigurations) search.read_configuration(configuration);
  return search.found();
}

}  // namespace dolibarr_backup
