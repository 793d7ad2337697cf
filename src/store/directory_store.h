#pragma once

#include <stop_token>
#include <string>

#include "base/progress.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// A store in a folder: one file per object, at its key below the root. Files are
/// 0600, folders 0700. Objects appear by an atomic rename of a synced file, and
/// symbolic links below the root are never followed.
///
/// The root is made by check_access(Access::write) or the first write, if its parent exists;
/// a root that does not exist yet is an empty store. A key cannot hold an object and
/// be the folder of others ("a" and "a/b"), which S3 would allow.
class DirectoryStore : public ObjectStore {
 public:
  /// `root` is an absolute path. `progress` outlives the store and its uploads.
  DirectoryStore(std::string root, Progress& progress, std::stop_token stop);

  std::string describe() const override;
  void check_access(Access access) override;
  void put(const std::string& key, Bytes content, Overwrite overwrite) override;
  std::unique_ptr<Upload> start_upload(const std::string& key,
                                       const UploadOptions& options) override;
  std::unique_ptr<Source> open(const std::string& key,
                               std::optional<ByteRange> range = {}) override;
  std::optional<ObjectInfo> head(const std::string& key) override;
  std::vector<ObjectInfo> list(const std::string& prefix) override;
  void remove(const std::string& key) override;
  std::vector<PendingUpload> list_uploads(const std::string& prefix) override;
  void abort_upload(const PendingUpload& upload) override;

 private:
  std::string root_;
  Progress& progress_;
  std::stop_token stop_;
};

}  // namespace dolibarr_backup
