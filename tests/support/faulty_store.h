#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// Forwards to a real store and throws on command. Operations are counted from 1
/// over the life of this object: each put, start_upload, open, head, list, remove,
/// list_uploads, abort_upload and check_access, and each write, flush and complete
/// of an upload. The one that fails never reaches the real store. Not counted is
/// the abort by an upload's destructor, which always reaches it.
///
/// The real store must outlive this one. All methods may be called from several
/// threads at once.
class FaultyStore : public ObjectStore {
 public:
  explicit FaultyStore(ObjectStore& store) : store_(store) {}

  /// The n-th operation throws; the ones after it work again.
  void fail_nth(int n, Error error);
  /// The n-th and every later operation throws.
  void fail_from(int n, Error error);
  /// How many operations were made to fail so far.
  int failed() const;
  /// How many operations were asked for so far, the failed ones included.
  int operations() const;

  std::string describe() const override { return store_.describe(); }
  void check_access(Access access) override;
  void put(const std::string& key, Bytes content, Overwrite overwrite) override;
  std::unique_ptr<Upload> start_upload(const std::string& key,
                                       const UploadOptions& options) override;
  std::unique_ptr<Source> open(const std::string& key, std::optional<ByteRange> range) override;
  std::optional<ObjectInfo> head(const std::string& key) override;
  std::vector<ObjectInfo> list(const std::string& prefix) override;
  void remove(const std::string& key) override;
  std::vector<PendingUpload> list_uploads(const std::string& prefix) override;
  void abort_upload(const PendingUpload& upload) override;

 private:
  class FaultyUpload;
  void set_fault(int first, bool for_good, Error error);
  /// Counts one operation; throws if it is its turn to fail.
  void count();

  ObjectStore& store_;
  mutable std::mutex mutex_;
  int operations_ = 0;
  int failed_ = 0;
  int first_ = 0;  ///< the operation that fails
  bool for_good_ = false;
  std::optional<Error> error_;
};

}  // namespace dolibarr_backup
