#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "core/part_schedule.h"
#include "store/error_of.h"
#include "store/fault_server.h"
#include "store/make_store.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;
using Then = FaultAnswer::Then;

constexpr const char* kCompleted =
    "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";

/// A server that takes multipart uploads well, unless a case spoils an answer. The
/// requests are named "begin", "part 2", "complete", "abort", "put", "head".
class S3UploadFault : public testing::Test {
 protected:
  static std::string name_of(const FaultRequest& request) {
    const size_t number = request.target.find("partNumber=");
    if (number != std::string::npos)
      return "part " + request.target.substr(number + 11, request.target.find('&') - number - 11);
    if (request.target.find("?uploads=") != std::string::npos) return "begin";
    if (request.target.find("?uploadId=") != std::string::npos)
      return request.method == "DELETE" ? "abort" : "complete";
    return request.method == "HEAD" ? "head" : "put";
  }
  FaultAnswer answer(const FaultRequest& request) {
    const std::string name = name_of(request);
    names_.push_back(name);
    FaultAnswer well;
    if (name == "begin")
      well.body =
          "<InitiateMultipartUploadResult><UploadId>the id</UploadId>"
          "</InitiateMultipartUploadResult>";
    if (name.compare(0, 4, "part") == 0) well.headers["ETag"] = "\"etag of " + name + "\"";
    if (name == "complete") well.body = kCompleted;
    if (name == "head") well.status = 404;
    if (name == "abort") well.status = 204;
    if (spoil_) spoil_(name, count(name), well);
    return well;
  }
  int count(const std::string& name) const {
    return static_cast<int>(std::count(names_.begin(), names_.end(), name));
  }
  std::unique_ptr<ObjectStore> make(int retries, uint64_t memory = 24 * kMiB,
                                    std::stop_token stop = {}) {
    return make_store(server_.settings(retries), memory, progress_, std::move(stop));
  }
  /// Uploads `parts` parts and one byte less; `store_` is made with `retries`.
  void upload(int retries, size_t parts = 3) {
    store_ = make(retries);
    const std::unique_ptr<Upload> upload = store_->start_upload("k", {});
    const std::string piece(kPart, 'p');
    for (size_t part = 1; part < parts; ++part) upload->write(piece);
    upload->write(std::string_view(piece).substr(1));
    upload->complete();
  }

  static constexpr size_t kPart = 6 * kMiB;
  std::function<void(const std::string& name, int number, FaultAnswer& answer)> spoil_;
  std::vector<std::string> names_;  // the server's lock guards it; read when it is idle
  Progress progress_;
  FaultServer server_{[this](const FaultRequest& request) { return answer(request); }};
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(S3UploadFault, PartsAreSignedNumberedAndListedInOrder) {
  upload(0);
  const std::vector<FaultRequest> requests = server_.requests();
  for (const FaultRequest& request : requests) {
    EXPECT_EQ(request.headers.count("authorization"), 1u);
    EXPECT_EQ(request.headers.count("content-md5"),
              request.method == "PUT" || name_of(request) == "complete")
        << name_of(request);
    for (const auto& [name, value] : request.headers) EXPECT_THAT(name, Not(HasSubstr("checksum")));
  }
  EXPECT_EQ(names_.front(), "begin");
  EXPECT_EQ(names_.back(), "complete");
  EXPECT_THAT(requests.back().body,
              HasSubstr("<Part><PartNumber>1</PartNumber><ETag>\"etag of part 1\"</ETag></Part>"
                        "<Part><PartNumber>2</PartNumber><ETag>\"etag of part 2\"</ETag></Part>"
                        "<Part><PartNumber>3</PartNumber><ETag>\"etag of part 3\"</ETag></Part>"));
  EXPECT_EQ(progress_.stored_bytes, 3 * kPart - 1);
  EXPECT_EQ(count("abort"), 0);
}

TEST_F(S3UploadFault, AShortStreamIsOnePut) {
  upload(0, 1);
  EXPECT_THAT(names_, testing::ElementsAre("head", "put"));
  EXPECT_EQ(progress_.stored_bytes, kPart - 1);
}

TEST_F(S3UploadFault, PartsGoInParallelAsFarAsTheMemoryAllows) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name.compare(0, 4, "part") == 0) answer.delay = std::chrono::milliseconds(700);
  };
  const auto took = [&](uint64_t memory) {
    const auto begin = std::chrono::steady_clock::now();
    store_ = make(0, memory);
    const std::unique_ptr<Upload> upload = store_->start_upload("k", {});
    for (int part = 1; part <= 3; ++part) upload->write(std::string(kPart, 'p'));
    upload->complete();
    return std::chrono::steady_clock::now() - begin;
  };
  ASSERT_EQ(parallel_parts(kPart, 24 * kMiB), 3u);
  EXPECT_LT(took(24 * kMiB), std::chrono::milliseconds(2000));
  ASSERT_EQ(parallel_parts(kPart, 12 * kMiB), 1u);
  EXPECT_GE(took(12 * kMiB), std::chrono::milliseconds(2100));
}

TEST_F(S3UploadFault, APartIsRepeatedAlone) {
  spoil_ = [](const std::string& name, int number, FaultAnswer& answer) {
    if (name == "part 2" && number == 1) answer = s3_failure(503, "SlowDown");
    if (name == "part 3" && number == 1) answer = {.head_sent = false, .then = Then::reset};
  };
  upload(1);
  EXPECT_EQ(count("part 1"), 1);
  EXPECT_EQ(count("part 2"), 2);
  EXPECT_EQ(count("part 3"), 2);
  EXPECT_EQ(count("complete"), 1);
  EXPECT_EQ(progress_.stored_bytes, 3 * kPart - 1);
}

TEST_F(S3UploadFault, AStalledPartTimesOutAndIsRepeated) {
  spoil_ = [](const std::string& name, int number, FaultAnswer& answer) {
    if (name == "part 1" && number == 1) answer = {.head_sent = false, .then = Then::stall};
  };
  upload(1);
  EXPECT_EQ(count("part 1"), 2);
}

TEST_F(S3UploadFault, ALostPartEndsTheUploadAndIsCleanedUp) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name == "part 2") answer = s3_failure(403, "AccessDenied");
  };
  const Error error = error_of([&] { upload(1); });
  EXPECT_THAT(error.what(), HasSubstr("PUT 'k' part 2"));
  EXPECT_THAT(error.what(), HasSubstr("AccessDenied"));
  EXPECT_EQ(count("complete"), 0);
  EXPECT_EQ(count("abort"), 1);
}

TEST_F(S3UploadFault, ALostPartEndsTheOthersOnTheirWay) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name == "part 1") answer = {.head_sent = false, .then = Then::stall};
    if (name == "part 2") answer = s3_failure(403, "AccessDenied");
  };
  StoreSettings patient = server_.settings(0);
  patient.stall_timeout = std::chrono::minutes(1);
  store_ = make_store(patient, 24 * kMiB, progress_, {});
  std::unique_ptr<Upload> upload = store_->start_upload("k", {});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(error_of([&] {
                upload->write(std::string(3 * kPart, 'p'));
                upload->flush();
              }).what(),
              HasSubstr("AccessDenied"));
  upload.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(count("abort"), 1);
}

TEST_F(S3UploadFault, APartWithoutEtagIsRefused) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name == "part 1") answer.headers.clear();
  };
  EXPECT_THAT(error_of([&] { upload(0); }).what(), HasSubstr("no ETag for part 1"));
  EXPECT_EQ(count("abort"), 1);
}

TEST_F(S3UploadFault, AFailureThatComesAs200IsAFailure) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name == "complete") answer.body = s3_failure(0, "InvalidPart").body;
  };
  const Error error = error_of([&] { upload(3); });
  EXPECT_EQ(error.code(), Errc::store);
  EXPECT_THAT(error.what(), HasSubstr("InvalidPart"));
  EXPECT_EQ(count("complete"), 1);
  EXPECT_EQ(count("abort"), 1);
}

TEST_F(S3UploadFault, APassingFailureThatComesAs200IsRepeated) {
  spoil_ = [](const std::string& name, int number, FaultAnswer& answer) {
    if (name == "complete" && number == 1) answer.body = s3_failure(0, "InternalError").body;
    if (name == "complete" && number == 2) answer.body = "  \n ";
  };
  EXPECT_NO_THROW(upload(2));
  EXPECT_EQ(count("complete"), 3);
  EXPECT_EQ(count("abort"), 0);
}

TEST_F(S3UploadFault, ACompletionWhoseAnswerWasLostIsRecognised) {
  spoil_ = [](const std::string& name, int number, FaultAnswer& answer) {
    if (name == "complete" && number == 1) answer = {.head_sent = false, .then = Then::reset};
    if (name == "complete" && number == 2) answer = s3_failure(404, "NoSuchUpload");
    if (name == "head" && number == 2) answer = {.body = std::string(3 * kPart - 1, 'p')};
  };
  EXPECT_NO_THROW(upload(2));
  EXPECT_EQ(count("head"), 2);
  EXPECT_EQ(count("abort"), 0);
}

TEST_F(S3UploadFault, AnObjectOfAnotherSizeIsNotTakenForOurs) {
  spoil_ = [](const std::string& name, int number, FaultAnswer& answer) {
    if (name == "complete" && number == 1) answer = {.head_sent = false, .then = Then::reset};
    if (name == "complete" && number == 2) answer = s3_failure(404, "NoSuchUpload");
    if (name == "head" && number == 2) answer = {.body = "another"};
  };
  EXPECT_THAT(error_of([&] { upload(2); }).what(), HasSubstr("the upload of 'k'"));
}

TEST_F(S3UploadFault, AnUploadAbortedByOthersIsAnErrorAtTheFirstTry) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name == "complete") answer = s3_failure(404, "NoSuchUpload");
    if (name == "abort") answer = s3_failure(404, "NoSuchUpload");
  };
  EXPECT_THAT(error_of([&] { upload(2); }).hint(), HasSubstr("somebody aborted it"));
  EXPECT_EQ(count("abort"), 1);
}

TEST_F(S3UploadFault, AnAbortIsRepeatedOnceAndNeverThrows) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name == "abort") answer = s3_failure(503, "SlowDown");
  };
  store_ = make(5);
  std::unique_ptr<Upload> dropped = store_->start_upload("k", {});
  dropped->write(std::string(2 * kPart, 'p'));
  EXPECT_NO_THROW(dropped.reset());
  EXPECT_EQ(count("abort"), 2);
  EXPECT_EQ(count("complete"), 0);
}

TEST_F(S3UploadFault, AStopEndsPartsOnTheirWayAndCleansUp) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name.compare(0, 4, "part") == 0) answer = {.head_sent = false, .then = Then::stall};
  };
  std::stop_source stop;
  StoreSettings patient = server_.settings(5);
  patient.stall_timeout = std::chrono::minutes(1);
  store_ = make_store(patient, 24 * kMiB, progress_, stop.get_token());
  std::unique_ptr<Upload> upload = store_->start_upload("k", {});
  upload->write(std::string(2 * kPart, 'p'));
  std::thread operator_of_it([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(error_of([&] { upload->flush(); }).code(), Errc::interrupted);
  upload.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(count("abort"), 1);
  operator_of_it.join();
}

TEST_F(S3UploadFault, ASinglePutThatFindsTheKeyTakenThrows) {
  spoil_ = [](const std::string& name, int, FaultAnswer& answer) {
    if (name == "put") answer = s3_failure(412, "PreconditionFailed");
  };
  EXPECT_THAT(error_of([&] { upload(2, 1); }).what(), HasSubstr("another object stands under 'k'"));
  EXPECT_EQ(progress_.stored_bytes, 0u);
}

}  // namespace
}  // namespace dolibarr_backup
