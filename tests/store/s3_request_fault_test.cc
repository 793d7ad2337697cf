#include <fmt/format.h>
#include <gmock/gmock.h>

#include "store/error_of.h"
#include "store/fault_server.h"
#include "store/make_store.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;
using Then = FaultAnswer::Then;

std::string md5_hex(std::string_view text) {
  Digest md5 = Digest::md5();
  md5.update(text);
  return md5.finish_hex();
}

FaultAnswer lost() {
  return {.head_sent = false, .then = Then::reset};
}

/// A server whose answers a case gives in order; the last one repeats.
class S3RequestFault : public testing::Test {
 protected:
  std::unique_ptr<ObjectStore> store(int retries, std::stop_token stop = {}) {
    return make_store(server_.settings(retries), 24 * kMiB, progress_, std::move(stop));
  }
  void put(ObjectStore& store, Overwrite overwrite) {
    store.put("k", as_bytes(kContent), overwrite);
  }
  std::vector<std::string> methods() const {
    std::vector<std::string> methods;
    for (const FaultRequest& request : server_.requests()) methods.push_back(request.method);
    return methods;
  }
  static FaultAnswer head_answer(std::string_view object) {
    return {.headers = {{"ETag", "\"" + md5_hex(object) + "\""}}, .body = std::string(object)};
  }

  static constexpr std::string_view kContent = "the content";
  std::vector<FaultAnswer> answers_;
  size_t next_ = 0;
  Progress progress_;
  FaultServer server_{
      [this](const FaultRequest&) { return answers_.at(std::min(next_++, answers_.size() - 1)); }};
};

TEST_F(S3RequestFault, APutCarriesItsMd5AndNothingThatGcsRefuses) {
  answers_ = {{}};
  put(*store(0), Overwrite::no);
  const FaultRequest request = server_.requests().at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/bucket/k");
  EXPECT_EQ(request.body, kContent);
  EXPECT_EQ(request.headers.at("content-md5"), "2mGd+/VXL8dJsUlrD//Xag==");
  EXPECT_EQ(request.headers.at("content-type"), "application/octet-stream");
  EXPECT_EQ(request.headers.at("x-amz-content-sha256"), sha256_hex(kContent));
  EXPECT_EQ(request.headers.at("if-none-match"), "*");
  EXPECT_THAT(
      request.headers.at("authorization"),
      HasSubstr("SignedHeaders=content-md5;content-type;host;x-amz-content-sha256;x-amz-date,"));
  for (const auto& [name, value] : request.headers) EXPECT_THAT(name, Not(HasSubstr("checksum")));
  EXPECT_EQ(progress_.stored_bytes, kContent.size());
}

TEST_F(S3RequestFault, OverwritingCarriesNoCondition) {
  answers_ = {{}};
  put(*store(0), Overwrite::yes);
  EXPECT_EQ(server_.requests().at(0).headers.count("if-none-match"), 0u);
}

TEST_F(S3RequestFault, APutIsRepeatedWhole) {
  answers_ = {s3_failure(503, "SlowDown"), lost(), {}};
  put(*store(2), Overwrite::yes);
  ASSERT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(server_.requests()[2].body, kContent);
  EXPECT_EQ(progress_.stored_bytes, kContent.size());
}

TEST_F(S3RequestFault, GivesUpAfterTheRetriesOfTheSettings) {
  answers_ = {s3_failure(503, "SlowDown")};
  const Error error = error_of([&] { put(*store(2), Overwrite::yes); });
  EXPECT_EQ(error.code(), Errc::store);
  EXPECT_THAT(error.what(),
              HasSubstr("after 3 tries: PUT 'k' in s3://bucket at http://127.0.0.1:"));
  EXPECT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(progress_.stored_bytes, 0u);
}

TEST_F(S3RequestFault, ARefusalIsNotRepeated) {
  answers_ = {s3_failure(403, "AccessDenied")};
  EXPECT_EQ(error_of([&] { put(*store(5), Overwrite::yes); }).code(), Errc::store);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(S3RequestFault, AStoreWithoutConditionsIsRememberedAndLookedAtInstead) {
  const FaultAnswer absent{.status = 404};
  answers_ = {s3_failure(501, "NotImplemented"), absent, {}, absent, {}, head_answer(kContent)};
  const std::unique_ptr<ObjectStore> kept = store(0);
  put(*kept, Overwrite::no);
  put(*kept, Overwrite::no);
  EXPECT_THAT(methods(), testing::ElementsAre("PUT", "HEAD", "PUT", "HEAD", "PUT"));
  const std::vector<FaultRequest> requests = server_.requests();
  EXPECT_EQ(requests[0].headers.count("if-none-match"), 1u);
  EXPECT_EQ(requests[2].headers.count("if-none-match"), 0u);
  EXPECT_EQ(requests[4].headers.count("if-none-match"), 0u);
  EXPECT_THAT(error_of([&] { put(*kept, Overwrite::no); }).what(),
              HasSubstr("another object stands under 'k'"));
  EXPECT_EQ(methods().back(), "HEAD");
}

TEST_F(S3RequestFault, ALookThatFailsIsNoTakenKey) {
  answers_ = {lost(), s3_failure(412, "PreconditionFailed"), s3_failure(503, ""),
              s3_failure(412, "PreconditionFailed"), head_answer(kContent)};
  EXPECT_NO_THROW(put(*store(2), Overwrite::no));
  EXPECT_EQ(server_.requests().size(), 5u);
}

TEST_F(S3RequestFault, ATakenKeyIsAnErrorAtTheFirstTry) {
  answers_ = {s3_failure(412, "PreconditionFailed")};
  EXPECT_THAT(error_of([&] { put(*store(3), Overwrite::no); }).what(),
              HasSubstr("another object stands under 'k'"));
  EXPECT_THAT(methods(), testing::ElementsAre("PUT"));
}

TEST_F(S3RequestFault, AnOwnPutWhoseAnswerWasLostIsRecognised) {
  answers_ = {lost(), s3_failure(412, "PreconditionFailed"), head_answer(kContent)};
  EXPECT_NO_THROW(put(*store(3), Overwrite::no));
  EXPECT_THAT(methods(), testing::ElementsAre("PUT", "PUT", "HEAD"));
}

TEST_F(S3RequestFault, AnotherObjectOfTheSameSizeIsNotTakenForOurs) {
  answers_ = {lost(), s3_failure(412, "PreconditionFailed"), head_answer("no content!")};
  EXPECT_THAT(error_of([&] { put(*store(3), Overwrite::no); }).what(),
              HasSubstr("another object stands under 'k'"));
}

TEST_F(S3RequestFault, AnEtagThatIsNoMd5LeavesTheSizeToDecide) {
  FaultAnswer encrypted = head_answer(kContent);
  encrypted.headers["ETag"] = "\"some-other-kind-of-tag\"";
  answers_ = {lost(), s3_failure(412, "PreconditionFailed"), encrypted};
  EXPECT_NO_THROW(put(*store(3), Overwrite::no));
}

TEST_F(S3RequestFault, AListingIsWholeOrAnException) {
  const std::string first =
      "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a/b+c=</"
      "NextContinuationToken>"
      "<Contents><Key>one</Key><Size>1</Size><LastModified>2026-06-30T00:00:00Z</LastModified>"
      "</Contents></ListBucketResult>";
  answers_ = {{.body = first}, s3_failure(500, "InternalError")};
  EXPECT_EQ(error_of([&] { store(0)->list(""); }).code(), Errc::store);
  EXPECT_THAT(server_.requests().at(1).target, HasSubstr("continuation-token=a%2Fb%2Bc%3D"));

  next_ = 0;
  answers_ = {{.body = first, .body_sent = 100}};
  // An answer cut short is no damaged object.
  EXPECT_EQ(error_of([&] { store(0)->list(""); }).code(), Errc::store);

  next_ = 0;
  answers_ = {{.body = first}};
  EXPECT_THAT(error_of([&] { store(0)->list(""); }).what(), HasSubstr("same page"));
}

TEST_F(S3RequestFault, AllPagesOfUnfinishedUploadsAreRead) {
  const auto page = [](const std::string& key, const std::string& more) {
    return FaultAnswer{.body = "<ListMultipartUploadsResult>" + more + "<Upload><Key>" + key +
                               "</Key><UploadId>i</UploadId><Initiated>2026-06-30T00:00:00Z"
                               "</Initiated></Upload></ListMultipartUploadsResult>"};
  };
  answers_ = {page("b",
                   "<IsTruncated>true</IsTruncated><NextKeyMarker>b/x</NextKeyMarker>"
                   "<NextUploadIdMarker>2~i</NextUploadIdMarker>"),
              page("a", "<IsTruncated>false</IsTruncated>")};
  const std::vector<PendingUpload> found = store(0)->list_uploads("");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].key, "a");
  EXPECT_THAT(server_.requests().at(1).target,
              HasSubstr("key-marker=b%2Fx&prefix=&upload-id-marker=2~i&uploads="));
}

TEST_F(S3RequestFault, AnEndlessListOfUploadsIsNoticed) {
  answers_ = {{.body = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                       "<NextKeyMarker>k</NextKeyMarker></ListMultipartUploadsResult>"}};
  EXPECT_THAT(error_of([&] { store(0)->list_uploads(""); }).what(), HasSubstr("same page"));
}

TEST_F(S3RequestFault, SomethingElseThanAStoreIsToldApart) {
  const std::string page = "<html><body>Welcome to the console</body></html>";
  const std::unique_ptr<ObjectStore> console = store(3);
  for (const FaultAnswer& answer :
       {FaultAnswer{.body = page}, FaultAnswer{.status = 404, .body = page},
        FaultAnswer{.status = 404}, FaultAnswer{.status = 403, .body = page}}) {
    answers_ = {answer};
    for (const auto& body : std::vector<std::function<void()>>{
             [&] { console->check_access(Access::read); }, [&] { console->list(""); },
             [&] { console->list_uploads(""); }}) {
      const size_t before = server_.requests().size();
      const Error error = error_of(body);
      EXPECT_EQ(error.code(), Errc::store);
      for (const char* named : {"S3 API itself", "'endpoint'", "'bucket'", "'addressing'"})
        EXPECT_THAT(error.hint(), HasSubstr(named)) << answer.status;
      EXPECT_EQ(server_.requests().size(), before + 1);
    }
  }
}

TEST_F(S3RequestFault, RemovingAnswersForWhatIsNotThere) {
  answers_ = {s3_failure(404, "NoSuchKey")};
  EXPECT_NO_THROW(store(0)->remove("k"));
  answers_ = {s3_failure(404, "NoSuchBucket")};
  EXPECT_EQ(error_of([&] { store(0)->remove("k"); }).code(), Errc::store);
}

TEST_F(S3RequestFault, CleaningUpAfterAStopTriesOnceMore) {
  answers_ = {s3_failure(503, "SlowDown")};
  std::stop_source stop;
  const std::unique_ptr<ObjectStore> stopped = store(5, stop.get_token());
  stop.request_stop();
  EXPECT_EQ(error_of([&] { stopped->remove("k"); }).code(), Errc::store);
  EXPECT_EQ(server_.requests().size(), 2u);
  EXPECT_EQ(error_of([&] { stopped->list(""); }).code(), Errc::interrupted);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(S3RequestFault, ADeadEndpointIsToldApart) {
  answers_ = {{}};
  StoreSettings refused = server_.settings(1);
  refused.s3.endpoint = "http://127.0.0.1:9";
  EXPECT_THAT(error_of([&] {
                make_store(refused, kMiB, progress_, {})->check_access(Access::read);
              }).hint(),
              HasSubstr("port in the setting 'endpoint'"));
  refused.s3.endpoint = "http://store.invalid";
  refused.retries = 0;
  EXPECT_THAT(error_of([&] {
                make_store(refused, kMiB, progress_, {})->check_access(Access::read);
              }).hint(),
              HasSubstr("host name in the setting 'endpoint'"));
  refused.s3.endpoint = server_.settings(0).s3.endpoint;
  refused.s3.endpoint.replace(0, 4, "https");
  EXPECT_THAT(error_of([&] {
                make_store(refused, kMiB, progress_, {})->check_access(Access::read);
              }).hint(),
              HasSubstr("TLS handshake failed"));
}

TEST_F(S3RequestFault, AHostThatIsNotFoundIsLookedUpAgain) {
  answers_ = {{}};
  StoreSettings unknown = server_.settings(2);
  unknown.s3.endpoint = "http://store.invalid";
  const std::unique_ptr<ObjectStore> kept = make_store(unknown, kMiB, progress_, {});
  for (const auto& body : std::vector<std::function<void()>>{
           [&] { kept->check_access(Access::read); }, [&] { kept->head("k"); },
           [&] { kept->open("k"); }, [&] { put(*kept, Overwrite::no); }}) {
    const Error error = error_of(body);
    EXPECT_EQ(error.code(), Errc::store);
    EXPECT_THAT(error.what(), HasSubstr("after 3 tries: http://store.invalid: "));
    EXPECT_THAT(error.hint(), HasSubstr("host name in the setting 'endpoint'"));
    EXPECT_THAT(error.hint(), HasSubstr("network"));
  }
}

TEST_F(S3RequestFault, NoSettingsAreNoStore) {
  EXPECT_EQ(error_of([&] { make_store({}, kMiB, progress_, {}); }).code(), Errc::config);
}

}  // namespace
}  // namespace dolibarr_backup
