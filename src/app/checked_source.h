#pragma once

#include <memory>

#include "core/run_record.h"
#include "store/object_store.h"
#include "stream/digest.h"

namespace dolibarr_backup {

/// A stored object as it comes, checked on the way: its end is reached only if size and
/// sha256 are those that the run record vouches for, else read() throws Errc::corrupt.
/// Without a sha256 (the reference script's archives) only the size counts.
class CheckedSource : public Source {
 public:
  /// Throws Errc::corrupt if the object is gone. The store must outlive the source.
  CheckedSource(ObjectStore& store, StoredObject expected);
  size_t read(MutableBytes buffer) override;

 private:
  std::unique_ptr<Source> stored_;
  StoredObject expected_;
  Digest digest_ = Digest::sha256();
  uint64_t size_ = 0;
  bool ended_ = false;
};

}  // namespace dolibarr_backup
