#include "store/s3_sign.h"

#include <gmock/gmock.h>

#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

// The examples of AWS, "Authenticating Requests: Using the Authorization Header".
const Instant kExampleTime = std::chrono::sys_days(std::chrono::year(2013) / 5 / 24);

SigningKey example_key() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
          .session_token = {},
          .region = "us-east-1"};
}

SignedRequest example(std::string method, std::string path) {
  return {.method = std::move(method),
          .host = "examplebucket.s3.amazonaws.com",
          .path = std::move(path),
          .query = {},
          .headers = {},
          .payload_sha256 = sha256_hex("")};
}

std::string authorization(const SignedRequest& request) {
  return sign(request, example_key(), kExampleTime).at("authorization");
}

TEST(S3Sign, AwsExampleGetObjectWithRange) {
  SignedRequest request = example("GET", "/test.txt");
  request.headers["range"] = "bytes=0-9";
  EXPECT_EQ(authorization(request),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(S3Sign, AwsExamplePutObject) {
  SignedRequest request = example("PUT", percent_encode_path("/test$file.text"));
  request.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.payload_sha256 = sha256_hex("Welcome to Amazon S3.");
  EXPECT_THAT(
      authorization(request),
      EndsWith("SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
               " Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(S3Sign, AwsExampleBucketLifecycle) {
  SignedRequest request = example("GET", "/");
  request.query = {{"lifecycle", ""}};
  EXPECT_THAT(authorization(request),
              EndsWith("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(S3Sign, AwsExampleListObjects) {
  SignedRequest request = example("GET", "/");
  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_THAT(authorization(request),
              EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(S3Sign, EveryPartOfARequestIsCovered) {
  SignedRequest request = example("PUT", "/key");
  request.headers = {{"content-md5", "AAAA"}, {"content-type", "text/plain"}};
  const std::string original = authorization(request);
  EXPECT_THAT(original, HasSubstr("SignedHeaders=content-md5;content-type;host;"));
  const auto changed = [&](auto&& change) {
    SignedRequest other = request;
    change(other);
    return authorization(other);
  };
  EXPECT_NE(changed([](auto& other) { other.method = "GET"; }), original);
  EXPECT_NE(changed([](auto& other) { other.host = "elsewhere"; }), original);
  EXPECT_NE(changed([](auto& other) { other.path = "/kez"; }), original);
  EXPECT_NE(changed([](auto& other) { other.query["a"] = "b"; }), original);
  EXPECT_NE(changed([](auto& other) { other.headers["content-md5"] = "AAAB"; }), original);
  EXPECT_NE(changed([](auto& other) { other.payload_sha256 = sha256_hex("x"); }), original);
}

TEST(S3Sign, HeadersThatAFrontEndRewritesAreNotSigned) {
  SignedRequest request = example("GET", "/key");
  const std::string original = authorization(request);
  request.headers = {{"accept-encoding", "gzip"}, {"if-match", "\"x\""}, {"user-agent", "me"}};
  EXPECT_EQ(authorization(request), original);
}

TEST(S3Sign, ASessionTokenIsSentAndSigned) {
  SigningKey key = example_key();
  key.session_token = Secret("the-token");
  const auto headers = sign(example("GET", "/key"), key, kExampleTime);
  EXPECT_EQ(headers.at("x-amz-security-token"), "the-token");
  EXPECT_THAT(headers.at("authorization"), HasSubstr(";x-amz-security-token,"));
}

TEST(S3Sign, PercentEncodesAllButUnreservedCharacters) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a b+c/é%"), "a%20b%2Bc%2F%C3%A9%25");
  EXPECT_EQ(percent_encode_path("/a b/é"), "/a%20b/%C3%A9");
}

TEST(S3Sign, TheQueryIsSortedByItsEncodedNames) {
  EXPECT_EQ(canonical_query({}), "");
  EXPECT_EQ(canonical_query({{"uploads", ""}, {"prefix", "a/b c"}}), "prefix=a%2Fb%20c&uploads=");
  // Plain, ':' comes after '1'; encoded, as "%3A", before it.
  EXPECT_EQ(canonical_query({{"a~", "1"}, {"a:", "2"}, {"a1", "3"}}), "a%3A=2&a1=3&a~=1");
}

}  // namespace
}  // namespace dolibarr_backup
