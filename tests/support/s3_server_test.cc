// That the servers which stand for the world are there, whole, and strict.
#include "support/s3_server.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/ceph_rgw.h"
#include "support/gcs_server.h"
#include "support/gcs_signature.h"
#include "support/swift_server.h"

namespace dolibarr_backup {
namespace {

void expect_round_trip(const S3Settings& settings) {
  const std::string target = "/" + settings.bucket + "/folder/a%20b%2B%C3%A9";
  const std::string content(300000, 'x');
  EXPECT_EQ(signed_request(settings, "GET", target).status, 404);
  EXPECT_EQ(signed_request(settings, "PUT", target, content).status, 200);
  const HttpAnswer answer = signed_request(settings, "GET", target);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, content);
  EXPECT_EQ(signed_request(settings, "HEAD", target).headers.at("content-length"), "300000");
  EXPECT_EQ(signed_request(settings, "DELETE", target).status, 204);
  EXPECT_EQ(signed_request(settings, "HEAD", target).status, 404);
}

/// As a query wants it; GcsServer's needs unescaping and encoding.
std::string upload_id(const std::string& xml) {
  const size_t begin = xml.find("<UploadId>") + 10;
  std::string id = xml.substr(begin, xml.find("</UploadId>") - begin);
  for (size_t at; (at = id.find("&amp;")) != std::string::npos;) id.replace(at, 5, "%26");
  return gcs::percent_encode(gcs::percent_decode(id));
}

void expect_multipart(const S3Settings& settings) {
  const std::string target = "/" + settings.bucket + "/whole";
  const std::string uploads = "/" + settings.bucket + "?uploads=";
  const std::string id = upload_id(signed_request(settings, "POST", target + "?uploads=").body);
  const std::string big(5 << 20, 'b');
  std::string list = "<CompleteMultipartUpload>";
  for (const auto& [number, content] : std::map<int, std::string>{{1, big}, {2, "end"}}) {
    const HttpAnswer part = signed_request(
        settings, "PUT", target + "?partNumber=" + std::to_string(number) + "&uploadId=" + id,
        content);
    ASSERT_EQ(part.status, 200) << part.body;
    list += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" +
            part.headers.at("etag") + "</ETag></Part>";
  }
  list += "</CompleteMultipartUpload>";
  EXPECT_EQ(signed_request(settings, "GET", target).status, 404);
  EXPECT_NE(signed_request(settings, "GET", uploads).body.find("whole"), std::string::npos);
  const HttpAnswer completed = signed_request(settings, "POST", target + "?uploadId=" + id, list);
  EXPECT_EQ(completed.status, 200) << completed.body;
  EXPECT_EQ(signed_request(settings, "GET", target).body, big + "end");
  EXPECT_EQ(signed_request(settings, "GET", uploads).body.find("whole"), std::string::npos);
}

void expect_refusals(S3Settings settings) {
  const std::string target = "/" + settings.bucket + "/key";
  const HttpAnswer wrong_digest = signed_request(settings, "PUT", target, "content",
                                                 {{"Content-MD5", "rL0Y20zC+Fzt72VPzMSk2A=="}});
  EXPECT_GE(wrong_digest.status, 400) << "Content-MD5 is not checked";
  settings.secret_access_key = Secret("not this one");
  EXPECT_EQ(signed_request(settings, "PUT", target, "content").status, 403);
  settings.access_key_id = "nobody";
  EXPECT_EQ(signed_request(settings, "GET", "/" + settings.bucket).status, 403);
}

TEST(CephRgw, serves_two_clusters_at_once) {
  CephRgw one;
  CephRgw other;
  EXPECT_NE(one.endpoint(), other.endpoint());
  const S3Settings first = one.make_bucket("first");
  expect_round_trip(first);
  expect_multipart(first);
  expect_round_trip(other.make_bucket("second"));
  EXPECT_EQ(signed_request(first, "GET", "/second").status, 404);
  expect_refusals(first);
  one.stop();
  EXPECT_FALSE(one.running());
  EXPECT_TRUE(other.running());
}

TEST(CephRgw, serves_virtual_hosts_below_localhost) {
  CephRgw server;
  S3Settings settings = server.make_bucket("bucket");
  ASSERT_EQ(signed_request(settings, "PUT", "/bucket/key", "content").status, 200);
  settings.endpoint.replace(settings.endpoint.find("127.0.0.1"), 9, "bucket.localhost");
  EXPECT_EQ(signed_request(settings, "GET", "/key").body, "content");
}

TEST(CephRgw, refuses_a_second_put_if_asked) {
  CephRgw server;
  const S3Settings settings = server.make_bucket("bucket");
  const std::map<std::string, std::string> once{{"If-None-Match", "*"}};
  EXPECT_EQ(signed_request(settings, "PUT", "/bucket/key", "1", once).status, 200);
  EXPECT_EQ(signed_request(settings, "PUT", "/bucket/key", "2", once).status, 412);
}

TEST(SwiftServer, serves_two_at_once) {
  SwiftServer one;
  SwiftServer other;
  const S3Settings first = one.make_bucket("first");
  expect_round_trip(first);
  expect_multipart(first);
  expect_round_trip(other.make_bucket("second"));
  EXPECT_EQ(signed_request(first, "GET", "/second").status, 404);
  expect_refusals(first);
  one.stop();
  EXPECT_FALSE(one.running());
  EXPECT_TRUE(other.running());
}

TEST(SwiftServer, knows_no_conditional_put) {
  SwiftServer server;
  const S3Settings settings = server.make_bucket("bucket");
  EXPECT_EQ(signed_request(settings, "PUT", "/bucket/key", "1", {{"If-None-Match", "*"}}).status,
            501);
}

TEST(GcsServer, serves_two_at_once) {
  GcsServer one;
  GcsServer other;
  const S3Settings first = one.make_bucket("first");
  expect_round_trip(first);
  expect_multipart(first);
  expect_round_trip(other.make_bucket("second"));
  EXPECT_EQ(signed_request(first, "HEAD", "/second").status, 404);
  expect_refusals(first);
}

TEST(S3Server, reports_what_a_server_that_does_not_start_said) {
  try {
    wait_for_http(
        "http://127.0.0.1:1", 60, [] { return false; }, [] { return "it is broken"; });
    FAIL() << "nothing listens there";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("it is broken"), std::string::npos);
  }
}

}  // namespace
}  // namespace dolibarr_backup
