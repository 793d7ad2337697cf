#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "web/http.h"

namespace dolibarr_backup {

/// Where to listen.
struct ListenAddress {
  std::string host;  ///< a name or an address, IPv6 without brackets
  int port = 0;      ///< 0: any that is free
  /// Only this machine can reach it: "localhost", 127.0.0.0/8 or ::1.
  bool loopback() const;
  std::string url() const;  ///< "http://127.0.0.1:8790/"
};
/// "127.0.0.1:8790", "[::1]:8790", "localhost:0". Errc::usage for anything else.
ListenAddress parse_listen_address(const std::string& text);

/// A server for a few people and a monitor: HTTP/1.1, one request per connection, on a fixed
/// number of threads. A client that is slow, or sends much or nonsense, costs one of them for
/// ten seconds while it sends, and ten more while it reads, at most. As many connections
/// again may wait for a thread; others are not accepted until then.
class HttpServer {
 public:
  /// Listens at once; Errc::usage if that cannot be. `answer` is called from several threads;
  /// what it throws is answered with status 500 and logged.
  HttpServer(ListenAddress address, std::function<PageResponse(const PageRequest&)> answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// With the port that was given to it.
  const ListenAddress& address() const { return address_; }
  /// Answers until a stop is requested; what is being answered then is finished.
  void run(const std::stop_token& stop);

 private:
  class Listener;
  ListenAddress address_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace dolibarr_backup
