#pragma once

#include <stop_token>
#include <thread>

#include "base/unique_fd.h"

namespace dolibarr_backup {

/// Turns the first SIGINT, SIGTERM or SIGHUP into a stop request; a second one,
/// a second or more after it, ends the process at once. Construct it before any other thread
/// exists: the signals are blocked in every thread made afterwards.
class SignalWatch {
 public:
  explicit SignalWatch(std::stop_source& stop);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  UniqueFd signals_;  ///< readable when one came
  UniqueFd ended_;    ///< readable when the watch ends
  std::thread thread_;
};

}  // namespace dolibarr_backup
