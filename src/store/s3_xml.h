#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/object_store.h"

/// The XML of the S3 API ("Amazon S3 API Reference", data types). Pure. Namespaces
/// are ignored: GCS, Ceph and Swift differ in them. Every function throws
/// Error(Errc::store) for text that is not the document it expects.
namespace dolibarr_backup {

/// The hint of an Error for an answer that is none of S3's.
inline constexpr const char* kNotS3Hint =
    "look whether the setting 'endpoint' names the S3 API itself, not a console, a proxy's page or "
    "another service, and whether 'bucket' and 'addressing' (path or virtual-host) are right";

/// An <Error> document.
struct S3ErrorBody {
  std::string code, message;
  std::string region, endpoint;  ///< what redirects and region errors name
};

/// Nullopt if `xml` is no <Error> document (an empty body, a proxy's HTML).
std::optional<S3ErrorBody> parse_error(std::string_view xml);

/// One page of ListObjectsV2; `next` is the continuation token, "" on the last.
struct ObjectPage {
  std::vector<ObjectInfo> objects;
  std::string next;
};
ObjectPage parse_object_page(std::string_view xml);

/// One page of ListMultipartUploads; both markers are "" on the last.
struct UploadPage {
  std::vector<PendingUpload> uploads;
  std::string next_key, next_id;
};
UploadPage parse_upload_page(std::string_view xml);

/// The upload id of an <InitiateMultipartUploadResult>.
std::string parse_upload_id(std::string_view xml);

/// Whether `xml` is a <CompleteMultipartUploadResult>.
bool is_complete_result(std::string_view xml);

/// The body of CompleteMultipartUpload: etags of the parts from number 1 on.
std::string complete_request(const std::vector<std::string>& etags);

/// "2026-06-30T02:15:00.000Z"; fractions of a second are dropped.
Instant parse_xml_time(const std::string& text);
/// "Tue, 30 Jun 2026 02:15:00 GMT"; nullopt if it is none.
std::optional<Instant> parse_http_time(const std::string& text);

}  // namespace dolibarr_backup
