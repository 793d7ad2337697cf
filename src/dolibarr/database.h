#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "core/documents_rules.h"
#include "core/fingerprint.h"
#include "core/manifest.h"
#include "core/run_record.h"
#include "core/settings.h"
#include "core/snapshot_mark.h"
#include "stream/source_sink.h"

/// The db half: a PostgreSQL database that is only ever read. Everything here
/// runs in READ ONLY transactions. Errors are Errc::source and name the table or
/// the program; a refused login tells so in its hint.
namespace dolibarr_backup {

/// Facts of the server and the database, from catalogs and llx_const.
struct DatabaseFacts {
  std::string name, owner, encoding, collation, ctype;
  int server_version = 0;  ///< PQserverVersion, e.g. 150018
  std::string server_version_text;
  std::string system_identifier;
  uint64_t size_bytes = 0;
  std::string dolibarr_version;  ///< MAIN_VERSION_LAST_UPGRADE, else _INSTALL; "" if neither
  Identity identity;
};

struct DatabaseFingerprint {
  Fingerprint fingerprint;
  std::vector<ManifestTable> tables;  ///< by name
  std::string schema_digest;          ///< columns, constraints, indexes, functions, triggers, ...
};

/// How fingerprints are made under these settings: algorithm and volatile list, no value.
Fingerprint fingerprint_method(const DatabaseSettings& settings);

/// A document that the database knows (llx_ecm_files), relative to the root.
using IndexedFileVisitor = std::function<void(std::string_view path)>;

/// One REPEATABLE READ READ ONLY snapshot, held open until destruction. Used
/// from one thread at a time, but for dump()'s source, which has its own process.
class DatabaseSnapshot {
 public:
  /// Connects and takes the snapshot. On a refused login the password and user
  /// files are read again and it is tried once more.
  static std::unique_ptr<DatabaseSnapshot> open(const DatabaseSettings& settings,
                                                const std::stop_token& stop = {});
  virtual ~DatabaseSnapshot() = default;

  virtual const DatabaseFacts& facts() const = 0;
  virtual const SnapshotMark& mark() const = 0;
  /// Digest of everything durable, over settings.connections connections.
  virtual DatabaseFingerprint fingerprint(Progress& progress, const std::stop_token& stop) = 0;
  virtual ContentFolders content_folders() = 0;
  virtual void visit_indexed_files(const IndexedFileVisitor& visit) = 0;
  /// pg_dump -Fc of this very snapshot; its end is proven by exit status 0.
  virtual std::unique_ptr<Source> dump(const std::stop_token& stop) = 0;
  /// "pg_dump (PostgreSQL) 15.18", and a warning if it is newer than the server.
  virtual const std::string& pg_dump_version() const = 0;
  virtual const std::vector<std::string>& warnings() const = 0;
};

/// Waits until every transaction that now holds RowExclusiveLock or stronger on a
/// user table of the database has ended, at most `timeout`. Returns what is still
/// open, for people: "pid 4711 (dolibarr, 32 s): llx_facture".
std::vector<std::string> wait_for_writers(const DatabaseSettings& settings,
                                          std::chrono::milliseconds timeout,
                                          const std::stop_token& stop);

}  // namespace dolibarr_backup
