// What a server answers may be anything: it is read, or refused as no answer of S3.
#include "store/s3_xml.h"

#include "base/error.h"
#include "fuzz/seeds.h"

namespace dolibarr_backup::fuzz {
namespace {

template <typename Read>
void refused_or_read(const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    require(error.code() == Errc::store, "what S3 would not send is the store's failure");
  }
}

void check(std::string_view xml) {
  refused_or_read([&] {
    for (const ObjectInfo& object : parse_object_page(xml).objects)
      require(!object.key.empty(), "an object has a key");
  });
  refused_or_read([&] {
    for (const PendingUpload& upload : parse_upload_page(xml).uploads)
      require(!upload.key.empty() && !upload.id.empty(), "an upload has a key and an id");
  });
  refused_or_read([&] { require(!parse_upload_id(xml).empty(), "an upload id"); });
  refused_or_read([&] { parse_error(xml); });
  refused_or_read([&] { is_complete_result(xml); });
  const std::string text(xml);
  refused_or_read([&] { parse_xml_time(text); });
  parse_http_time(text);
  const std::string request = complete_request({text, "\"etag\""});
  require(request.find("</CompleteMultipartUpload>") != std::string::npos, "a whole request");
}

}  // namespace

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> all = {
      R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>true</IsTruncated>
<NextContinuationToken>t</NextContinuationToken><Contents><Key>erp/a&amp;b</Key><Size>12</Size>
<LastModified>2026-06-30T02:15:00.000Z</LastModified></Contents></ListBucketResult>)",
      R"(<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>
<NextUploadIdMarker>i</NextUploadIdMarker><Upload><Key>k</Key><UploadId>i</UploadId>
<Initiated>2026-06-30T02:15:00Z</Initiated></Upload></ListMultipartUploadsResult>)",
      "<InitiateMultipartUploadResult><UploadId>x</UploadId></InitiateMultipartUploadResult>",
      "<CompleteMultipartUploadResult><ETag>&quot;e&quot;</ETag></CompleteMultipartUploadResult>",
      R"(<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message><Region>r</Region>
<Endpoint>e</Endpoint><ServerTime>2026-06-30T02:15:00Z</ServerTime></Error>)",
      "2026-06-30T02:15:00.000Z",
      "Tue, 30 Jun 2026 02:15:00 GMT"};
  return all;
}

}  // namespace dolibarr_backup::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dolibarr_backup::fuzz;
  check(text_of(data, size));
  return 0;
}
