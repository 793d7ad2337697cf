#pragma once

#include <memory>

#include "core/run_record.h"
#include "store/object_store.h"
#include "stream/digest.h"
#include "stream/gzip.h"

namespace dolibarr_backup {

/// The plain text of a stored manifest, checked against what the run record
/// vouches for: its end is reached only if size and sha256 of the stored bytes
/// agree, else read() throws Errc::corrupt. The store must outlive it.
class StoredManifest : public Source {
 public:
  /// Throws Errc::corrupt if the object is gone.
  StoredManifest(ObjectStore& store, const StoredObject& manifest);
  size_t read(MutableBytes buffer) override { return text_.read(buffer); }

 private:
  class Checked : public Source {
   public:
    Checked(std::unique_ptr<Source> stored, StoredObject expected)
        : stored_(std::move(stored)), expected_(std::move(expected)) {}
    size_t read(MutableBytes buffer) override;

   private:
    std::unique_ptr<Source> stored_;
    StoredObject expected_;
    Digest digest_ = Digest::sha256();
    uint64_t size_ = 0;
    bool ended_ = false;
  };
  Checked checked_;
  GunzipSource text_;
};

}  // namespace dolibarr_backup
