#pragma once

#include <chrono>
#include <memory>
#include <stop_token>

#include "app/catalog.h"
#include "app/containment.h"
#include "base/progress.h"
#include "core/settings.h"
#include "store/make_store.h"

namespace dolibarr_backup {

/// What every command needs to work on one environment. `settings` outlives it.
struct Session {
  Session(const EnvironmentSettings& settings, const std::stop_source& stop_source)
      : environment(settings),
        stop(stop_source.get_token()),
        store(make_store(settings.store, settings.upload_memory_bytes, progress, stop)) {
    if (settings.in_cluster)
      throw Error(Errc::bug, "'" + settings.name + "' is in a cluster and was to run here");
    require_store_apart(settings);
  }
  Catalog catalog() { return {*store, KeySpace(environment.prefix), stop}; }

  const EnvironmentSettings& environment;
  Progress progress;
  std::stop_token stop;
  std::unique_ptr<ObjectStore> store;
};

/// The wall clock, in whole seconds.
inline Instant now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace dolibarr_backup
