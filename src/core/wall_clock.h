#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Time stamps that a database holds without a zone, as PHP reads them. Pure, but that the
/// system's time zone database is read.
namespace dolibarr_backup {

/// The Unix times that clocks of `time_zone` showed as this wall-clock time. `wall_seconds`
/// is it as if it were UTC. Usually one; two, the earlier first, in the hour that a change
/// of clocks repeats; where it skips one, the time that PHP moves it to.
/// Throws Errc::config for an unknown zone.
std::vector<int64_t> unix_times_of(int64_t wall_seconds, const std::string& time_zone);

/// Every zone that the system knows, those that Dolibarr's users are likely to use first.
std::vector<std::string> known_time_zones();

}  // namespace dolibarr_backup
