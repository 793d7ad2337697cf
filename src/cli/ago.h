#pragma once

#include <fmt/format.h>

#include <string>

#include "base/units.h"

namespace dolibarr_backup {

/// "3 h 05 min ago"; "in the future, by 3 h 05 min" of what a wrong clock dated.
inline std::string format_ago(Instant now, Instant then) {
  if (then > now) return "in the future, by " + format_duration(then - now);
  return format_duration(now - then) + " ago";
}

}  // namespace dolibarr_backup
