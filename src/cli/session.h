#pragma once

#include <chrono>
#include <memory>
#include <stop_token>

#include "app/catalog.h"
#include "app/containment.h"
#include "base/progress.h"
#include "core/settings.h"
#include "kubernetes/cluster_store.h"
#include "store/make_store.h"

namespace dolibarr_backup {

/// What every command needs to work on one environment: its store, also of one in a cluster, whose
/// sources are out of reach here. `settings` outlives it.
struct Session {
  Session(const EnvironmentSettings& settings, const std::stop_source& stop_source)
      : environment(settings),
        stop(stop_source.get_token()),
        place(settings.in_cluster ? fetch_store(settings, stop)
                                  : StoreFromHere{settings.store, {}}),
        store(make_store(place.settings, settings.upload_memory_bytes, progress, stop)) {
    require_store_apart(settings);
  }
  Catalog catalog() { return {*store, KeySpace(environment.prefix), stop}; }

  const EnvironmentSettings& environment;
  Progress progress;
  std::stop_token stop;
  StoreFromHere place;
  std::unique_ptr<ObjectStore> store;
};

/// The wall clock, in whole seconds.
inline Instant now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace dolibarr_backup
