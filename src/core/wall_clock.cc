#include "core/wall_clock.h"

#include <date/tz.h>

#include "core/local_day.h"

namespace dolibarr_backup {

std::vector<int64_t> unix_times_of(int64_t wall_seconds, const std::string& time_zone) {
  const date::local_seconds local{std::chrono::seconds(wall_seconds)};
  const date::local_info info = zone_of(time_zone).get_info(local);
  const int64_t first = wall_seconds - info.first.offset.count();
  // A skipped hour is read with the offset before it, which is info.first's.
  if (info.result != date::local_info::ambiguous) return {first};
  return {first, wall_seconds - info.second.offset.count()};
}

std::vector<std::string> known_time_zones() {
  std::vector<std::string> names = {"UTC",           "Europe/Paris",  "Europe/Brussels",
                                    "Europe/Zurich", "Europe/Berlin", "Europe/Madrid",
                                    "Europe/Rome",   "Europe/London", "America/Montreal"};
  for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  return names;
}

}  // namespace dolibarr_backup
