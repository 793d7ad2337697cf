#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/point.h"

namespace dolibarr_backup {

/// What became of a table between two points.
struct TableChange {
  enum class Kind {
    added,
    gone,
    business,       ///< content that decides an upload
    volatile_only,  ///< other content, such as the time of a last login
  };
  std::string name;  ///< "schema.table"
  Kind kind = Kind::business;
  uint64_t rows_before = 0, rows_after = 0;
};

/// What became of a file, link or folder between two points.
struct DocumentChange {
  enum class Kind {
    added,
    gone,
    content,   ///< size or sha256, the target of a link, or a link became a file or folder
    metadata,  ///< only time, mode or owner; of folders mode or owner
  };
  std::string path;
  Kind kind = Kind::content;
  uint64_t size_before = 0, size_after = 0;
  int64_t mtime_before_ns = 0, mtime_after_ns = 0;
};

struct PointDiff {
  /// False if that half cannot be compared: a point lacks it, or its manifest.
  bool db_compared = false, docs_compared = false;

  std::vector<TableChange> tables;  ///< changed ones only, by name
  uint64_t tables_unchanged = 0;
  bool schema_changed = false;
  /// False if the two were fingerprinted by other rules (docs/format.md, "Fingerprints"):
  /// any other content then counts as `business`.
  bool same_rules = true;

  std::vector<DocumentChange> documents;  ///< the first 100,000, in the order of the tree
  uint64_t documents_omitted = 0;         ///< ... and this many more
  uint64_t added = 0, gone = 0, content = 0, metadata = 0, unchanged = 0;  ///< of all
};

/// Compares what the manifests of two points say, `a` being the earlier state. No archive
/// is read; one request per manifest, none for an archive that both points share. Memory
/// does not grow with the number of documents. Throws Errc::corrupt if a manifest is gone
/// or not the one of its record.
PointDiff diff_points(Catalog& catalog, const ChosenPoint& a, const ChosenPoint& b,
                      const std::stop_token& stop);

}  // namespace dolibarr_backup
