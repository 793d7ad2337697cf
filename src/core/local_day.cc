#include "core/local_day.h"

#include <stdexcept>

#include "base/error.h"

namespace dolibarr_backup {

const date::time_zone& zone_of(const std::string& name) {
  try {
    return *date::locate_zone(name);
  } catch (const std::runtime_error&) {
    throw Error(Errc::config, "unknown time zone '" + name + "'")
        .with_hint("use an IANA name such as Europe/Paris; is the package tzdata installed?");
  }
}

date::local_days local_day(Instant instant, const std::string& time_zone) {
  return date::floor<date::days>(zone_of(time_zone).to_local(instant));
}

}  // namespace dolibarr_backup
