#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "core/settings.h"
#include "dolibarr/database.h"
#include "dolibarr/documents.h"

namespace dolibarr_backup {

/// Documents that the database knows and the walk did not meet.
struct MissingDocuments {
  uint64_t count = 0;
  std::vector<std::string> examples;  ///< a few names
};

/// A fingerprint and where the cluster stood when it was made.
struct KnownDatabase {
  SnapshotMark mark;
  DatabaseFingerprint db;  ///< without tables and schema digest if a run record tells it
};

/// Both halves at one time: the database's snapshot first, then the documents.
/// A half that could not be looked at has its error instead.
struct Look {
  std::unique_ptr<DatabaseSnapshot> snapshot;  ///< held open; null if db_error
  std::optional<DatabaseFingerprint> db;
  std::optional<DocumentsSurvey> docs;
  DocumentsSource documents;
  MissingDocuments missing;
  std::optional<Error> db_error, docs_error;

  std::optional<KnownDatabase> known_database() const;
  bool whole() const { return db.has_value() && docs.has_value(); }
};

/// Takes the snapshot and reads the facts; cheap. An unreachable database is db_error.
Look open_look(const EnvironmentSettings& environment, const std::stop_token& stop);

/// Fingerprints the database and walks the documents, both at once, after the
/// snapshot was taken. If the cluster stands exactly at `known`'s mark, its
/// fingerprint is taken over unread. Throws only Errc::interrupted.
void examine(Look& look, const std::optional<KnownDatabase>& known, Progress& progress,
             const std::stop_token& stop);

}  // namespace dolibarr_backup
