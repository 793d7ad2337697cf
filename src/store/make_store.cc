#include "store/make_store.h"

#include "base/error.h"
#include "store/directory_store.h"
#include "store/s3_store.h"

namespace dolibarr_backup {

std::unique_ptr<ObjectStore> make_store(const StoreSettings& settings, uint64_t upload_memory_bytes,
                                        Progress& progress, std::stop_token stop) {
  if (!settings.directory.empty())
    return std::make_unique<DirectoryStore>(settings.directory, progress, std::move(stop));
  if (settings.s3.bucket.empty())
    throw Error(Errc::config, "no store is set")
        .with_hint("set 'directory', or 'bucket' and its endpoint");
  return std::make_unique<S3Store>(settings, upload_memory_bytes, progress, std::move(stop));
}

}  // namespace dolibarr_backup
