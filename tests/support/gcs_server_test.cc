#include "support/gcs_server.h"

#include <gtest/gtest.h>

#include "support/gcs_signature.h"

namespace dolibarr_backup {
namespace {

using Headers = std::map<std::string, std::string>;

class Gcs : public testing::Test {
 protected:
  HttpAnswer request(const std::string& method, const std::string& target,
                     const std::string& body = "", const Headers& headers = {}) {
    return signed_request(settings_, method, "/bucket" + target, body, headers);
  }
  GcsServer server_;
  S3Settings settings_ = server_.make_bucket("bucket");
};

std::string text_between(const std::string& text, const std::string& from, const std::string& to) {
  const size_t begin = text.find(from) + from.size();
  return text.substr(begin, text.find(to, begin) - begin);
}

// "GET Object" of AWS, "Signature Calculations: Transferring Payload in a Single Chunk".
TEST(GcsSignature, agrees_with_amazons_published_example) {
  gcs::Request request{.method = "GET", .path = "/test.txt"};
  request.headers = {
      {"host", "examplebucket.s3.amazonaws.com"},
      {"range", "bytes=0-9"},
      {"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"x-amz-date", "20130524T000000Z"},
      {"authorization",
       "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
       "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"}};
  const gcs::HmacKey key{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  const std::time_t then = 1369353600;
  EXPECT_FALSE(gcs::check_signature(request, key, then));
  EXPECT_EQ(gcs::check_signature(request, key, then + 1000)->code, "RequestTimeTooSkewed");
  request.headers["range"] = "bytes=0-8";
  EXPECT_EQ(gcs::check_signature(request, key, then)->code, "SignatureDoesNotMatch");
}

TEST_F(Gcs, ignores_if_none_match) {
  const Headers once{{"If-None-Match", "*"}};
  EXPECT_EQ(request("PUT", "/key", "1", once).status, 200);
  EXPECT_EQ(request("PUT", "/key", "2", once).status, 200);
  EXPECT_EQ(request("GET", "/key").body, "2");
}

TEST_F(Gcs, refuses_amazons_checksums_and_mixed_headers) {
  const auto code = [&](const Headers& headers) {
    const HttpAnswer answer = request("PUT", "/key", "1", headers);
    return std::to_string(answer.status) + text_between(answer.body, "<Code>", "</Code>");
  };
  EXPECT_EQ(code({{"x-amz-checksum-crc32", "g9xq1w=="}}), "400ExcessHeaderValues");
  EXPECT_EQ(code({{"x-goog-if-generation-match", "0"}}), "400ExcessHeaderValues");
}

TEST_F(Gcs, refuses_a_signature_over_accept_encoding) {
  EXPECT_EQ(request("PUT", "/key", "1", {{"Accept-Encoding", "identity"}}).status, 403);
}

TEST_F(Gcs, lists_in_small_pages) {
  for (const char* key : {"a", "b", "c%26", "d", "e", "x"})
    ASSERT_EQ(request("PUT", std::string("/p/") + key, "1").status, 200);
  const HttpAnswer first = request("GET", "?list-type=2&prefix=p%2F");
  EXPECT_NE(first.body.find("<IsTruncated>true"), std::string::npos);
  EXPECT_NE(first.body.find("<Key>p/c&amp;</Key>"), std::string::npos);
  const std::string token =
      text_between(first.body, "<NextContinuationToken>", "</NextContinuationToken>");
  EXPECT_EQ(token, "p/c&amp;");
  const HttpAnswer second = request("GET", "?continuation-token=p%2Fc%26&list-type=2&prefix=p%2F");
  EXPECT_NE(second.body.find("<IsTruncated>false"), std::string::npos);
  EXPECT_EQ(second.body.find("<Key>p/c"), std::string::npos);
  EXPECT_NE(second.body.find("<Key>p/x</Key>"), std::string::npos);
}

TEST_F(Gcs, serves_ranges) {
  ASSERT_EQ(request("PUT", "/key", "0123456789").status, 200);
  const HttpAnswer part = request("GET", "/key", "", {{"Range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.headers.at("content-range"), "bytes 2-4/10");
  EXPECT_EQ(request("GET", "/key", "", {{"Range", "bytes=8-20"}}).body, "89");
  EXPECT_EQ(request("GET", "/key", "", {{"Range", "bytes=10-20"}}).status, 416);
  const HttpAnswer absent = request("GET", "/absent", "", {{"Range", "bytes=2-4"}});
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(text_between(absent.body, "<Code>", "</Code>"), "NoSuchKey");
}

TEST_F(Gcs, has_no_object_to_delete) {
  EXPECT_EQ(request("DELETE", "/key").status, 404);
}

TEST_F(Gcs, fails_on_command_and_remembers_what_was_asked) {
  server_.fail_next(1, 503, "ServiceUnavailable");
  EXPECT_EQ(request("GET", "/key").status, 503);
  EXPECT_EQ(request("GET", "/key").status, 404);
  EXPECT_EQ(server_.requests(),
            (std::vector<std::string>{"PUT /bucket", "GET /bucket/key", "GET /bucket/key"}));
}

}  // namespace
}  // namespace dolibarr_backup
