#pragma once

#include <date/tz.h>

#include <string>

#include "base/units.h"

/// Days as a time zone has them. Pure, but that the system's time zone database is read.
namespace dolibarr_backup {

/// By its IANA name; Errc::config for one that is unknown.
const date::time_zone& zone_of(const std::string& name);

/// The local day of an instant. Errc::config for an unknown time zone.
date::local_days local_day(Instant instant, const std::string& time_zone);

}  // namespace dolibarr_backup
