#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "stream/source_sink.h"

/// HTTP/1.1 over libcurl, as an S3 client needs it: no redirect is followed, no
/// header is added that a signature would not expect.
namespace dolibarr_backup {

struct HttpOptions {
  std::string ca_file;  ///< PEM, trusted beside the system's; "" for none
  std::chrono::seconds stall_timeout{60};
  std::chrono::seconds connect_timeout{30};
  /// A whole exchange takes no longer, whatever moves; 0: as long as something moves.
  std::chrono::seconds total_timeout{0};
};

struct HttpRequest {
  std::string method;
  std::string url;
  std::map<std::string, std::string> headers;  ///< lower-case names, "host" among them
  Bytes body;                                  ///< outlives the exchange
  /// Less than 1 KiB/s for this long is a failure; 0: as the client says.
  std::chrono::seconds stall_timeout{0};
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< lower-case names
  std::string body;

  /// The header's value, "" if it is absent.
  std::string header(const std::string& name) const;
};

/// One request whose response body is pulled. It borrows a connection of its
/// client and, if it read all of the body, gives it back when destroyed. One thread uses it.
class HttpExchange : public Source {
 public:
  ~HttpExchange() override;
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  /// Status and headers; `body` is empty.
  const HttpResponse& head() const;
  /// The next bytes of the body; 0 at its proven end. Throws a transient Error
  /// when the connection breaks (Errc::corrupt if the server closed it early,
  /// else Errc::store), and Errc::interrupted when a stop is requested.
  size_t read(MutableBytes buffer) override;

 private:
  friend class HttpClient;
  struct State;
  explicit HttpExchange(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Sends requests; keeps its connections open for the next ones. It must outlive
/// its exchanges. Any number of threads may use it.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();

  /// Sends the request and waits for the head of the response. Throws
  /// Error(Errc::store) with a hint when there is none; transient unless trying
  /// again cannot help (an untrusted certificate).
  std::unique_ptr<HttpExchange> start(const HttpRequest& request, const std::stop_token& stop);
  /// The same, with the whole body; Errc::corrupt beyond 16 MiB.
  HttpResponse perform(const HttpRequest& request, const std::stop_token& stop);

 private:
  friend class HttpExchange;
  struct Connection;
  std::unique_ptr<Connection> borrow();
  void give_back(std::unique_ptr<Connection> connection) noexcept;

  HttpOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
};

}  // namespace dolibarr_backup
