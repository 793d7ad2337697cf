#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dolibarr_backup {

/// A pg_dump and what it says it is.
struct PgDumpProgram {
  std::string path;
  std::string version;  ///< "pg_dump (PostgreSQL) 15.18"
  int major = 0;
};

/// Where to look.
struct PgDumpSearch {
  std::string program;  ///< the settings' own; nothing else is tried if it is given
  /// Folders with one sub-folder per major, in Debian's way.
  std::vector<std::string> version_folders = {"/usr/lib/postgresql"};
  std::string path;  ///< the PATH variable
};

struct PgDumpChoice {
  PgDumpProgram program;
  std::string warning;  ///< it is newer than the server; "" if it is not
};

/// The major in the output of `pg_dump --version`; nullopt if it is none.
std::optional<int> major_of_version(std::string_view version);

/// The server's own major if it is there, else the nearest newer one with a
/// warning. Throws Errc::source with a hint if there are only older ones or none:
/// an older pg_dump cannot read a newer server.
PgDumpChoice find_pg_dump(const PgDumpSearch& search, int server_major);

}  // namespace dolibarr_backup
