#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "core/settings.h"

namespace dolibarr_backup {

struct FaultRequest {
  std::string method;
  std::string target;                          ///< path and query, as sent
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// What the server answers, and how it fails on the way.
struct FaultAnswer {
  enum class Then {
    close,  ///< closes the connection in good order
    reset,  ///< breaks it off (RST)
    stall,  ///< goes silent until the client gives up
  };
  int status = 200;
  std::map<std::string, std::string> headers;  ///< Content-Length is added
  std::string body;
  std::optional<size_t> body_sent;  ///< how much of the body is sent before `then`
  bool head_sent = true;
  std::chrono::milliseconds delay{0};  ///< before anything is sent; others are served meanwhile
  Then then = Then::close;
};

/// An HTTP server on the loopback that misbehaves as its handler says, one request
/// per connection. The handler is called under a lock, one request at a time, in
/// order of arrival; it may be set anew between requests.
class FaultServer {
 public:
  using Handler = std::function<FaultAnswer(const FaultRequest&)>;
  explicit FaultServer(Handler handler);
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  /// How to reach it: bucket "bucket", one second of patience.
  StoreSettings settings(int retries) const;
  std::vector<FaultRequest> requests() const;

 private:
  void accept_connections();
  void serve(int fd);
  void send_answer(int fd, const FaultAnswer& answer);

  Handler handler_;
  UniqueFd listener_;
  int port_ = 0;
  mutable std::mutex mutex_;  // guards all below
  std::vector<FaultRequest> requests_;
  std::vector<int> open_;  // connections being served
  std::vector<std::thread> connections_;
  bool ending_ = false;
  std::thread acceptor_;
};

/// An <Error> answer.
FaultAnswer s3_failure(int status, const std::string& code,
                       std::map<std::string, std::string> headers = {});

}  // namespace dolibarr_backup
