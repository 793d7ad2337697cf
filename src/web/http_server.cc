#include "web/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "web/deadline_stream.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kThreads = 16;
constexpr size_t kAccepted = 2 * kThreads;  // being answered, or waiting for a thread

/// Threads, and no more accepted connections than kAccepted: enqueue() waits, and with it the
/// loop that accepts.
class BoundedPool : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override {
    free_.acquire();
    pool_.enqueue([this, task = std::move(task)] {
      task();
      free_.release();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  std::counting_semaphore<kAccepted> free_{kAccepted};
  httplib::ThreadPool pool_{kThreads};
};

// httplib's own options would let a second server listen on the same port.
void set_listen_options(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

PageRequest request_of(const httplib::Request& received) {
  PageRequest request{.method = received.method,
                      .path = received.path,
                      .authorization = received.get_header_value("Authorization"),
                      .host = received.get_header_value("Host"),
                      .accept_language = received.get_header_value("Accept-Language")};
  for (const auto& [name, value] : received.params) request.query.emplace(name, value);
  return request;
}

void put(const PageResponse& response, httplib::Response& out) {
  out.status = response.status;
  static constexpr std::pair<const char*, const char*> kAlways[] = {
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cache-Control", "no-store"}};
  for (const auto& [name, value] : kAlways) out.set_header(name, value);
  for (const auto& [name, value] : response.headers) out.set_header(name, value);
  out.set_content(response.body, response.type);
}

}  // namespace

/// httplib parses and writes; the connection, with its limits, is ours.
class HttpServer::Listener : public httplib::Server {
 public:
  explicit Listener(std::function<PageResponse(const PageRequest&)> answer) {
    new_task_queue = [] { return new BoundedPool; };
    set_socket_options(set_listen_options);
    // After a returned 417 httplib would answer a second time.
    set_expect_100_continue_handler([](const auto&, httplib::Response& response) {
      response.status = 417;
      return 0;
    });
    // Before httplib would read a body or choose by the method.
    set_pre_routing_handler(
        [answer = std::move(answer)](const httplib::Request& request, httplib::Response& response) {
          try {
            put(answer(request_of(request)), response);
          } catch (const std::exception& error) {
            log::error("{} {}: {}", request.method, request.path, error.what());
            put({.status = 500, .body = "internal error; see the log\n"}, response);
          }
          return HandlerResponse::Handled;
        });
  }

  std::stop_token stop_token_;  ///< set before it listens

 private:
  bool process_and_close_socket(socket_t socket) override {
    DeadlineStream stream(socket, stop_token_);
    bool closed = false;
    // Ranges, which may overlap, would make httplib send a page many times over.
    const auto without_ranges = [](httplib::Request& request) { request.ranges.clear(); };
    const bool answered = process_request(stream, true, closed, without_ranges);
    stream.finish();
    return answered;
  }
};

HttpServer::HttpServer(ListenAddress address,
                       std::function<PageResponse(const PageRequest&)> answer)
    : address_(std::move(address)), listener_(std::make_unique<Listener>(std::move(answer))) {
  errno = 0;  // stays so where a name has no address
  int port = address_.port;
  if (port == 0)
    port = listener_->bind_to_any_port(address_.host);
  else if (!listener_->bind_to_port(address_.host, port))
    port = -1;
  const int failed = errno;
  if (port <= 0)
    throw Error(Errc::usage, "cannot listen on " + address_.url() + ": " +
                                 (failed != 0 ? errno_text(failed) : "no such address"))
        .with_hint("choose another address with --listen HOST:PORT");
  address_.port = port;
}

HttpServer::~HttpServer() = default;

void HttpServer::run(const std::stop_token& stop) {
  listener_->stop_token_ = stop;
  std::atomic<bool> ended = false;
  std::thread closer([&] {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any woken;
    // httplib ignores a stop() that comes before it has begun.
    while (!ended) {
      woken.wait_for(lock, stop, std::chrono::milliseconds(200), [&] { return ended.load(); });
      if (stop.stop_requested() && !ended) {
        listener_->stop();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
  });
  const bool listened = listener_->listen_after_bind();
  ended = true;
  closer.join();
  if (!listened && !stop.stop_requested())
    throw Error(Errc::usage, "the server on " + address_.url() + " ended by itself");
}

bool ListenAddress::loopback() const {
  in_addr four{};
  in6_addr six{};
  if (host == "localhost") return true;
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

std::string ListenAddress::url() const {
  return host.find(':') == std::string::npos ? fmt::format("http://{}:{}/", host, port)
                                             : fmt::format("http://[{}]:{}/", host, port);
}

ListenAddress parse_listen_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  ListenAddress address;
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
      address.host = address.host.substr(1, address.host.size() - 2);
    else if (address.host.find(':') != std::string::npos)
      address.host.clear();
    const char* begin = text.data() + colon + 1;
    const char* end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(begin, end, address.port);
    if (!address.host.empty() && error == std::errc() && parsed == end && begin != end &&
        address.port >= 0 && address.port <= 65535)
      return address;
  }
  throw Error(Errc::usage, "'" + text + "' is no address to listen on")
      .with_hint("write HOST:PORT, e.g. 127.0.0.1:8790 or [::1]:8790");
}

}  // namespace dolibarr_backup
