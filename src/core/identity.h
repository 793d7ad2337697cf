#pragma once

#include <string>

namespace dolibarr_backup {

/// Identity of the Dolibarr instance behind a prefix.
struct Identity {
  std::string database;  ///< database name
  /// "SALT.LOG": hashes of the security salt and of the first legal-log signature,
  /// each "-" where the instance has none.
  std::string instance;
  bool operator==(const Identity&) const = default;
};

/// The text of Identity::instance; a hash is "" if the instance has none.
std::string instance_text(const std::string& salt_hash, const std::string& log_hash);

/// Whether both are the same instance under the same database name, as far as what
/// both have tells: a legal log that begins later does not make another company.
bool same_instance(const Identity& accepted, const Identity& seen);

/// `seen`, with what only `accepted` has. For two that are the same.
Identity merged(const Identity& accepted, const Identity& seen);

}  // namespace dolibarr_backup
