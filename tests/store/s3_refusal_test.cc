#include <gmock/gmock.h>

#include "store/error_of.h"
#include "store/make_store.h"
#include "store/s3_error.h"
#include "store/s3_http.h"
#include "store/s3_sign.h"
#include "stream/digest.h"
#include "support/ceph_rgw.h"
#include "support/swift_server.h"

/// How real Ceph and real Swift refuse us, and whether the reader learns what to do.
namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;

S3Settings ceph_bucket() {
  static CephRgw server;
  static const S3Settings settings = server.make_bucket("refusals");
  return settings;
}

S3Settings swift_bucket() {
  static SwiftServer server;
  static const S3Settings settings = server.make_bucket("refusals");
  return settings;
}

struct Refuser {
  std::string name;
  S3Settings (*bucket)();
  const char* of_unknown_key;  ///< Swift takes an unknown key for a wrong secret
};

std::ostream& operator<<(std::ostream& out, const Refuser& refuser) {
  return out << refuser.name;
}

class S3Refusal : public testing::TestWithParam<Refuser> {
 protected:
  std::unique_ptr<ObjectStore> store() { return make_store(settings_, 24 * kMiB, progress_, {}); }
  Error refusal() {
    const std::unique_ptr<ObjectStore> refused = store();
    const Error error = error_of([&] { refused->check_access(Access::read); });
    EXPECT_EQ(error.code(), Errc::store);
    EXPECT_FALSE(error.transient());
    EXPECT_THAT(error.what(), HasSubstr("s3://" + settings_.s3.bucket + " at http://127.0.0.1:"));
    EXPECT_THAT(error.what(), Not(HasSubstr(settings_.s3.secret_access_key.reveal())));
    return error;
  }

  StoreSettings settings_{.directory = {}, .s3 = GetParam().bucket(), .retries = 0};
  Progress progress_;
};

INSTANTIATE_TEST_SUITE_P(
    Stores, S3Refusal,
    testing::Values(Refuser{"ceph", ceph_bucket, "does not know access key id 'nobodyskeyid'"},
                    Refuser{"swift", swift_bucket, "also say this of an unknown id"}),
    [](const auto& refuser) { return refuser.param.name; });

TEST_P(S3Refusal, TheRightSettingsAreNotRefused) {
  EXPECT_NO_THROW(store()->check_access(Access::read));
}

TEST_P(S3Refusal, AWrongSecret) {
  settings_.s3.secret_access_key = Secret("not-the-secret-of-that-key");
  EXPECT_THAT(refusal().hint(), HasSubstr("secret access key is not that of access key id '" +
                                          settings_.s3.access_key_id + "'"));
  // No operation gets through.
  const std::unique_ptr<ObjectStore> refused = store();
  EXPECT_THROW(refused->put("k", as_bytes("x"), Overwrite::yes), Error);
  EXPECT_THROW(refused->open("k"), Error);
  EXPECT_THROW(refused->head("k"), Error);
  EXPECT_THROW(refused->list(""), Error);
  EXPECT_THROW(refused->remove("k"), Error);
  EXPECT_THROW(refused->list_uploads(""), Error);
}

TEST_P(S3Refusal, AnUnknownKey) {
  settings_.s3.access_key_id = "nobodyskeyid";
  EXPECT_THAT(refusal().hint(), HasSubstr(GetParam().of_unknown_key));
}

TEST_P(S3Refusal, AnUnknownBucket) {
  settings_.s3.bucket = "there-is-no-such-bucket";
  EXPECT_THAT(refusal().hint(), HasSubstr("create bucket 'there-is-no-such-bucket'"));
  const std::unique_ptr<ObjectStore> refused = store();
  for (const auto& body : std::vector<std::function<void()>>{
           [&] { refused->list(""); }, [&] { refused->open("k"); },
           [&] { refused->put("k", as_bytes("x"), Overwrite::no); }, [&] { refused->remove("k"); },
           [&] { refused->list_uploads(""); }})
    EXPECT_THAT(error_of(body).what(), HasSubstr("NoSuchBucket"));
}

TEST_P(S3Refusal, ASkewedClock) {
  // The store signs with the machine's clock; here the signature is an hour ahead.
  const S3Settings& s3 = settings_.s3;
  const Instant ours = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
                       std::chrono::hours(1);
  const std::string host = s3.endpoint.substr(s3.endpoint.find("://") + 3);
  const SignedRequest request{.method = "GET",
                              .host = host,
                              .path = "/" + s3.bucket,
                              .query = {},
                              .headers = {},
                              .payload_sha256 = sha256_hex("")};
  const SigningKey key{.access_key_id = s3.access_key_id,
                       .secret_access_key = s3.secret_access_key,
                       .session_token = {},
                       .region = s3.region};
  HttpClient http({});
  const HttpResponse response = http.perform(
      {.method = "GET", .url = s3.endpoint + request.path, .headers = sign(request, key, ours)},
      {});
  EXPECT_EQ(response.status, 403);
  const Error error = s3_error({.settings = s3, .operation = "GET", .signed_at = ours}, response);
  EXPECT_THAT(error.what(), HasSubstr("RequestTimeTooSkewed"));
  EXPECT_THAT(error.hint(), HasSubstr("this machine's clock says " + format_instant(ours)));
  EXPECT_THAT(error.hint(), Not(HasSubstr("another time")));
  EXPECT_FALSE(error.transient());
}

TEST_P(S3Refusal, ABodyDamagedOnItsWayIsNoticedByTheStore) {
  const S3Settings& s3 = settings_.s3;
  const std::string host = s3.endpoint.substr(s3.endpoint.find("://") + 3);
  const SignedRequest request{.method = "PUT",
                              .host = host,
                              .path = "/" + s3.bucket + "/damaged",
                              .query = {},
                              .headers = {{"content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="}},
                              .payload_sha256 = sha256_hex("what was meant")};
  const SigningKey key{.access_key_id = s3.access_key_id,
                       .secret_access_key = s3.secret_access_key,
                       .session_token = {},
                       .region = s3.region};
  HttpClient http({});
  const HttpResponse response = http.perform(
      {.method = "PUT",
       .url = s3.endpoint + request.path,
       .headers = sign(request, key,
                       std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())),
       .body = as_bytes("what arrived!!")},
      {});
  EXPECT_EQ(response.status / 100, 4);
  const Error error = s3_error({.settings = s3, .operation = "PUT", .signed_at = {}}, response);
  EXPECT_TRUE(error.transient()) << error.what();
  EXPECT_EQ(store()->head("damaged"), std::nullopt);
}

TEST_P(S3Refusal, AnUnreachableHost) {
  settings_.s3.endpoint = "http://127.0.0.1:9";
  const std::unique_ptr<ObjectStore> refused = store();
  const Error error = error_of([&] { refused->check_access(Access::read); });
  EXPECT_THAT(error.hint(), HasSubstr("port in the setting 'endpoint'"));
}

}  // namespace
}  // namespace dolibarr_backup
