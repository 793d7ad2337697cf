#include "support/faulty_store.h"

#include <gtest/gtest.h>

#include <set>

namespace dolibarr_backup {
namespace {

const Error kInjected(Errc::store, "injected");

/// Remembers what reached it.
class RecordingStore : public ObjectStore {
 public:
  std::vector<std::string> calls;

  std::string describe() const override { return "recording"; }
  void check_access(Access) override { calls.push_back("check_access"); }
  void put(const std::string& key, Bytes, Overwrite) override { calls.push_back("put " + key); }
  std::unique_ptr<Upload> start_upload(const std::string& key, const UploadOptions&) override {
    calls.push_back("start " + key);
    return std::make_unique<RecordingUpload>(*this);
  }
  std::unique_ptr<Source> open(const std::string& key, std::optional<ByteRange>) override {
    calls.push_back("open " + key);
    return nullptr;
  }
  std::optional<ObjectInfo> head(const std::string& key) override {
    calls.push_back("head " + key);
    return std::nullopt;
  }
  std::vector<ObjectInfo> list(const std::string& prefix) override {
    calls.push_back("list " + prefix);
    return {};
  }
  void remove(const std::string& key) override { calls.push_back("remove " + key); }
  std::vector<PendingUpload> list_uploads(const std::string& prefix) override {
    calls.push_back("list_uploads " + prefix);
    return {};
  }
  void abort_upload(const PendingUpload& upload) override {
    calls.push_back("abort " + upload.key);
  }

 private:
  class RecordingUpload : public Upload {
   public:
    explicit RecordingUpload(RecordingStore& store) : store_(store) {}
    ~RecordingUpload() override { store_.calls.push_back("end of upload"); }
    void write(Bytes) override { store_.calls.push_back("write"); }
    void flush() override { store_.calls.push_back("flush"); }
    void complete() override { store_.calls.push_back("complete"); }

   private:
    RecordingStore& store_;
  };
};

/// Calls everything once; returns the places, from 1, of what threw.
std::set<int> places_that_fail(FaultyStore& store) {
  std::set<int> failed;
  std::unique_ptr<Upload> upload;
  int place = 0;
  const auto attempt = [&](const std::function<void()>& operation) {
    ++place;
    try {
      operation();
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "injected");
      failed.insert(place);
    }
  };
  attempt([&] { store.check_access(Access::read); });
  attempt([&] { store.put("k", Bytes{}, Overwrite::no); });
  attempt([&] { upload = store.start_upload("k", {}); });
  for (const auto step : {0, 1, 2}) {
    attempt([&] {
      if (!upload) throw kInjected;
      if (step == 0) upload->write(Bytes{});
      if (step == 1) upload->flush();
      if (step == 2) upload->complete();
    });
  }
  attempt([&] { store.open("k", {}); });
  attempt([&] { store.head("k"); });
  attempt([&] { store.list("k"); });
  attempt([&] { store.remove("k"); });
  attempt([&] { store.list_uploads("k"); });
  attempt([&] { store.abort_upload({.key = "k"}); });
  return failed;
}

TEST(FaultyStore, forwards_everything_while_nothing_is_to_fail) {
  RecordingStore real;
  FaultyStore store(real);
  EXPECT_EQ(places_that_fail(store), std::set<int>{});
  EXPECT_EQ(store.operations(), 12);
  EXPECT_EQ(store.failed(), 0);
  EXPECT_EQ(real.calls,
            (std::vector<std::string>{"check_access", "put k", "start k", "write", "flush",
                                      "complete", "open k", "head k", "list k", "remove k",
                                      "list_uploads k", "abort k", "end of upload"}));
}

TEST(FaultyStore, fails_the_nth_operation_only_and_keeps_it_from_the_store) {
  for (int nth = 1; nth <= 12; ++nth) {
    if (nth == 3) continue;  // without an upload three more cannot be asked for
    RecordingStore real;
    FaultyStore store(real);
    store.fail_nth(nth, kInjected);
    EXPECT_EQ(places_that_fail(store), std::set<int>{nth});
    EXPECT_EQ(store.failed(), 1);
    EXPECT_EQ(real.calls.size(), 12U);  // eleven operations and the upload's end
  }
}

TEST(FaultyStore, fails_for_good_from_the_nth_on) {
  RecordingStore real;
  FaultyStore store(real);
  store.fail_from(5, kInjected);
  EXPECT_EQ(places_that_fail(store), (std::set<int>{5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(store.failed(), 8);
  EXPECT_EQ(real.calls, (std::vector<std::string>{"check_access", "put k", "start k", "write",
                                                  "end of upload"}));
}

}  // namespace
}  // namespace dolibarr_backup
