#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"

/// Dolibarr instances that are there, whether they are backed up or not. Only reads.
namespace dolibarr_backup {

/// A database with a table NAMEconst that has a Dolibarr's version in it.
struct FoundDatabase {
  std::string name;
  std::string version;  ///< MAIN_VERSION_LAST_UPGRADE, else MAIN_VERSION_LAST_INSTALL
};

/// What a server holds.
struct DatabaseSearch {
  std::string own;     ///< the database of the settings
  std::string server;  ///< the same text for the same server, whoever asks
  std::vector<FoundDatabase> found;
  std::vector<std::string> closed;  ///< databases that the role may not look into
};

/// Looks into every database of the settings' server that lets their role in, but those that
/// a restore left beside its target. Throws Errc::source if the server cannot be asked.
DatabaseSearch find_dolibarr_databases(const DatabaseSettings& settings,
                                       const std::stop_token& stop);

/// A folder that looks like a documents tree, or that a conf.php names as one.
struct FoundFolder {
  std::string path;
  std::string sign;  ///< "install.lock", "facture, propale, ...", "conf.php '/...'"
};

/// Looks beside each of the documents trees `known`, beside their parents, in the places where
/// packages and images put them, and in the conf.php files there and in /etc/dolibarr. Symbolic
/// links are resolved; each tree is named once, those of `known` too if they are there.
std::vector<FoundFolder> find_documents_folders(const std::vector<std::string>& known);

}  // namespace dolibarr_backup
