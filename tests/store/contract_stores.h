#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "store/error_of.h"
#include "store/make_store.h"

/// The stores that the contract suite runs against, and what its cases share.
namespace dolibarr_backup {

struct StoreKind {
  std::string name;
  /// Settings of a fresh, empty store; it lives until the process ends.
  std::function<StoreSettings()> fresh;
  /// Whether put() can tell that a key is taken.
  bool tells_taken_keys = true;
};

inline std::ostream& operator<<(std::ostream& out, const StoreKind& kind) {
  return out << kind.name;
}

/// Every store that there is.
const std::vector<StoreKind>& store_kinds();

/// A fresh store per case.
class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  static constexpr uint64_t kUploadMemory = 24 * kMiB;

  ObjectStore& store() { return *store_; }
  /// A second client of the same store, as another process would be.
  std::unique_ptr<ObjectStore> another(Progress& progress, std::stop_token stop = {}) const {
    return make_store(settings_, kUploadMemory, progress, std::move(stop));
  }
  void put(const std::string& key, std::string_view content) {
    store_->put(key, as_bytes(content), Overwrite::yes);
  }
  std::string get(const std::string& key) {
    return get_object(*store_, key, 64 * kMiB).value_or("(nothing)");
  }
  std::vector<std::string> keys(const std::string& prefix) {
    std::vector<std::string> keys;
    for (const ObjectInfo& object : store_->list(prefix)) keys.push_back(object.key);
    return keys;
  }

  StoreSettings settings_ = GetParam().fresh();
  Progress progress_;
  std::unique_ptr<ObjectStore> store_ = make_store(settings_, kUploadMemory, progress_, {});
};

/// `size` bytes that do not repeat, the same for the same seed.
std::string random_text(size_t size, unsigned seed);

inline std::string kind_name(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

}  // namespace dolibarr_backup
