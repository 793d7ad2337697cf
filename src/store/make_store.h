#pragma once

#include <memory>
#include <stop_token>

#include "base/progress.h"
#include "core/settings.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// The store of the settings. `progress` counts bytes that the store acknowledged;
/// both outlive the store. A requested stop ends transfers and retries with
/// Errc::interrupted, but for abort_upload, remove, put and a complete() that has
/// begun, so that cleaning up and the record of the interruption still go through.
std::unique_ptr<ObjectStore> make_store(const StoreSettings& settings, uint64_t upload_memory_bytes,
                                        Progress& progress, std::stop_token stop);

}  // namespace dolibarr_backup
