#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/manifest.h"
#include "core/run_record.h"
#include "store/object_store.h"
#include "stream/digest.h"
#include "stream/gzip.h"

namespace dolibarr_backup {

/// An archive and its manifest on their way into the store, neither visible yet.
///
///     source -> archive() -> sha256 -> upload
///     lines  -> line()    -> gzip -> sha256 -> upload
///
/// seal() sends everything; complete() makes first the archive, then the manifest
/// visible. Destruction before that aborts both: nothing half-made stays. The
/// archive counts only once a run record names it. One thread at a time.
class PendingArchive {
 public:
  PendingArchive(ObjectStore& store, const KeySpace& keys, const RunId& run, Half half,
                 uint64_t expected_bytes);

  /// Where the archive's stored bytes go.
  Sink& archive() { return archive_hash_; }
  /// Where the manifest's plain text goes.
  Sink& manifest() { return manifest_gzip_; }
  void line(const ManifestLine& line) { manifest_gzip_.write(to_text(line)); }
  void fact(std::string key, std::string value) {
    line(ManifestFact{std::move(key), std::move(value)});
  }

  /// Call once, after the last byte: writes the archive's own facts into the
  /// manifest and returns when the store has acknowledged all bytes of both.
  void seal();
  /// After seal(): the commit of the two objects.
  void complete();
  /// After seal(): keys, sizes and digests for the run record.
  const ArchiveEntry& entry() const { return *entry_; }

 private:
  void require_stored(const StoredObject& object);

  ObjectStore& store_;
  Half half_;
  std::string archive_key_, manifest_key_;
  std::unique_ptr<Upload> archive_upload_, manifest_upload_;
  HashingSink archive_hash_, manifest_hash_;
  GzipSink manifest_gzip_;
  std::optional<ArchiveEntry> entry_;
};

}  // namespace dolibarr_backup
