#include "store/s3_xml.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Instant kTime = std::chrono::sys_days(std::chrono::year(2026) / 6 / 30) +
                          std::chrono::hours(2) + std::chrono::minutes(15);

template <typename Body>
void expect_not_s3(Body&& body) {
  try {
    body();
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::store);
    EXPECT_FALSE(error.transient());
    EXPECT_THAT(error.hint(), HasSubstr("endpoint"));
  }
}

std::string object(const std::string& key, const std::string& size = "5",
                   const std::string& time = "2026-06-30T02:15:00.000Z") {
  return "<Contents><Key>" + key + "</Key><LastModified>" + time +
         "</LastModified><ETag>&quot;x&quot;</ETag><Size>" + size + "</Size></Contents>";
}

std::string page(const std::string& content) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
         content + "</ListBucketResult>";
}

TEST(S3Xml, ParsesAPageOfObjects) {
  const ObjectPage found = parse_object_page(
      page("<IsTruncated>true</IsTruncated><NextContinuationToken>tok</NextContinuationToken>" +
           object("a/b") + object("&lt;é&amp;&#34;", "5497558138880", "2026-06-30T02:15:00Z")));
  EXPECT_THAT(found.objects,
              ElementsAre(ObjectInfo{.key = "a/b", .size = 5, .modified = kTime},
                          ObjectInfo{.key = "<é&\"", .size = 5497558138880, .modified = kTime}));
  EXPECT_EQ(found.next, "tok");
}

TEST(S3Xml, TheLastPageHasNoNext) {
  EXPECT_EQ(parse_object_page(page("<IsTruncated>false</IsTruncated>" + object("a"))).next, "");
  EXPECT_THAT(parse_object_page(page("")).objects, IsEmpty());
}

TEST(S3Xml, KeepsBlanksOfKeys) {
  EXPECT_EQ(parse_object_page(page(object(" lead trail "))).objects.at(0).key, " lead trail ");
  EXPECT_EQ(parse_object_page(page(object(" "))).objects.at(0).key, " ");
}

TEST(S3Xml, RefusesBrokenPages) {
  for (const std::string& broken :
       {std::string(), std::string("not xml"), std::string("<html><body>Sign in</body></html>"),
        std::string("<ListBucketResult>"), page(object("a")).substr(0, 200), page(object("", "5")),
        page(object("a", "")), page(object("a", "-1")), page(object("a", "5x")),
        page(object("a", "99999999999999999999999")), page(object("a", "5", "yesterday")),
        page("<IsTruncated>true</IsTruncated>"),
        std::string("<Error><Code>AccessDenied</Code></Error>")})
    expect_not_s3([&] { parse_object_page(broken); });
}

TEST(S3Xml, ParsesAPageOfUploads) {
  const std::string xml =
      "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
      "<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>i</NextUploadIdMarker>"
      "<Upload><Key>a</Key><UploadId>2~x</UploadId><Initiated>2026-06-30T02:15:00.123Z</Initiated>"
      "</Upload></ListMultipartUploadsResult>";
  const UploadPage found = parse_upload_page(xml);
  ASSERT_EQ(found.uploads.size(), 1u);
  EXPECT_EQ(found.uploads[0].key, "a");
  EXPECT_EQ(found.uploads[0].id, "2~x");
  EXPECT_EQ(found.uploads[0].started, kTime);
  EXPECT_EQ(found.next_key, "k");
  EXPECT_EQ(found.next_id, "i");
  expect_not_s3([&] { parse_upload_page(page("")); });
  expect_not_s3([&] {
    parse_upload_page(
        "<ListMultipartUploadsResult><Upload><Key>a</Key></Upload>"
        "</ListMultipartUploadsResult>");
  });
}

TEST(S3Xml, ParsesAnUploadId) {
  EXPECT_EQ(parse_upload_id("<s:InitiateMultipartUploadResult xmlns:s='x'><UploadId>7</UploadId>"
                            "</s:InitiateMultipartUploadResult>"),
            "7");
  expect_not_s3([] { parse_upload_id("<InitiateMultipartUploadResult/>"); });
  expect_not_s3([] { parse_upload_id(""); });
}

TEST(S3Xml, TellsASuccessfulCompletionFromAFailedOne) {
  EXPECT_TRUE(
      is_complete_result("<?xml version=\"1.0\"?>\n  \n <CompleteMultipartUploadResult>"
                         "<ETag>x</ETag></CompleteMultipartUploadResult>"));
  EXPECT_FALSE(is_complete_result("<Error><Code>InternalError</Code></Error>"));
  EXPECT_FALSE(is_complete_result("<CompleteMultipartUploadResult><ETag>"));
  EXPECT_FALSE(is_complete_result("   \n  "));
  EXPECT_FALSE(is_complete_result(""));
}

TEST(S3Xml, ParsesErrors) {
  const auto error = parse_error(
      "<Error><Code>PermanentRedirect</Code><Message>Go &amp; look</Message>"
      "<Endpoint>s3.eu-west-3.amazonaws.com</Endpoint><Region>eu-west-3</Region></Error>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "PermanentRedirect");
  EXPECT_EQ(error->message, "Go & look");
  EXPECT_EQ(error->endpoint, "s3.eu-west-3.amazonaws.com");
  EXPECT_EQ(error->region, "eu-west-3");
  EXPECT_FALSE(parse_error("<html><h1>502 Bad Gateway</h1></html>"));
  EXPECT_FALSE(parse_error("<Error><Code>Cut"));
  EXPECT_FALSE(parse_error(""));
}

TEST(S3Xml, WritesTheListOfParts) {
  EXPECT_EQ(complete_request({"\"a\"", "b&c"}),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>b&amp;c</ETag></Part>"
            "</CompleteMultipartUpload>");
}

TEST(S3Xml, ParsesTimes) {
  EXPECT_EQ(parse_xml_time("2026-06-30T02:15:00.999Z"), kTime);
  EXPECT_EQ(parse_http_time("Tue, 30 Jun 2026 02:15:00 GMT"), kTime);
  EXPECT_EQ(parse_http_time(""), std::nullopt);
  EXPECT_EQ(parse_http_time("soon"), std::nullopt);
  expect_not_s3([] { parse_xml_time("2026-06-30"); });
  expect_not_s3([] { parse_xml_time("2026-06-30T02:15:00+02:00"); });
}

}  // namespace
}  // namespace dolibarr_backup
