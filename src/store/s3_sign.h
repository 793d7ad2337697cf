#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/units.h"

/// AWS Signature Version 4 for S3 (AWS "Authenticating Requests: Using the
/// Authorization Header"). Pure: the time is an argument.
namespace dolibarr_backup {

struct SigningKey {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  ///< "" if the key is not a temporary one
  std::string region;
};

/// What a signature covers. Names of headers are lower-case; names and values of
/// the query are plain text.
struct SignedRequest {
  std::string method;
  std::string host;  ///< as the Host header will have it, with a port that is not the scheme's
  std::string path;  ///< already percent-encoded, from '/'
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;
  std::string payload_sha256;  ///< hexadecimal
};

/// Percent-encodes all but RFC 3986's unreserved characters, upper-case.
std::string percent_encode(std::string_view text);
/// The same, keeping '/'.
std::string percent_encode_path(std::string_view path);
/// "a=1&b=": encoded and sorted as the signature wants it; also what is sent.
std::string canonical_query(const std::map<std::string, std::string>& query);

/// `request.headers` with x-amz-date, x-amz-content-sha256, x-amz-security-token
/// and authorization added. Signed are host, content-md5, content-type, date, range
/// and all x-amz-*: the others (accept-encoding above all) may be rewritten by a front end.
std::map<std::string, std::string> sign(const SignedRequest& request, const SigningKey& key,
                                        Instant now);

}  // namespace dolibarr_backup
