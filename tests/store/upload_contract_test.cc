#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "store/contract_stores.h"

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class UploadContract : public StoreContract {
 protected:
  /// Writes in pieces of odd size, as a compressor does.
  static void write(Upload& upload, std::string_view text, size_t piece = 77'777) {
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      upload.write(text.substr(0, piece));
  }
  std::unique_ptr<Upload> begin(const std::string& key) { return store().start_upload(key, {}); }
};

INSTANTIATE_TEST_SUITE_P(Stores, UploadContract, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(UploadContract, ALongStreamIsInvisibleUntilComplete) {
  const std::string content = random_text(40 * kMiB + 12'345, 2);
  std::unique_ptr<Upload> upload = begin("erp/prod/docs/long");
  write(*upload, content);
  EXPECT_THAT(keys(""), IsEmpty());
  upload->flush();
  EXPECT_THAT(keys(""), IsEmpty());
  EXPECT_EQ(store().head("erp/prod/docs/long"), std::nullopt);
  EXPECT_EQ(store().open("erp/prod/docs/long"), nullptr);
  EXPECT_EQ(progress_.stored_bytes, content.size());
  upload->complete();
  EXPECT_EQ(store().head("erp/prod/docs/long").value().size, content.size());
  upload.reset();
  EXPECT_TRUE(get("erp/prod/docs/long") == content);
  EXPECT_THAT(store().list_uploads(""), IsEmpty());
  const std::unique_ptr<Source> range =
      store().open("erp/prod/docs/long", ByteRange{.offset = 6 * kMiB - 10, .length = 20});
  EXPECT_EQ(read_all(*range, 100), content.substr(6 * kMiB - 10, 20));
}

TEST_P(UploadContract, LengthsAroundAPartComeBackWhole) {
  for (const uint64_t size :
       {uint64_t{0}, uint64_t{1}, 6 * kMiB - 1, 6 * kMiB, 6 * kMiB + 1, 12 * kMiB, 12 * kMiB + 1}) {
    const std::string key = fmt::format("sizes/{}", size);
    const std::string content = random_text(size, 3);
    std::unique_ptr<Upload> upload = begin(key);
    write(*upload, content, 1'000'003);
    upload->complete();
    EXPECT_TRUE(get(key) == content) << size;
  }
  EXPECT_EQ(keys("sizes/").size(), 7u);
  EXPECT_THAT(store().list_uploads(""), IsEmpty());
}

TEST_P(UploadContract, AShortStreamIsInvisibleUntilComplete) {
  std::unique_ptr<Upload> upload = begin("short");
  upload->write(std::string_view("a few bytes"));
  upload->flush();
  EXPECT_THAT(keys(""), IsEmpty());
  upload->complete();
  EXPECT_EQ(get("short"), "a few bytes");
  EXPECT_EQ(progress_.stored_bytes, 11u);
}

TEST_P(UploadContract, DestructionLeavesNothing) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{100}, 20 * kMiB}) {
    for (const bool flushed : {false, true}) {
      std::unique_ptr<Upload> upload = begin("erp/dropped");
      write(*upload, random_text(size, 4));
      if (flushed) upload->flush();
      upload.reset();
      EXPECT_THAT(store().list_uploads(""), IsEmpty()) << size;
      EXPECT_THAT(keys(""), IsEmpty()) << size;
    }
  }
}

TEST_P(UploadContract, AnUnfinishedUploadIsListedAndCanBeAborted) {
  const Instant before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::unique_ptr<Upload> upload = begin("erp/prod/docs/x");
  write(*upload, random_text(14 * kMiB, 5));
  std::unique_ptr<Upload> elsewhere = begin("erq/y");
  write(*elsewhere, random_text(14 * kMiB, 6));
  const std::vector<PendingUpload> found = store().list_uploads("erp/");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].key, "erp/prod/docs/x");
  EXPECT_GE(found[0].started, before - std::chrono::seconds(2));
  EXPECT_LE(found[0].started, before + std::chrono::minutes(1));
  EXPECT_EQ(store().list_uploads("").size(), 2u);

  Progress progress;
  const std::unique_ptr<ObjectStore> other = another(progress);
  other->abort_upload(found[0]);
  EXPECT_THAT(store().list_uploads("erp/"), IsEmpty());
  EXPECT_NO_THROW(other->abort_upload(found[0]));
  const Error error = error_of([&] { upload->complete(); });
  EXPECT_EQ(error.code(), Errc::store);
  upload.reset();
  EXPECT_THAT(keys(""), IsEmpty());
  elsewhere->complete();
  EXPECT_THAT(keys(""), ElementsAre("erq/y"));
}

TEST_P(UploadContract, ListsMoreUnfinishedUploadsThanOne) {
  std::vector<std::unique_ptr<Upload>> uploads;
  for (int number = 0; number < 3; ++number) {
    uploads.push_back(begin("same/key"));
    write(*uploads.back(), random_text(7 * kMiB, 7));
  }
  const std::vector<PendingUpload> found = store().list_uploads("same/key");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_NE(found[0].id, found[1].id);
  uploads.clear();
  EXPECT_THAT(store().list_uploads(""), IsEmpty());
}

TEST_P(UploadContract, NeverReplacesAnotherObject) {
  for (const uint64_t size : {uint64_t{10}, 13 * kMiB}) {
    const std::string key = fmt::format("taken/{}", size);
    std::unique_ptr<Upload> upload = begin(key);
    write(*upload, random_text(size, 8));
    put(key, "was first");
    const Error error = error_of([&] { upload->complete(); });
    EXPECT_EQ(error.code(), Errc::store);
    EXPECT_THAT(error.what(), HasSubstr("another object stands under '" + key + "'"));
    upload.reset();
    EXPECT_EQ(get(key), "was first");
    EXPECT_THAT(store().list_uploads(""), IsEmpty());
  }
}

TEST_P(UploadContract, SeveralUploadsAtOnce) {
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 3; ++thread)
    threads.emplace_back([this, thread] {
      const std::string content = random_text(15 * kMiB + thread, thread);
      std::unique_ptr<Upload> upload = begin(fmt::format("at-once/{}", thread));
      write(*upload, content);
      upload->complete();
      EXPECT_TRUE(get(fmt::format("at-once/{}", thread)) == content);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(keys("at-once/").size(), 3u);
}

TEST_P(UploadContract, AStopEndsTheUploadAndLeavesNothing) {
  Progress progress;
  std::stop_source stop;
  const std::unique_ptr<ObjectStore> stopped = another(progress, stop.get_token());
  std::unique_ptr<Upload> upload = stopped->start_upload("erp/stopped", {});
  write(*upload, random_text(20 * kMiB, 9));
  stop.request_stop();
  EXPECT_EQ(error_of([&] { upload->write(std::string_view("more")); }).code(), Errc::interrupted);
  EXPECT_EQ(error_of([&] { upload->complete(); }).code(), Errc::interrupted);
  upload.reset();
  EXPECT_THAT(store().list_uploads(""), IsEmpty());
  EXPECT_THAT(keys(""), IsEmpty());
}

TEST_P(UploadContract, MisuseIsABug) {
  std::unique_ptr<Upload> upload = begin("once");
  upload->write(std::string_view("x"));
  upload->flush();
  EXPECT_EQ(error_of([&] { upload->write(std::string_view("y")); }).code(), Errc::bug);
  upload->complete();
  EXPECT_EQ(error_of([&] { upload->complete(); }).code(), Errc::bug);
  EXPECT_EQ(get("once"), "x");
}

TEST_P(UploadContract, TheExpectedLengthOnlySizesTheParts) {
  const std::string content = random_text(9 * kMiB, 10);
  std::unique_ptr<Upload> upload = store().start_upload("huge", {.expected_bytes = 100 * kGiB});
  write(*upload, content);
  upload->complete();
  EXPECT_TRUE(get("huge") == content);
}

}  // namespace
}  // namespace dolibarr_backup
