#include "support/faulty_store.h"

#include <utility>

namespace dolibarr_backup {

class FaultyStore::FaultyUpload : public Upload {
 public:
  FaultyUpload(FaultyStore& store, std::unique_ptr<Upload> upload)
      : store_(store), upload_(std::move(upload)) {}
  void write(Bytes bytes) override {
    store_.count();
    upload_->write(bytes);
  }
  void flush() override {
    store_.count();
    upload_->flush();
  }
  void complete() override {
    store_.count();
    upload_->complete();
  }

 private:
  FaultyStore& store_;
  std::unique_ptr<Upload> upload_;
};

void FaultyStore::set_fault(int first, bool for_good, Error error) {
  const std::lock_guard lock(mutex_);
  first_ = first;
  for_good_ = for_good;
  error_ = std::move(error);
}

void FaultyStore::fail_nth(int n, Error error) {
  set_fault(n, false, std::move(error));
}

void FaultyStore::fail_from(int n, Error error) {
  set_fault(n, true, std::move(error));
}

int FaultyStore::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

int FaultyStore::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void FaultyStore::count() {
  const std::lock_guard lock(mutex_);
  ++operations_;
  if (!error_ || operations_ < first_ || (operations_ > first_ && !for_good_)) return;
  ++failed_;
  throw Error(*error_);  // a copy: whoever catches it adds context
}

void FaultyStore::check_access(Access access) {
  count();
  store_.check_access(access);
}

void FaultyStore::put(const std::string& key, Bytes content, Overwrite overwrite) {
  count();
  store_.put(key, content, overwrite);
}

std::unique_ptr<Upload> FaultyStore::start_upload(const std::string& key,
                                                  const UploadOptions& options) {
  count();
  return std::make_unique<FaultyUpload>(*this, store_.start_upload(key, options));
}

std::unique_ptr<Source> FaultyStore::open(const std::string& key, std::optional<ByteRange> range) {
  count();
  return store_.open(key, range);
}

std::optional<ObjectInfo> FaultyStore::head(const std::string& key) {
  count();
  return store_.head(key);
}

std::vector<ObjectInfo> FaultyStore::list(const std::string& prefix) {
  count();
  return store_.list(prefix);
}

void FaultyStore::remove(const std::string& key) {
  count();
  store_.remove(key);
}

std::vector<PendingUpload> FaultyStore::list_uploads(const std::string& prefix) {
  count();
  return store_.list_uploads(prefix);
}

void FaultyStore::abort_upload(const PendingUpload& upload) {
  count();
  store_.abort_upload(upload);
}

}  // namespace dolibarr_backup
