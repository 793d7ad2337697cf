#pragma once

#include <memory>
#include <optional>
#include <string>

#include "store/object_store.h"
#include "store/s3_client.h"

namespace dolibarr_backup {

/// Reads an object by GET. When the connection breaks it goes on from where it
/// was by a ranged GET, provided that the object is still the same (If-Match).
/// The end is proven: as many bytes as the store announced, or Errc::corrupt.
class S3Download : public Source {
 public:
  /// Null if there is no such object. `client` outlives the source.
  static std::unique_ptr<S3Download> open(S3Client& client, const std::string& key,
                                          const std::optional<ByteRange>& range);
  size_t read(MutableBytes buffer) override;

 private:
  S3Download(S3Client& client, std::string key, const std::optional<ByteRange>& range);
  S3Request request() const;
  /// False if there is no such object.
  bool start(Attempt& attempt);
  void accept_head(const HttpResponse& head);
  size_t read_once(MutableBytes buffer, Attempt& attempt);
  [[noreturn]] void refuse(const HttpResponse& head, Attempt& attempt);

  S3Client& client_;
  std::string key_, operation_;
  bool ranged_ = false;
  uint64_t offset_ = 0;                     // where the next byte lies in the object
  std::optional<uint64_t> end_;             // known from the range or the first answer
  std::string etag_;                        // of the first answer
  std::unique_ptr<HttpExchange> exchange_;  // null: to be started (again)
};

}  // namespace dolibarr_backup
