#include "store/s3_sign.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cctype>
#include <set>
#include <vector>

#include "base/error.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string hmac_sha256(std::string_view key, std::string_view text) {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), raw, &size))
    throw Error(Errc::bug, "OpenSSL failed to compute an HMAC");
  return {reinterpret_cast<const char*>(raw), size};
}

std::string encode(std::string_view text, std::string_view kept) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && std::isalnum(byte);
    if (plain || kept.find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

bool is_signed(const std::string& name) {
  static const std::set<std::string_view> names = {"content-md5", "content-type", "date", "host",
                                                   "range"};
  return names.count(name) > 0 || name.compare(0, 6, "x-amz-") == 0;
}

struct CanonicalHeaders {
  std::string lines;  // "name:value\n" each
  std::string names;  // "a;b"
};

CanonicalHeaders canonical_headers(const std::map<std::string, std::string>& headers) {
  CanonicalHeaders canonical;
  for (const auto& [name, value] : headers) {
    if (!is_signed(name)) continue;
    canonical.lines += fmt::format("{}:{}\n", name, trim(value));
    canonical.names += (canonical.names.empty() ? "" : ";") + name;
  }
  return canonical;
}

std::string signature_of(const std::string& string_to_sign, const SigningKey& key,
                         const std::string& date) {
  const std::string date_key = hmac_sha256("AWS4" + key.secret_access_key.reveal(), date);
  const std::string region_key = hmac_sha256(date_key, key.region);
  const std::string service_key = hmac_sha256(region_key, "s3");
  return to_hex(hmac_sha256(hmac_sha256(service_key, "aws4_request"), string_to_sign));
}

}  // namespace

std::string percent_encode(std::string_view text) {
  return encode(text, "-._~");
}
std::string percent_encode_path(std::string_view path) {
  return encode(path, "-._~/");
}

std::string canonical_query(const std::map<std::string, std::string>& query) {
  // Sorted by the encoded name, which can differ from the order of the plain ones.
  std::map<std::string, std::string> encoded;
  for (const auto& [name, value] : query) encoded[percent_encode(name)] = percent_encode(value);
  std::string out;
  for (const auto& [name, value] : encoded)
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, value);
  return out;
}

std::map<std::string, std::string> sign(const SignedRequest& request, const SigningKey& key,
                                        Instant now) {
  const std::tm utc = fmt::gmtime(now.time_since_epoch().count());
  const std::string timestamp = fmt::format("{:%Y%m%dT%H%M%SZ}", utc);
  const std::string date = timestamp.substr(0, 8);

  std::map<std::string, std::string> headers = request.headers;
  headers["host"] = request.host;
  headers["x-amz-date"] = timestamp;
  headers["x-amz-content-sha256"] = request.payload_sha256;
  if (!key.session_token.empty()) headers["x-amz-security-token"] = key.session_token.reveal();

  const CanonicalHeaders canonical = canonical_headers(headers);
  const std::string canonical_request = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path, canonical_query(request.query),
      canonical.lines, canonical.names, request.payload_sha256);
  const std::string scope = fmt::format("{}/{}/s3/aws4_request", date, key.region);
  const std::string string_to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, timestamp, scope, sha256_hex(canonical_request));
  headers["authorization"] = fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}",
                                         kAlgorithm, key.access_key_id, scope, canonical.names,
                                         signature_of(string_to_sign, key, date));
  return headers;
}

}  // namespace dolibarr_backup
