#pragma once

#include <stop_token>

#include "base/error.h"

namespace dolibarr_backup {

/// Long loops call this: it throws Errc::interrupted once a stop was requested.
inline void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(Errc::interrupted, "interrupted");
}

}  // namespace dolibarr_backup
