#include "web/deadline_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace dolibarr_backup {
namespace {

constexpr std::chrono::seconds kReadTime{10}, kWriteTime{10};
constexpr std::chrono::milliseconds kFinishTime{500}, kStep{200};
constexpr size_t kGreatestRequest = 32 * 1024;
constexpr size_t kGreatestRest = 1024 * 1024;

}  // namespace

DeadlineStream::DeadlineStream(socket_t socket, std::stop_token stop)
    : socket_(socket), stop_(std::move(stop)), read_until_(Clock::now() + kReadTime) {}

DeadlineStream::~DeadlineStream() {
  ::close(socket_);
}

bool DeadlineStream::wait(short events, Clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd polled{socket_, events, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// In steps, to see a stop.
bool DeadlineStream::wait_to_read() const {
  while (!stop_.stop_requested() && Clock::now() < read_until_)
    if (wait(POLLIN, std::min(read_until_, Clock::now() + kStep))) return true;
  return false;
}

bool DeadlineStream::is_readable() const {
  return begin_ < end_ || wait_to_read();
}

bool DeadlineStream::is_writable() const {
  return wait(POLLOUT, writing_ ? write_until_ : Clock::now() + kWriteTime);
}

ssize_t DeadlineStream::read(char* bytes, size_t size) {
  if (begin_ == end_) {
    if (received_ >= kGreatestRequest || !wait_to_read()) return -1;
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) return got;
    begin_ = 0;
    end_ = static_cast<size_t>(got);
    received_ += end_;
  }
  const size_t count = std::min(size, end_ - begin_);
  std::memcpy(bytes, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t DeadlineStream::write(const char* bytes, size_t size) {
  if (!writing_) write_until_ = Clock::now() + kWriteTime;
  writing_ = true;
  size_t written = 0;
  while (written < size) {
    if (!wait(POLLOUT, write_until_)) return -1;
    const ssize_t sent =
        ::send(socket_, bytes + written, size - written, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (sent > 0) written += static_cast<size_t>(sent);
  }
  return static_cast<ssize_t>(written);
}

void DeadlineStream::finish() {
  ::shutdown(socket_, SHUT_WR);
  const Clock::time_point until = Clock::now() + kFinishTime;
  for (size_t rest = 0; rest < kGreatestRest && wait(POLLIN, until);) {
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    rest += static_cast<size_t>(got);
  }
}

void DeadlineStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void DeadlineStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace dolibarr_backup
