#include "support/gcs_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace dolibarr_backup::gcs {
namespace {

constexpr double kLargestSkewSeconds = 900;

/// What differs between Amazon's words and Google's.
struct Dialect {
  std::string algorithm, key_prefix, header_prefix, terminator;
};

const Dialect kAmazon{"AWS4-HMAC-SHA256", "AWS4", "x-amz-", "aws4_request"};
const Dialect kGoogle{"GOOG4-HMAC-SHA256", "GOOG4", "x-goog-", "goog4_request"};

struct Authorization {
  std::string access_key_id, day, region, service, terminator;
  std::vector<std::string> signed_headers;
  std::string signature;
};

std::string hmac(const std::string& key, const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size) == nullptr)
    throw Error(Errc::bug, "OpenSSL has no HMAC");
  return std::string(reinterpret_cast<char*>(out), size);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

/// The value of "<name>=" in the header, up to the next comma.
std::string field(const std::string& header, const std::string& name) {
  const size_t at = header.find(name + "=");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 1;
  return header.substr(begin, header.find(',', begin) - begin);
}

std::optional<Authorization> parse_authorization(const std::string& header) {
  const std::vector<std::string> scope = split(field(header, "Credential"), '/');
  if (scope.size() != 5) return std::nullopt;
  Authorization parsed{scope[0], scope[1], scope[2], scope[3], scope[4], {}, {}};
  parsed.signed_headers = split(field(header, "SignedHeaders"), ';');
  parsed.signature = field(header, "Signature");
  return parsed;
}

/// "20260101T120000Z"; -1 if it is not that.
std::time_t parse_moment(const std::string& text) {
  std::tm moment{};
  const char* end = ::strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &moment);
  return end == nullptr || *end != '\0' ? -1 : ::timegm(&moment);
}

std::string canonical_path(const std::string& path) {
  std::string canonical;
  for (const std::string& segment : split(path, '/'))
    canonical += "/" + percent_encode(percent_decode(segment));
  return canonical.substr(1);
}

std::string canonical_query(const std::string& query) {
  std::vector<std::string> pairs;
  if (query.empty()) return "";
  for (const std::string& pair : split(query, '&')) {
    const size_t equals = pair.find('=');
    const std::string value = equals == std::string::npos ? "" : pair.substr(equals + 1);
    pairs.push_back(percent_encode(percent_decode(pair.substr(0, equals))) + "=" +
                    percent_encode(percent_decode(value)));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string canonical;
  for (const std::string& pair : pairs) canonical += (canonical.empty() ? "" : "&") + pair;
  return canonical;
}

/// Runs of spaces count as one.
std::string canonical_value(const std::string& value) {
  std::string canonical;
  for (const char c : value) {
    if (c != ' ' || (!canonical.empty() && canonical.back() != ' ')) canonical += c;
  }
  if (canonical.ends_with(' ')) canonical.pop_back();
  return canonical;
}

std::string expected_signature(const Request& request, const Authorization& authorization,
                               const Dialect& dialect, const HmacKey& key,
                               const std::string& payload) {
  std::string names, lines;
  for (const std::string& name : authorization.signed_headers) {
    names += (names.empty() ? "" : ";") + name;
    lines += name + ":" + canonical_value(request.header(name)) + "\n";
  }
  const std::string canonical = request.method + "\n" + canonical_path(request.path) + "\n" +
                                canonical_query(request.query) + "\n" + lines + "\n" + names +
                                "\n" + payload;
  const std::string scope = authorization.day + "/" + authorization.region + "/" +
                            authorization.service + "/" + authorization.terminator;
  const std::string to_sign = dialect.algorithm + "\n" +
                              request.header(dialect.header_prefix + "date") + "\n" + scope + "\n" +
                              to_hex(digest("SHA256", canonical));
  std::string derived = dialect.key_prefix + key.secret;
  for (const std::string& part :
       {authorization.day, authorization.region, authorization.service, authorization.terminator})
    derived = hmac(derived, part);
  return to_hex(hmac(derived, to_sign));
}

/// host, and all headers of the dialect that are there.
bool signs_what_it_must(const Request& request, const Authorization& authorization,
                        const Dialect& dialect) {
  const auto is_signed = [&](const std::string& name) {
    return std::find(authorization.signed_headers.begin(), authorization.signed_headers.end(),
                     name) != authorization.signed_headers.end();
  };
  return is_signed("host") &&
         std::all_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
           return !header.first.starts_with(dialect.header_prefix) || is_signed(header.first);
         });
}

std::optional<Refusal> check_payload(const Request& request, const std::string& payload) {
  if (payload.starts_with("STREAMING-"))
    return Refusal{501, "NotImplemented", "chunk signatures are not supported"};
  if (payload != "UNSIGNED-PAYLOAD" && payload != to_hex(digest("SHA256", request.body)))
    return Refusal{400, "XAmzContentSHA256Mismatch", "the payload has another hash"};
  const std::string md5 = request.header("content-md5");
  if (!md5.empty() && md5 != to_base64(digest("MD5", request.body)))
    return Refusal{400, "BadDigest", "the payload has another MD5"};
  return std::nullopt;
}

}  // namespace

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::optional<Refusal> check_signature(const Request& request, const HmacKey& key,
                                       std::time_t now) {
  const std::string header = request.header("authorization");
  if (header.empty()) return Refusal{403, "AccessDenied", "anonymous access is refused"};
  const Dialect& dialect = header.starts_with("GOOG4") ? kGoogle : kAmazon;
  const std::optional<Authorization> authorization = parse_authorization(header);
  if (!header.starts_with(dialect.algorithm + " ") || !authorization ||
      authorization->terminator != dialect.terminator)
    return Refusal{400, "AuthorizationHeaderMalformed", "cannot read: " + header};
  if (authorization->access_key_id != key.access_key_id)
    return Refusal{403, "InvalidSecurity", "no such key"};
  const std::string date = request.header(dialect.header_prefix + "date");
  const std::time_t moment = parse_moment(date);
  if (moment == -1 || date.substr(0, 8) != authorization->day)
    return Refusal{403, "AccessDenied", "the request has no date"};
  if (std::abs(std::difftime(now, moment)) > kLargestSkewSeconds)
    return Refusal{403, "RequestTimeTooSkewed", "the clocks differ"};
  const std::string payload = request.header(dialect.header_prefix + "content-sha256");
  if (!signs_what_it_must(request, *authorization, dialect) ||
      expected_signature(request, *authorization, dialect, key, payload) !=
          authorization->signature)
    return Refusal{403, "SignatureDoesNotMatch", "the signature is another"};
  return check_payload(request, payload);
}

std::string percent_decode(const std::string& text) {
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      decoded += static_cast<char>(std::strtol(text.substr(at + 1, 2).c_str(), nullptr, 16));
      at += 2;
    } else {
      decoded += text[at];
    }
  }
  return decoded;
}

std::string percent_encode(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += "0123456789ABCDEF"[byte >> 4];
      encoded += "0123456789ABCDEF"[byte & 15];
    }
  }
  return encoded;
}

std::map<std::string, std::string> parse_query(const std::string& query) {
  std::map<std::string, std::string> values;
  if (query.empty()) return values;
  for (const std::string& pair : split(query, '&')) {
    const size_t equals = pair.find('=');
    values[percent_decode(pair.substr(0, equals))] =
        equals == std::string::npos ? "" : percent_decode(pair.substr(equals + 1));
  }
  return values;
}

std::string digest(const char* algorithm, const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  size_t size = 0;
  if (EVP_Q_digest(nullptr, algorithm, nullptr, text.data(), text.size(), out, &size) != 1)
    throw Error(Errc::bug, std::string("OpenSSL has no ") + algorithm);
  return std::string(reinterpret_cast<char*>(out), size);
}

std::string to_hex(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::string to_base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

}  // namespace dolibarr_backup::gcs
