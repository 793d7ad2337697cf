#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <stop_token>

namespace dolibarr_backup {

/// One connection: what is read has a time and a size that end it, and so has what is
/// written, however the bytes drip. Owns the socket.
class DeadlineStream : public httplib::Stream {
 public:
  /// A stop ends what is being read, not what is being written.
  DeadlineStream(socket_t socket, std::stop_token stop);
  ~DeadlineStream() override;
  DeadlineStream(const DeadlineStream&) = delete;
  DeadlineStream& operator=(const DeadlineStream&) = delete;

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* bytes, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

  /// Tells the other side that all was written, and takes what it still sends, for a
  /// moment: a socket closed over unread bytes would take the answer back.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool wait(short events, Clock::time_point until) const;

  bool wait_to_read() const;

  socket_t socket_;
  std::stop_token stop_;
  Clock::time_point read_until_;
  Clock::time_point write_until_;  ///< once something is written
  bool writing_ = false;
  size_t received_ = 0;
  std::array<char, 4096> buffer_;
  size_t begin_ = 0, end_ = 0;
};

}  // namespace dolibarr_backup
