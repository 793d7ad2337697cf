#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "core/manifest.h"
#include "core/run_record.h"
#include "dolibarr/database.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// What a db manifest says, checked against the run record.
struct DatabaseManifest {
  std::map<std::string, std::string> facts;  ///< "encoding", "server", "php-time-zone", ...
  std::vector<ManifestTable> tables;         ///< by name
  uint64_t rows() const;
};

/// Throws Errc::corrupt if it is gone or not the one of its record.
DatabaseManifest read_database_manifest(ObjectStore& store, const StoredObject& manifest,
                                        const std::stop_token& stop);

/// What a restored database lacks, has too much, or has otherwise, one sentence each; empty
/// if it is proven equal: every table's rows by number and digest, and, on a server of the
/// same major, the schema. Pure.
std::vector<std::string> differences(const DatabaseManifest& manifest,
                                     const DatabaseFingerprint& restored,
                                     int restored_server_version);

}  // namespace dolibarr_backup
