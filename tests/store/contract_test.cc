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

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::ValuesIn(store_kinds()), kind_name);

std::string read_range(ObjectStore& store, const std::string& key, ByteRange range) {
  const std::unique_ptr<Source> source = store.open(key, range);
  return source ? read_all(*source, kMiB) : "(nothing)";
}

TEST_P(StoreContract, GrantsAccess) {
  EXPECT_NO_THROW(store().check_access(Access::read));
  EXPECT_NO_THROW(store().check_access(Access::write));
  EXPECT_THAT(store().list(""), IsEmpty());
  EXPECT_THAT(store().list_uploads(""), IsEmpty());
}

TEST_P(StoreContract, GivesBackWhatWasPut) {
  const std::string content = random_text(300'000, 1);
  put("erp/prod/runs/one.json", content);
  EXPECT_TRUE(get("erp/prod/runs/one.json") == content);
  EXPECT_EQ(progress_.stored_bytes, content.size());
}

TEST_P(StoreContract, KeepsAnObjectWithoutBytes) {
  put("empty", "");
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(store().head("empty").value().size, 0u);
  EXPECT_EQ(read_range(store(), "empty", {.offset = 0, .length = 0}), "");
}

TEST_P(StoreContract, AnswersForWhatIsNotThere) {
  put("erp/there", "x");
  EXPECT_EQ(store().open("erp/absent"), nullptr);
  EXPECT_EQ(store().open("erp"), nullptr);
  EXPECT_EQ(store().open("erp/there/below"), nullptr);
  EXPECT_EQ(store().open("absent/entirely", ByteRange{.offset = 0, .length = 1}), nullptr);
  EXPECT_EQ(store().open("absent", ByteRange{.offset = 0, .length = 0}), nullptr);
  EXPECT_EQ(store().head("erp/absent"), std::nullopt);
  EXPECT_EQ(store().head("erp"), std::nullopt);
  EXPECT_EQ(store().head("erp/there/below"), std::nullopt);
  EXPECT_NO_THROW(store().remove("erp/absent"));
  EXPECT_NO_THROW(store().remove("erp"));
  EXPECT_NO_THROW(store().remove("erp/there/below"));
  EXPECT_EQ(get("erp/there"), "x");
  EXPECT_THAT(store().list("absent/"), IsEmpty());
}

TEST_P(StoreContract, TellsSizeAndTime) {
  const Instant before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  put("a/b", "12345");
  const ObjectInfo info = store().head("a/b").value();
  EXPECT_EQ(info.key, "a/b");
  EXPECT_EQ(info.size, 5u);
  EXPECT_GE(info.modified, before - std::chrono::seconds(2));
  EXPECT_LE(info.modified, before + std::chrono::minutes(1));
  EXPECT_THAT(store().list(""), ElementsAre(info));
}

TEST_P(StoreContract, ReadsRanges) {
  put("digits", "0123456789");
  EXPECT_EQ(read_range(store(), "digits", {.offset = 0, .length = 1}), "0");
  EXPECT_EQ(read_range(store(), "digits", {.offset = 3, .length = 4}), "3456");
  EXPECT_EQ(read_range(store(), "digits", {.offset = 9, .length = 1}), "9");
  EXPECT_EQ(read_range(store(), "digits", {.offset = 0, .length = 10}), "0123456789");
  EXPECT_EQ(read_range(store(), "digits", {.offset = 4, .length = 0}), "");
}

TEST_P(StoreContract, ARangeBeyondTheEndIsCorruption) {
  put("digits", "0123456789");
  for (const ByteRange range :
       {ByteRange{.offset = 5, .length = 6}, ByteRange{.offset = 10, .length = 1},
        ByteRange{.offset = 900, .length = 9}})
    EXPECT_EQ(error_of([&] { read_range(store(), "digits", range); }).code(), Errc::corrupt)
        << range.offset;
}

TEST_P(StoreContract, ListsByPrefixInByteOrder) {
  for (const char* key :
       {"erp/b", "erp/a/z", "erp/a", "erq", "erp-x/1", "erp/B", "erp/é", "erp/a.b"})
    if (GetParam().name != "directory" || std::string(key) != "erp/a") put(key, "x");
  std::vector<std::string> all = {"erp-x/1", "erp/B", "erp/a", "erp/a.b",
                                  "erp/a/z", "erp/b", "erp/é", "erq"};
  // In a directory "erp/a" cannot be both an object and a folder.
  if (GetParam().name == "directory") std::erase(all, "erp/a");
  EXPECT_EQ(keys(""), all);
  EXPECT_EQ(keys("er"), all);
  EXPECT_THAT(keys("erp/a/"), ElementsAre("erp/a/z"));
  EXPECT_THAT(keys("erp-"), ElementsAre("erp-x/1"));
  EXPECT_THAT(keys("erp/é"), ElementsAre("erp/é"));
  EXPECT_THAT(keys("erp/a."), ElementsAre("erp/a.b"));
  EXPECT_THAT(keys("erp/a/zz"), IsEmpty());
}

TEST_P(StoreContract, ListsMoreThanOnePage) {
  constexpr int kObjects = 1100;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([this, writer] {
      for (int number = writer; number < kObjects; number += 4)
        put(fmt::format("many/{:05}", number), "x");
    });
  for (std::thread& writer : writers) writer.join();
  const std::vector<std::string> found = keys("many/");
  ASSERT_EQ(found.size(), static_cast<size_t>(kObjects));
  for (size_t number = 0; number < found.size(); ++number)
    ASSERT_EQ(found[number], fmt::format("many/{:05}", number));
}

TEST_P(StoreContract, TakesOddKeys) {
  const std::vector<std::string> odd = {"a b",
                                        "a+b",
                                        "a%20b",
                                        "~tilde",
                                        "quote'\"<&>",
                                        "été/ü",
                                        "colon:semi;",
                                        "back\\slash",
                                        "?query=1&b",
                                        "#hash",
                                        ".hidden",
                                        "..two",
                                        "a/.uploads/b",
                                        " lead",
                                        "trail ",
                                        "=,@!$*()",
                                        std::string(255, 'n')};
  for (const std::string& key : odd) put("odd/" + key, "content of " + key);
  std::vector<std::string> expected;
  for (const std::string& key : odd) expected.push_back("odd/" + key);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(keys("odd/"), expected);
  for (const std::string& key : odd) {
    EXPECT_EQ(get("odd/" + key), "content of " + key);
    EXPECT_THAT(keys("odd/" + key), testing::Contains("odd/" + key));
    store().remove("odd/" + key);
  }
  EXPECT_THAT(keys(""), IsEmpty());
}

TEST_P(StoreContract, RefusesWhatIsNoKey) {
  for (const std::string& key :
       {std::string(), std::string("/a"), std::string("a//b"), std::string("a/"),
        std::string("../a"), std::string("a/./b"), std::string("a\nb"), std::string(".uploads/a"),
        std::string(1025, 'k')}) {
    EXPECT_EQ(error_of([&] { put(key, "x"); }).code(), Errc::refused) << key;
    EXPECT_EQ(error_of([&] { store().open(key); }).code(), Errc::refused) << key;
    EXPECT_EQ(error_of([&] { store().head(key); }).code(), Errc::refused) << key;
    EXPECT_EQ(error_of([&] { store().remove(key); }).code(), Errc::refused) << key;
    EXPECT_EQ(error_of([&] { store().start_upload(key, {}); }).code(), Errc::refused) << key;
  }
  EXPECT_EQ(error_of([&] { store().list("../"); }).code(), Errc::refused);
}

TEST_P(StoreContract, RemovesOneObject) {
  put("erp/prod/db/one", "1");
  put("erp/prod/db/two", "2");
  store().remove("erp/prod/db/one");
  EXPECT_THAT(keys(""), ElementsAre("erp/prod/db/two"));
  store().remove("erp/prod/db/two");
  EXPECT_THAT(keys(""), IsEmpty());
  put("erp", "where a folder was");
  EXPECT_EQ(get("erp"), "where a folder was");
}

TEST_P(StoreContract, OverwritesOnlyWhenAsked) {
  store().put("key", as_bytes("first"), Overwrite::no);
  if (GetParam().tells_taken_keys) {
    const Error error = error_of([&] { store().put("key", as_bytes("second"), Overwrite::no); });
    EXPECT_EQ(error.code(), Errc::store);
    EXPECT_THAT(error.what(), HasSubstr("another object stands under 'key'"));
    EXPECT_FALSE(error.hint().empty());
    EXPECT_EQ(get("key"), "first");
  } else {
    // It ignores the condition: the reason why keys are unique.
    EXPECT_NO_THROW(store().put("key", as_bytes("second"), Overwrite::no));
    EXPECT_EQ(get("key"), "second");
  }
  store().put("key", as_bytes("third"), Overwrite::yes);
  EXPECT_EQ(get("key"), "third");
}

TEST_P(StoreContract, AnotherClientSeesTheSame) {
  put("erp/x", "1");
  Progress progress;
  const std::unique_ptr<ObjectStore> other = another(progress);
  EXPECT_EQ(get_object(*other, "erp/x", 10), "1");
  EXPECT_EQ(other->list(""), store().list(""));
}

TEST_P(StoreContract, AStopEndsReadingButNotCleaningUp) {
  put("erp/x", "1");
  Progress progress;
  std::stop_source stop;
  const std::unique_ptr<ObjectStore> stopped = another(progress, stop.get_token());
  const std::unique_ptr<Source> source = stopped->open("erp/x");
  stop.request_stop();
  EXPECT_EQ(error_of([&] { read_all(*source, 10); }).code(), Errc::interrupted);
  EXPECT_EQ(error_of([&] { stopped->list(""); }).code(), Errc::interrupted);
  EXPECT_EQ(error_of([&] { stopped->open("erp/x"); }).code(), Errc::interrupted);
  EXPECT_EQ(error_of([&] { stopped->head("erp/x"); }).code(), Errc::interrupted);
  EXPECT_EQ(error_of([&] { stopped->start_upload("erp/y", {}); }).code(), Errc::interrupted);
  stopped->put("erp/record", as_bytes("interrupted"), Overwrite::no);
  stopped->remove("erp/x");
  EXPECT_THAT(keys(""), ElementsAre("erp/record"));
}

TEST_P(StoreContract, ManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([this, thread] {
      // The same few folders are made and become empty all the time.
      for (int round = 0; round < 15; ++round) {
        const std::string key = fmt::format("x/{}/{}", round % 2, thread);
        put(key, key);
        EXPECT_EQ(get(key), key);
        store().list("x/");
        store().remove(key);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(keys(""), IsEmpty());
}

}  // namespace
}  // namespace dolibarr_backup
