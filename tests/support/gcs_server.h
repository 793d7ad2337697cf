#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/s3_server.h"

namespace dolibarr_backup {

/// Google Cloud Storage as its XML API with HMAC keys is, where it differs from
/// Amazon's S3; in this process and in memory, written from its documentation and
/// from what others reported of it:
///
/// - If-None-Match is ignored; x-goog-if-generation-match: 0 is obeyed, but must not
///   stand beside x-amz-* headers (sign with GOOG4-HMAC-SHA256)
/// - x-amz-checksum-* and their like are refused (ExcessHeaderValues)
/// - Accept-Encoding is rewritten before signatures are checked, so none may cover it
/// - signatures, payload hashes, Content-MD5 and clocks are checked
/// - no UploadPartCopy, no chunk signatures, no DeleteObjects, only ListObjectsV2
/// - listings have pages of a few entries; deleting what is not there is 404
///
/// Ends with this object. Any thread may use it. Region "auto".
class GcsServer : public S3Server {
 public:
  explicit GcsServer(size_t page_size = 3);
  ~GcsServer() override;
  std::string endpoint() const override;

  /// The next `count` requests get this status and error code, whatever they ask.
  void fail_next(int count, int status, const std::string& code);
  /// "PUT /bucket/key?query" of all that came, in order, the refused included.
  std::vector<std::string> requests() const;

 protected:
  S3Settings access() const override;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace dolibarr_backup
