#pragma once

#include <ctime>
#include <map>
#include <mutex>
#include <string>

#include "support/gcs_signature.h"

/// What GcsServer stores, and the operations on it, without HTTP or signatures.
namespace dolibarr_backup::gcs {

struct Answer {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  std::string type = "application/xml";
};

Answer refuse(const Refusal& refusal);

/// All buckets, in memory. Methods may be called from several threads at once.
class Buckets {
 public:
  /// `page_size`: the most entries that one page of a listing has.
  explicit Buckets(size_t page_size) : page_size_(page_size) {}
  /// Answers a request whose signature is good.
  Answer answer(const Request& request);

 private:
  struct Object {
    std::string content, etag;
    std::time_t modified = 0;
  };
  struct Upload {
    std::string key;
    std::time_t started = 0;
    std::map<int, Object> parts;
  };
  struct Bucket {
    std::map<std::string, Object> objects;
    std::map<std::string, Upload> uploads;  ///< by id
  };
  using Query = std::map<std::string, std::string>;

  Answer answer_for_bucket(const Request& request, const std::string& name, const Query& query);
  Answer answer_for_object(const Request& request, Bucket& bucket, const std::string& key,
                           const Query& query);
  Answer list_objects(const Bucket& bucket, const Query& query) const;
  Answer list_uploads(const Bucket& bucket, const Query& query) const;
  static Answer get_object(const Request& request, const Object& object);
  static Answer put_object(const Request& request, Bucket& bucket, const std::string& key);
  Answer start_upload(Bucket& bucket, const std::string& key);
  static Answer put_part(const Request& request, Upload& upload, const std::string& number);
  static Answer complete(const Request& request, Bucket& bucket, const std::string& id);

  const size_t page_size_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
  int uploads_started_ = 0;
};

}  // namespace dolibarr_backup::gcs
