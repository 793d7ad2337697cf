#include "store/object_store.h"

#include "base/error.h"

namespace dolibarr_backup {

std::optional<std::string> get_object(ObjectStore& store, const std::string& key,
                                      uint64_t limit_bytes) {
  const std::unique_ptr<Source> source = store.open(key);
  if (!source) return std::nullopt;
  return with_context("while reading '" + key + "'",
                      [&] { return read_all(*source, limit_bytes); });
}

}  // namespace dolibarr_backup
