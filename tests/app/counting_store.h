#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "app/hooked_store.h"

namespace dolibarr_backup {

/// Forwards to a real store, which outlives it, and counts what is read of it.
class CountingStore : public HookedStore {
 public:
  explicit CountingStore(ObjectStore& store) : HookedStore(store, [](const std::string&) {}) {}

  std::unique_ptr<Source> open(const std::string& key, std::optional<ByteRange> range) override {
    ++requests;
    std::unique_ptr<Source> source = HookedStore::open(key, range);
    if (!source) return nullptr;
    return std::make_unique<Counted>(std::move(source), bytes);
  }
  std::optional<ObjectInfo> head(const std::string& key) override {
    ++requests;
    return HookedStore::head(key);
  }
  std::vector<ObjectInfo> list(const std::string& prefix) override {
    ++requests;
    return HookedStore::list(prefix);
  }

  std::atomic<uint64_t> requests{0}, bytes{0};

 private:
  class Counted : public Source {
   public:
    Counted(std::unique_ptr<Source> source, std::atomic<uint64_t>& bytes)
        : source_(std::move(source)), bytes_(bytes) {}
    size_t read(MutableBytes buffer) override {
      const size_t got = source_->read(buffer);
      bytes_ += got;
      return got;
    }

   private:
    std::unique_ptr<Source> source_;
    std::atomic<uint64_t>& bytes_;
  };
};

}  // namespace dolibarr_backup
