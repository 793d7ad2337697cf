#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/settings.h"

/// What the S3 servers of the tests have in common, and a client that owes nothing
/// to the program's: libcurl's own signer.
namespace dolibarr_backup {

/// A server with one user, reachable on the loopback only. One thread uses this
/// object; requests are anybody's. Failures throw Errc::store with what it said.
class S3Server {
 public:
  virtual ~S3Server() = default;
  /// "http://127.0.0.1:<port>"
  virtual std::string endpoint() const = 0;
  /// Makes an empty bucket and returns how to reach it: path addressing, valid keys.
  S3Settings make_bucket(const std::string& name);

 protected:
  /// How to reach the server; without a bucket.
  virtual S3Settings access() const = 0;
};

struct HttpAnswer {
  long status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// One signed request. `target` is path and query as sent, already percent-encoded
/// and the query sorted: "/bucket/key?uploads=". Any status is an answer; throws
/// Errc::store if there is none.
HttpAnswer signed_request(const S3Settings& settings, const std::string& method,
                          const std::string& target, const std::string& body = "",
                          const std::map<std::string, std::string>& headers = {});

/// Waits until something answers HTTP there, with whatever status. Throws
/// Errc::store with `logs()` after `seconds`, or as soon as `alive()` is false.
void wait_for_http(const std::string& url, int seconds, const std::function<bool()>& alive,
                   const std::function<std::string()>& logs);

}  // namespace dolibarr_backup
