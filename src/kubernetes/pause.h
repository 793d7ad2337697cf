#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/stop.h"

namespace dolibarr_backup {

/// Sleeps; throws Errc::interrupted when stopped.
inline void pause(std::chrono::seconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, duration, [] { return false; });
  throw_if_stopped(stop);
}

}  // namespace dolibarr_backup
