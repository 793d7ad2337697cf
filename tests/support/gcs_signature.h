#pragma once

#include <ctime>
#include <map>
#include <optional>
#include <string>

/// How GcsServer checks signatures: from the published description of the scheme,
/// apart from the program's own signer. Pure.
namespace dolibarr_backup::gcs {

struct Request {
  std::string method;
  std::string path;                            ///< as sent, percent-encoded
  std::string query;                           ///< as sent, without '?'
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  /// "" if there is no such header.
  std::string header(const std::string& name) const;
};

/// An answer that refuses: HTTP status and the <Code> of the XML.
struct Refusal {
  int status;
  std::string code, message;
};

struct HmacKey {
  std::string access_key_id, secret;
};

/// Checks the Authorization header (AWS4-HMAC-SHA256 or GOOG4-HMAC-SHA256), the
/// clock (15 minutes), the payload's hash and Content-MD5. Nothing if all is well.
std::optional<Refusal> check_signature(const Request& request, const HmacKey& key, std::time_t now);

std::string percent_decode(const std::string& text);
/// All but unreserved characters, upper case.
std::string percent_encode(const std::string& text);
/// Decoded names and values of a query.
std::map<std::string, std::string> parse_query(const std::string& query);
std::string digest(const char* algorithm, const std::string& text);  ///< raw bytes
std::string to_hex(const std::string& bytes);
std::string to_base64(const std::string& bytes);

}  // namespace dolibarr_backup::gcs
