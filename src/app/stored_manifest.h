#pragma once

#include "app/checked_source.h"
#include "core/run_record.h"
#include "store/object_store.h"
#include "stream/gzip.h"

namespace dolibarr_backup {

/// The plain text of a stored manifest, checked against what the run record
/// vouches for: its end is reached only if size and sha256 of the stored bytes
/// agree, else read() throws Errc::corrupt. The store must outlive it.
class StoredManifest : public Source {
 public:
  /// Throws Errc::corrupt if the object is gone.
  StoredManifest(ObjectStore& store, const StoredObject& manifest)
      : checked_(store, manifest), text_(checked_) {}
  size_t read(MutableBytes buffer) override { return text_.read(buffer); }

 private:
  CheckedSource checked_;
  GunzipSource text_;
};

}  // namespace dolibarr_backup
