#include <fmt/format.h>
#include <gmock/gmock.h>

#include <charconv>
#include <thread>

#include "store/error_of.h"
#include "store/fault_server.h"
#include "store/make_store.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using Then = FaultAnswer::Then;

/// An object of a mebibyte behind a server that answers GET, ranges included, and
/// lets a case spoil the answers by their number (from 1).
class S3DownloadFault : public testing::Test {
 protected:
  using Spoil = std::function<void(int number, FaultAnswer& answer)>;

  static std::string make_content() {
    std::string text;
    for (int number = 0; text.size() < kMiB; ++number) text += fmt::format("{:07}\n", number);
    return text;
  }

  FaultAnswer answer(const FaultRequest& request) {
    FaultAnswer whole{.headers = {{"ETag", "\"e1\""}}, .body = content_};
    const auto range = request.headers.find("range");
    if (range != request.headers.end()) {
      size_t first = 0, last = content_.size() - 1;
      const std::string text = range->second.substr(6);
      const char* const end = text.data() + text.size();
      const char* const dash = std::from_chars(text.data(), end, first).ptr;
      std::from_chars(dash + 1, end, last);
      whole.status = 206;
      whole.body = content_.substr(first, last - first + 1);
      whole.headers["Content-Range"] = fmt::format("bytes {}-{}/{}", first, last, content_.size());
    }
    if (spoil_) spoil_(++number_, whole);
    return whole;
  }
  std::unique_ptr<ObjectStore> store(int retries, std::stop_token stop = {}) {
    return make_store(server_.settings(retries), 24 * kMiB, progress_, std::move(stop));
  }
  std::string header(size_t request, const std::string& name) {
    const std::vector<FaultRequest> requests = server_.requests();
    const auto found = requests.at(request).headers.find(name);
    return found == requests.at(request).headers.end() ? "" : found->second;
  }

  const std::string content_ = make_content();
  Spoil spoil_;
  int number_ = 0;
  Progress progress_;
  FaultServer server_{[this](const FaultRequest& request) { return answer(request); }};
};

TEST_F(S3DownloadFault, AnUnspoiledObjectIsReadByOneRequest) {
  EXPECT_TRUE(get_object(*store(0), "k", 2 * kMiB) == content_);
  EXPECT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(header(0, "range"), "");
}

TEST_F(S3DownloadFault, ABusyStoreIsAskedAgain) {
  spoil_ = [](int number, FaultAnswer& answer) {
    if (number == 1) answer = s3_failure(503, "ServiceUnavailable");
  };
  EXPECT_TRUE(get_object(*store(1), "k", 2 * kMiB) == content_);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(S3DownloadFault, SlowDownIsObeyed) {
  spoil_ = [](int number, FaultAnswer& answer) {
    if (number == 1) answer = s3_failure(503, "SlowDown", {{"Retry-After", "1"}});
  };
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(get_object(*store(1), "k", 2 * kMiB) == content_);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST_F(S3DownloadFault, ABrokenConnectionIsResumedWhereItBroke) {
  spoil_ = [](int number, FaultAnswer& answer) {
    if (number > 2) return;
    answer.body_sent = 300'000;
    answer.then = number == 1 ? Then::close : Then::reset;
  };
  EXPECT_TRUE(get_object(*store(2), "k", 2 * kMiB) == content_);
  ASSERT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(header(1, "range"), fmt::format("bytes=300000-{}", content_.size() - 1));
  EXPECT_EQ(header(1, "if-match"), "\"e1\"");
  EXPECT_THAT(header(2, "range"), testing::StartsWith("bytes="));
}

TEST_F(S3DownloadFault, ABrokenRangeIsResumedToItsOwnEnd) {
  spoil_ = [](int number, FaultAnswer& answer) {
    if (number == 1) answer.body_sent = 100;
  };
  const std::unique_ptr<ObjectStore> kept = store(1);
  const std::unique_ptr<Source> range = kept->open("k", ByteRange{.offset = 1000, .length = 5000});
  EXPECT_TRUE(read_all(*range, kMiB) == content_.substr(1000, 5000));
  EXPECT_EQ(header(server_.requests().size() - 1, "range"), "bytes=1100-5999");
}

TEST_F(S3DownloadFault, ProgressRenewsThePatience) {
  spoil_ = [](int, FaultAnswer& answer) { answer.body_sent = 200'000; };
  EXPECT_TRUE(get_object(*store(1), "k", 2 * kMiB) == content_);
  EXPECT_EQ(server_.requests().size(), 6u);
}

TEST_F(S3DownloadFault, AStalledTransferTimesOutAndIsResumed) {
  spoil_ = [](int number, FaultAnswer& answer) {
    if (number > 1) return;
    answer.body_sent = 10'000;
    answer.then = Then::stall;
  };
  EXPECT_TRUE(get_object(*store(1), "k", 2 * kMiB) == content_);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(S3DownloadFault, AStoreThatNeverAnswersTimesOut) {
  spoil_ = [](int, FaultAnswer& answer) {
    answer.head_sent = false;
    answer.then = Then::stall;
  };
  const Error error = error_of([&] { store(0)->open("k"); });
  EXPECT_EQ(error.code(), Errc::store);
  EXPECT_THAT(error.hint(), HasSubstr("stall_timeout"));
}

TEST_F(S3DownloadFault, ABodyThatAlwaysEndsEarlyIsCorrupt) {
  spoil_ = [](int number, FaultAnswer& answer) { answer.body_sent = number == 1 ? 300'000 : 0; };
  const Error error = error_of([&] { get_object(*store(1), "k", 2 * kMiB); });
  EXPECT_EQ(error.code(), Errc::corrupt);
  EXPECT_THAT(error.what(), HasSubstr("after 2 tries"));
}

TEST_F(S3DownloadFault, AnObjectReplacedMeanwhileIsNeverMixed) {
  spoil_ = [](int number, FaultAnswer& answer) {
    if (number == 1) answer.body_sent = 300'000;
    if (number == 2) answer = s3_failure(412, "PreconditionFailed");
  };
  const Error error = error_of([&] { get_object(*store(3), "k", 2 * kMiB); });
  EXPECT_EQ(error.code(), Errc::corrupt);
  EXPECT_THAT(error.what(), HasSubstr("replaced or removed"));
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(S3DownloadFault, AnObjectRemovedMeanwhileIsNoShortObject) {
  spoil_ = [](int number, FaultAnswer& answer) {
    if (number == 1) answer.body_sent = 300'000;
    if (number == 2) answer = s3_failure(404, "NoSuchKey");
  };
  EXPECT_EQ(error_of([&] { get_object(*store(3), "k", 2 * kMiB); }).code(), Errc::corrupt);
}

TEST_F(S3DownloadFault, AnAnswerThatIgnoresTheRangeIsRefused) {
  spoil_ = [this](int number, FaultAnswer& answer) {
    if (number == 1)
      answer.body_sent = 300'000;
    else
      answer = {.body = content_};
  };
  const Error error = error_of([&] { get_object(*store(3), "k", 2 * kMiB); });
  EXPECT_EQ(error.code(), Errc::store);
  EXPECT_THAT(error.what(), HasSubstr("ranged requests"));
}

TEST_F(S3DownloadFault, OnlyTheStoresOwn404MeansAbsent) {
  FaultAnswer told = s3_failure(404, "NoSuchKey");
  spoil_ = [&](int, FaultAnswer& answer) { answer = told; };
  EXPECT_EQ(store(0)->open("k"), nullptr);
  told = s3_failure(404, "NoSuchBucket");
  EXPECT_THAT(error_of([&] { store(0)->open("k"); }).hint(), HasSubstr("create bucket 'bucket'"));
  told = {.status = 404, .body = "<html>no such page</html>"};
  EXPECT_EQ(error_of([&] { store(0)->open("k"); }).code(), Errc::store);
}

TEST_F(S3DownloadFault, AnEndlessPageOfARefusalIsNoDamagedObject) {
  FaultAnswer told{.status = 502, .body = "<html>" + std::string(200'000, 'x')};
  spoil_ = [&](int, FaultAnswer& answer) { answer = told; };
  const Error passing = error_of([&] { store(1)->open("k"); });
  EXPECT_EQ(passing.code(), Errc::store);
  EXPECT_TRUE(passing.transient());
  EXPECT_THAT(passing.what(), HasSubstr("was refused with 502"));
  EXPECT_EQ(server_.requests().size(), 2u);

  told.status = 403;
  const Error lasting = error_of([&] { store(1)->open("k"); });
  EXPECT_EQ(lasting.code(), Errc::store);
  EXPECT_FALSE(lasting.transient());
  EXPECT_EQ(server_.requests().size(), 3u);
}

TEST_F(S3DownloadFault, ARefusalCutShortIsNoDamagedObject) {
  spoil_ = [](int, FaultAnswer& answer) {
    answer = s3_failure(404, "NoSuchKey");
    answer.body_sent = 30;
  };
  const Error error = error_of([&] { store(1)->open("k"); });
  EXPECT_EQ(error.code(), Errc::store);
  EXPECT_TRUE(error.transient());
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(S3DownloadFault, RedirectsAreNotFollowed) {
  spoil_ = [](int, FaultAnswer& answer) {
    answer = s3_failure(307, "TemporaryRedirect", {{"Location", "http://127.0.0.1:9/bucket/k"}});
  };
  const Error error = error_of([&] { store(2)->open("k"); });
  EXPECT_THAT(error.hint(), HasSubstr("wrong region or endpoint"));
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(S3DownloadFault, AStopEndsAStalledTransferAtOnce) {
  spoil_ = [](int, FaultAnswer& answer) {
    answer.body_sent = 10'000;
    answer.then = Then::stall;
  };
  StoreSettings patient = server_.settings(5);
  patient.stall_timeout = std::chrono::minutes(1);
  std::stop_source stop;
  const std::unique_ptr<ObjectStore> stopped =
      make_store(patient, 24 * kMiB, progress_, stop.get_token());
  std::thread operator_of_it([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(error_of([&] { get_object(*stopped, "k", 2 * kMiB); }).code(), Errc::interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  operator_of_it.join();
}

}  // namespace
}  // namespace dolibarr_backup
