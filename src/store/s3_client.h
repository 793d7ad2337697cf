#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "core/settings.h"
#include "store/object_store.h"
#include "store/retry.h"
#include "store/s3_error.h"
#include "store/s3_http.h"
#include "store/s3_sign.h"

namespace dolibarr_backup {

/// One request to the bucket, before it is signed.
struct S3Request {
  std::string method;
  std::string key;  ///< "" for the bucket itself
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< lower-case names
  Bytes body;                                  ///< outlives the call
  std::chrono::seconds stall_timeout{0};       ///< 0: as the settings say
};

/// The headers of a request with a body: its type and its MD5.
std::map<std::string, std::string> body_headers(Bytes body);

/// Signs and sends requests to one bucket; the operations that several parts of
/// the S3 store share. Any number of threads may use it.
class S3Client {
 public:
  S3Client(const StoreSettings& settings, std::stop_token stop);

  /// "s3://bucket at https://host".
  std::string describe() const;
  const std::stop_token& stop() const { return stop_; }
  const RetryPolicy& policy() const { return policy_; }

  /// Sends one request once; any status is an answer. Only transport throws.
  HttpResponse send_once(const S3Request& request, const std::stop_token& stop);
  /// The same, with the body still to be read.
  std::unique_ptr<HttpExchange> start_once(const S3Request& request, const std::stop_token& stop);
  /// The Error for an answer that is a failure; obeys its Retry-After.
  Error failure(const S3Request& request, const HttpResponse& response, Attempt& attempt) const;
  /// Sends until it succeeds (2xx), a further try is pointless, or the code of the
  /// answer (NoSuchKey, ...) is `expected_code`, which is a success too.
  HttpResponse send(const S3Request& request, const StopRule& rule,
                    std::string_view expected_code = "");

  /// Stores an object by one PUT. With Overwrite::no it throws if the store says
  /// that another object is there; a first try whose answer was lost is recognised.
  void put(const std::string& key, Bytes content, Overwrite overwrite, const StopRule& rule);
  std::optional<ObjectInfo> head(const std::string& key, const StopRule& rule);
  /// Ends a multipart upload without an object; nothing if it is gone.
  void abort(const std::string& key, const std::string& upload_id, const RetryPolicy& policy);

  StopRule interruptible() const { return {.token = stop_}; }
  StopRule interruptible(std::stop_token other) const { return {.token = std::move(other)}; }
  StopRule cleaning_up() const {
    return {.token = stop_, .on_stop = StopRule::OnStop::one_more_try};
  }

 private:
  HttpRequest signed_request(const S3Request& request) const;
  void put_once(const S3Request& plain, Overwrite overwrite, Attempt& attempt,
                const StopRule& rule);
  enum class Found { nothing, same_object, another_object };
  Found find_under(const S3Request& put, Attempt& attempt, const StopRule& rule);
  void accept_if_ours(const S3Request& put, Attempt& attempt, const StopRule& rule);

  S3Settings settings_;
  SigningKey signing_key_;
  std::string host_, url_start_, path_start_;
  RetryPolicy policy_;
  std::stop_token stop_;
  HttpClient http_;
  /// False once the store has answered If-None-Match with 501.
  std::atomic<bool> knows_conditions_{true};
};

/// The Error for an answer that was cut short: Errc::store and transient, since it says
/// nothing about what is stored.
Error lost_answer(const Error& cut_short);
/// What stands under a key that should be free.
Error taken_key(const std::string& store, const std::string& key);

}  // namespace dolibarr_backup
