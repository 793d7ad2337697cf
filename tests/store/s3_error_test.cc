#include "store/s3_error.h"

#include <gmock/gmock.h>

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Instant kOurClock = std::chrono::sys_days(std::chrono::year(2026) / 6 / 30);

S3Settings settings() {
  S3Settings settings;
  settings.bucket = "backups";
  settings.endpoint = "https://s3.example.org";
  settings.region = "eu-west-3";
  settings.access_key_id = "AKIDEXAMPLE";
  return settings;
}

HttpResponse response(int status, const std::string& code, const std::string& more = "") {
  HttpResponse response;
  response.status = status;
  if (!code.empty())
    response.body =
        "<Error><Code>" + code + "</Code><Message>so it is</Message>" + more + "</Error>";
  return response;
}

Error error_for(const HttpResponse& response) {
  const S3Settings used = settings();
  return s3_error({.settings = used, .operation = "PUT 'erp/x'", .signed_at = kOurClock}, response);
}

TEST(S3Error, TellsWhatWasRefusedWhereAndWhy) {
  const Error error = error_for(response(403, "AccessDenied"));
  EXPECT_EQ(error.code(), Errc::store);
  EXPECT_STREQ(error.what(),
               "PUT 'erp/x' in s3://backups at https://s3.example.org was refused with 403 "
               "AccessDenied: so it is");
  EXPECT_THAT(error.hint(), HasSubstr("'AKIDEXAMPLE' needs the rights"));
}

TEST(S3Error, HintsTellTheCausesApart) {
  EXPECT_THAT(error_for(response(403, "SignatureDoesNotMatch")).hint(),
              HasSubstr("secret access key is not that of"));
  EXPECT_THAT(error_for(response(403, "InvalidAccessKeyId")).hint(),
              HasSubstr("does not know access key id 'AKIDEXAMPLE'"));
  EXPECT_THAT(error_for(response(400, "ExpiredToken")).hint(), HasSubstr("session token"));
  EXPECT_THAT(error_for(response(404, "NoSuchBucket")).hint(),
              HasSubstr("create bucket 'backups'"));
  EXPECT_THAT(error_for(response(403, "QuotaExceeded")).hint(), HasSubstr("quota"));
  EXPECT_THAT(error_for(response(403, "")).hint(), HasSubstr("needs the rights"));
}

TEST(S3Error, ASkewedClockIsShownBesideTheStores) {
  HttpResponse skewed = response(403, "RequestTimeTooSkewed");
  skewed.headers["date"] = "Tue, 30 Jun 2026 02:15:00 GMT";
  const Error error = error_for(skewed);
  EXPECT_THAT(error.hint(), HasSubstr("2026-06-30T00:00:00Z"));
  EXPECT_THAT(error.hint(), HasSubstr("2026-06-30T02:15:00Z"));
  EXPECT_FALSE(error.transient());
}

TEST(S3Error, ARedirectNamesTheRightRegion) {
  EXPECT_THAT(error_for(response(301, "PermanentRedirect", "<Region>us-west-1</Region>")).hint(),
              HasSubstr("the store says region 'us-west-1'"));
  HttpResponse head = response(301, "");
  head.headers["x-amz-bucket-region"] = "us-west-2";
  EXPECT_THAT(error_for(head).hint(), HasSubstr("the store says region 'us-west-2'"));
  EXPECT_THAT(error_for(response(400, "AuthorizationHeaderMalformed", "<Region>x</Region>")).hint(),
              HasSubstr("settings say region 'eu-west-3'"));
}

TEST(S3Error, OnlyWhatMayPassIsTransient) {
  for (const int status : {408, 429, 500, 502, 503, 504})
    EXPECT_TRUE(error_for(response(status, "")).transient()) << status;
  for (const int status : {301, 400, 401, 403, 404, 405, 411, 412, 416, 501, 507})
    EXPECT_FALSE(error_for(response(status, "")).transient()) << status;
  for (const char* code : {"SlowDown", "RequestTimeout", "BadDigest", "OperationAborted"})
    EXPECT_TRUE(error_for(response(400, code)).transient()) << code;
  // A failure that comes as 200.
  EXPECT_TRUE(error_for(response(200, "InternalError")).transient());
  EXPECT_FALSE(error_for(response(200, "InvalidPart")).transient());
}

TEST(S3Error, ARefusalInAnotherLanguageThanS3sIsToldApart) {
  HttpResponse page = response(404, "");
  page.body = "<html><body>Not Found</body></html>";
  for (const int status : {400, 403, 404, 405, 413}) {
    page.status = status;
    EXPECT_THAT(error_for(page).hint(), HasSubstr("'addressing'")) << status;
    EXPECT_FALSE(error_for(page).transient()) << status;
  }
  EXPECT_THAT(error_for(response(404, "")).hint(), HasSubstr("'addressing'"));
  // A proxy before a store that is down says nothing about the settings.
  page.status = 502;
  EXPECT_EQ(error_for(page).hint(), "");
}

TEST(S3Error, APageOfAProxyIsNotQuoted) {
  HttpResponse page;
  page.status = 502;
  page.body = "<html><body>Bad Gateway</body></html>";
  EXPECT_THAT(error_for(page).what(), Not(HasSubstr("html")));
  EXPECT_EQ(s3_code(page), "");
}

}  // namespace
}  // namespace dolibarr_backup
