#pragma once

#include <stop_token>

#include "base/progress.h"
#include "core/settings.h"
#include "store/object_store.h"
#include "store/s3_client.h"

namespace dolibarr_backup {

/// A bucket of an S3-compatible store (AWS, Google Cloud Storage's XML API, Ceph,
/// Swift). Small objects are one PUT, longer ones multipart uploads; every body
/// carries its MD5, which the store checks, and is covered by the signature.
class S3Store : public ObjectStore {
 public:
  /// `progress` outlives the store and its uploads.
  S3Store(const StoreSettings& settings, uint64_t upload_memory_bytes, Progress& progress,
          std::stop_token stop);

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
  S3Client client_;
  uint64_t upload_memory_bytes_;
  Progress& progress_;
};

}  // namespace dolibarr_backup
