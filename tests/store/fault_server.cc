#include "store/fault_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/error.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

constexpr char kTlsHandshake = 0x16;

// False when the client has gone.
bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool receive_more(int fd, std::string& text) {
  char buffer[65536];
  const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
  if (count > 0) text.append(buffer, static_cast<size_t>(count));
  return count > 0;
}

FaultRequest parse_head(std::string_view head) {
  FaultRequest request;
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const size_t first = line.find(' ');
  const size_t second = line.rfind(' ');
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  for (size_t at = line.size() + 2; at < head.size();) {
    const size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view field = head.substr(at, end - at);
    std::string name(field.substr(0, field.find(':')));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = trim(field.substr(field.find(':') + 1));
    at = end + 2;
  }
  return request;
}

std::optional<FaultRequest> receive_request(int fd) {
  std::string text;
  size_t head_end = std::string::npos;
  while ((head_end = text.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_more(fd, text)) return std::nullopt;
    if (text[0] != kTlsHandshake) continue;
    send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");  // as servers answer TLS on a plain port
    return std::nullopt;
  }
  FaultRequest request = parse_head(std::string_view(text).substr(0, head_end));
  request.body = text.substr(head_end + 4);
  if (request.headers.count("expect")) send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n");
  const auto length = request.headers.find("content-length");
  const size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
  while (request.body.size() < size)
    if (!receive_more(fd, request.body)) return std::nullopt;
  return request;
}

void wait_until_client_gives_up(int fd) {
  std::string ignored;
  while (receive_more(fd, ignored)) ignored.clear();
}

// A close that discards what is unsent and tells the client so.
void reset_connection(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

FaultServer::FaultServer(Handler handler)
    : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0)
    throw Error(Errc::store, "no server socket: " + errno_text(errno));
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_connections(); });
}

FaultServer::~FaultServer() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

StoreSettings FaultServer::settings(int retries) const {
  StoreSettings settings;
  settings.s3.bucket = "bucket";
  settings.s3.endpoint = fmt::format("http://127.0.0.1:{}", port_);
  settings.s3.access_key_id = "id";
  settings.s3.secret_access_key = Secret("a test's secret");
  settings.stall_timeout = std::chrono::seconds(1);
  settings.retries = retries;
  return settings;
}

std::vector<FaultRequest> FaultServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

void FaultServer::accept_connections() {
  while (true) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    std::lock_guard lock(mutex_);
    if (ending_ || fd < 0) {
      if (fd >= 0) ::close(fd);
      return;
    }
    open_.push_back(fd);
    connections_.emplace_back([this, fd] { serve(fd); });
  }
}

void FaultServer::serve(int fd) {
  if (std::optional<FaultRequest> request = receive_request(fd)) {
    FaultAnswer answer;
    {
      std::lock_guard lock(mutex_);
      answer = handler_(*request);
      if (request->method == "HEAD") answer.body_sent = 0;
      requests_.push_back(std::move(*request));
    }
    send_answer(fd, answer);
    if (answer.then == FaultAnswer::Then::stall) wait_until_client_gives_up(fd);
    if (answer.then == FaultAnswer::Then::reset) reset_connection(fd);
  }
  std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

void FaultServer::send_answer(int fd, const FaultAnswer& answer) {
  if (answer.delay.count() > 0) std::this_thread::sleep_for(answer.delay);
  if (!answer.head_sent) return;
  std::string head = fmt::format("HTTP/1.1 {} Answer\r\nConnection: close\r\n", answer.status);
  for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
  if (answer.status != 204) head += fmt::format("Content-Length: {}\r\n", answer.body.size());
  if (send_all(fd, head + "\r\n"))
    send_all(fd,
             std::string_view(answer.body).substr(0, answer.body_sent.value_or(std::string::npos)));
}

FaultAnswer s3_failure(int status, const std::string& code,
                       std::map<std::string, std::string> headers) {
  return {.status = status,
          .headers = std::move(headers),
          .body = "<?xml version=\"1.0\"?><Error><Code>" + code +
                  "</Code><Message>as told</Message></Error>"};
}

}  // namespace dolibarr_backup
