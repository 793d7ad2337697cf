#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/object_keys.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// A half of a Dolibarr that is there.
struct DiscoveredHalf {
  Half half = Half::db;
  std::string place;        ///< "erp on db.internal:5432", "/srv/erp/documents"
  std::string sign;         ///< what tells that it is a Dolibarr's
  std::string environment;  ///< that backs it up; "": nobody does
};

struct Discovery {
  std::vector<DiscoveredHalf> halves;
  std::vector<std::string> untold;  ///< what could not be looked at, sentences

  size_t not_enrolled() const;  ///< halves that nobody backs up
};

/// Compares what exists on the servers and beside the folders of the settings with what is
/// enrolled. Of environments in a cluster the server stands in `untold`. Only reads;
/// Errc::interrupted.
Discovery discover(const std::vector<EnvironmentSettings>& environments,
                   const std::stop_token& stop);

}  // namespace dolibarr_backup
