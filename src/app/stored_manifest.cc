#include "app/stored_manifest.h"

#include "base/error.h"

namespace dolibarr_backup {
namespace {

std::unique_ptr<Source> open_or_throw(ObjectStore& store, const StoredObject& manifest) {
  std::unique_ptr<Source> source = store.open(manifest.key);
  if (!source) throw Error(Errc::corrupt, "the manifest '" + manifest.key + "' is missing");
  return source;
}

}  // namespace

StoredManifest::StoredManifest(ObjectStore& store, const StoredObject& manifest)
    : checked_(open_or_throw(store, manifest), manifest), text_(checked_) {}

size_t StoredManifest::Checked::read(MutableBytes buffer) {
  if (ended_) return 0;
  const size_t got = stored_->read(buffer);
  if (got > 0) {
    digest_.update(buffer.first(got));
    size_ += got;
    return got;
  }
  ended_ = true;
  if (size_ != expected_.size || digest_.finish_hex() != expected_.sha256)
    throw Error(Errc::corrupt,
                "the manifest '" + expected_.key + "' is not the one that its run record names");
  return 0;
}

}  // namespace dolibarr_backup
