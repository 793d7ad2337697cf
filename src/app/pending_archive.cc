#include "app/pending_archive.h"

#include "base/error.h"

namespace dolibarr_backup {

PendingArchive::PendingArchive(ObjectStore& store, const KeySpace& keys, const RunId& run,
                               Half half, uint64_t expected_bytes)
    : store_(store),
      half_(half),
      archive_key_(keys.archive(run, half)),
      manifest_key_(keys.manifest(run, half)),
      archive_upload_(store.start_upload(archive_key_, {.expected_bytes = expected_bytes})),
      manifest_upload_(store.start_upload(manifest_key_, {})),
      archive_hash_(*archive_upload_),
      manifest_hash_(*manifest_upload_),
      manifest_gzip_(manifest_hash_) {
  manifest_gzip_.write(manifest_header());
}

void PendingArchive::seal() {
  archive_upload_->flush();
  StoredObject archive{archive_key_, archive_hash_.size(), archive_hash_.finish_hex()};
  const std::string name = archive_key_.substr(archive_key_.rfind('/') + 1);
  fact("archive", name);
  fact("archive-size", std::to_string(archive.size));
  fact("archive-sha256", archive.sha256);
  // The db half has no files to check, so its checksum line is the archive itself.
  if (half_ == Half::db) line(ManifestChecksum{archive.sha256, name});
  manifest_gzip_.finish();
  manifest_upload_->flush();
  entry_ = ArchiveEntry{std::move(archive), StoredObject{manifest_key_, manifest_hash_.size(),
                                                         manifest_hash_.finish_hex()}};
}

// A store, or somebody between, may acknowledge what it did not keep.
void PendingArchive::require_stored(const StoredObject& object) {
  const std::optional<ObjectInfo> found = store_.head(object.key);
  if (found && found->size == object.size) return;
  throw Error(Errc::store, "'" + object.key + "' was acknowledged, but " +
                               (found ? "has " + std::to_string(found->size) +
                                            " bytes instead of " + std::to_string(object.size)
                                      : std::string("is not there")))
      .with_hint("is another tool removing objects, or does a proxy answer for the store?");
}

void PendingArchive::complete() {
  with_context("while completing '" + archive_key_ + "'", [&] {
    archive_upload_->complete();
    manifest_upload_->complete();
    require_stored(entry_->archive);
    require_stored(*entry_->manifest);
  });
}

}  // namespace dolibarr_backup
