#include "app/checked_source.h"

#include "base/error.h"

namespace dolibarr_backup {

CheckedSource::CheckedSource(ObjectStore& store, StoredObject expected)
    : stored_(store.open(expected.key)), expected_(std::move(expected)) {
  if (!stored_) throw Error(Errc::corrupt, "'" + expected_.key + "' is missing");
}

size_t CheckedSource::read(MutableBytes buffer) {
  if (ended_) return 0;
  const size_t got = stored_->read(buffer);
  if (got > 0) {
    digest_.update(buffer.first(got));
    size_ += got;
    return got;
  }
  ended_ = true;
  const bool same = size_ == expected_.size &&
                    (expected_.sha256.empty() || digest_.finish_hex() == expected_.sha256);
  if (!same)
    throw Error(Errc::corrupt, "'" + expected_.key + "' is not what its run record vouches for")
        .with_hint("run verify; restore an earlier or later point");
  return 0;
}

}  // namespace dolibarr_backup
