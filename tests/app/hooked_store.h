#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "store/object_store.h"

namespace dolibarr_backup {

/// Forwards to a real store and calls `on_flush(key)` after an upload's bytes are
/// all in it: the moment between capture and judgement, which no test could hit
/// by luck.
class HookedStore : public ObjectStore {
 public:
  HookedStore(ObjectStore& store, std::function<void(const std::string&)> on_flush)
      : store_(store), on_flush_(std::move(on_flush)) {}

  std::string describe() const override { return store_.describe(); }
  void check_access(Access access) override { store_.check_access(access); }
  void put(const std::string& key, Bytes content, Overwrite overwrite) override {
    store_.put(key, content, overwrite);
  }
  std::unique_ptr<Upload> start_upload(const std::string& key,
                                       const UploadOptions& options) override {
    return std::make_unique<Hooked>(store_.start_upload(key, options), key, on_flush_,
                                    after_complete);
  }
  std::unique_ptr<Source> open(const std::string& key, std::optional<ByteRange> range) override {
    if (before_open) before_open(key);
    return store_.open(key, range);
  }
  std::optional<ObjectInfo> head(const std::string& key) override { return store_.head(key); }
  std::vector<ObjectInfo> list(const std::string& prefix) override { return store_.list(prefix); }
  void remove(const std::string& key) override { store_.remove(key); }
  std::vector<PendingUpload> list_uploads(const std::string& prefix) override {
    return store_.list_uploads(prefix);
  }
  void abort_upload(const PendingUpload& upload) override { store_.abort_upload(upload); }

  /// Called with the key once an upload's object is in the store.
  std::function<void(const std::string&)> after_complete;
  /// Called with the key before an object is read.
  std::function<void(const std::string&)> before_open;

 private:
  class Hooked : public Upload {
   public:
    Hooked(std::unique_ptr<Upload> upload, std::string key,
           const std::function<void(const std::string&)>& on_flush,
           const std::function<void(const std::string&)>& after_complete)
        : upload_(std::move(upload)),
          key_(std::move(key)),
          on_flush_(on_flush),
          after_complete_(after_complete) {}
    void write(Bytes bytes) override { upload_->write(bytes); }
    void flush() override {
      upload_->flush();
      on_flush_(key_);
    }
    void complete() override {
      upload_->complete();
      if (after_complete_) after_complete_(key_);
    }

   private:
    std::unique_ptr<Upload> upload_;
    std::string key_;
    const std::function<void(const std::string&)>& on_flush_;
    const std::function<void(const std::string&)>& after_complete_;
  };
  ObjectStore& store_;
  std::function<void(const std::string&)> on_flush_;
};

}  // namespace dolibarr_backup
