#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dolibarr_backup {

/// Digest of a half's durable business content. Two fingerprints say "nothing
/// worth uploading" only if all three texts agree; another algorithm or another
/// volatile list makes them differ, which costs one upload and loses nothing.
struct Fingerprint {
  std::string algorithm;      ///< e.g. "exact-1", "tms-1" (db); "stat-1" (docs)
  std::string volatile_list;  ///< version and hash of what is left out; "" if nothing
  std::string value;          ///< hexadecimal
  bool operator==(const Fingerprint&) const = default;
  /// One line, as stored in .fp-db and .fp-docs.
  std::string text() const { return algorithm + ":" + volatile_list + ":" + value; }
};

}  // namespace dolibarr_backup
