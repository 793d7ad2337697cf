#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace dolibarr_backup {

/// A TCP port in front of a unix socket that hangs up on the first connections: what a
/// server does that is just starting, which the real one cannot be made to do on demand.
class DroppingProxy {
 public:
  DroppingProxy(std::string socket_path, int drop) : target_(std::move(socket_path)), drop_(drop) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length);
    ::listen(listener_.get(), 8);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }

  int port() const { return port_; }
  int dropped() const { return dropped_; }

 private:
  void serve(const std::stop_token& stop) {
    std::vector<std::jthread> sessions;
    while (!stop.stop_requested()) {
      pollfd waiting{listener_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) continue;
      if (dropped_ < drop_) {
        ++dropped_;
        continue;  // closed
      }
      sessions.emplace_back(
          [this, fd = std::move(client)](const std::stop_token& ended) { relay(fd.get(), ended); });
    }
  }

  void relay(int client, const std::stop_token& stop) const {
    const UniqueFd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, target_.c_str(), sizeof address.sun_path - 1);
    if (::connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
    char buffer[65536];
    while (!stop.stop_requested()) {
      pollfd ends[] = {{client, POLLIN, 0}, {server.get(), POLLIN, 0}};
      if (::poll(ends, 2, 50) <= 0) continue;
      for (int from = 0; from < 2; ++from) {
        if (ends[from].revents == 0) continue;
        const ssize_t got = ::read(ends[from].fd, buffer, sizeof buffer);
        if (got <= 0 || ::write(ends[1 - from].fd, buffer, static_cast<size_t>(got)) != got) return;
      }
    }
  }

  std::string target_;
  const int drop_;
  std::atomic<int> dropped_{0};
  int port_ = 0;
  UniqueFd listener_;
  std::jthread thread_;  // last: ends first
};

}  // namespace dolibarr_backup
