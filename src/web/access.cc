#include "web/access.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace dolibarr_backup {
namespace {

// Compares digests, so that neither content nor length is told by the time it takes.
bool same(std::string_view a, std::string_view b) {
  const auto digest = [](std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> out;
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
    return out;
  };
  const auto of_a = digest(a), of_b = digest(b);
  return CRYPTO_memcmp(of_a.data(), of_b.data(), of_a.size()) == 0;
}

// The password of RFC 7617's "Basic": a browser can ask for no other kind.
std::string basic_password(std::string_view encoded) {
  constexpr size_t kLongest = 4096;
  if (encoded.empty() || encoded.size() > kLongest || encoded.size() % 4 != 0) return {};
  std::string text(encoded.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(encoded.data()),
                                     static_cast<int>(encoded.size()));
  if (length < 0) return {};
  size_t padding = 0;
  while (padding < 2 && encoded[encoded.size() - 1 - padding] == '=') ++padding;
  text.resize(static_cast<size_t>(length) - padding);
  const size_t colon = text.find(':');
  return colon == std::string::npos ? std::string() : text.substr(colon + 1);
}

std::string host_name(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

}  // namespace

AccessRule::AccessRule(Secret token, ListenAddress address)
    : token_(std::move(token)), address_(std::move(address)) {}

bool AccessRule::has_token(const PageRequest& request) const {
  const std::string& given = request.authorization;
  if (given.starts_with("Bearer ")) return same(given.substr(7), token_.reveal());
  if (given.starts_with("Basic ")) return same(basic_password(given.substr(6)), token_.reveal());
  return false;
}

std::optional<PageResponse> AccessRule::refusal(const PageRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD")
    return PageResponse{
        .status = 405, .body = "only GET and HEAD\n", .headers = {{"Allow", "GET, HEAD"}}};
  if (!token_.empty()) {
    if (has_token(request)) return std::nullopt;
    return PageResponse{.status = 401,
                        .body = "a token is needed\n",
                        .headers = {{"WWW-Authenticate", "Bearer"},
                                    {"WWW-Authenticate", "Basic realm=\"dolibarr-backup\""}}};
  }
  if (address_.loopback() && !ListenAddress{host_name(request.host), 0}.loopback())
    return PageResponse{.status = 403, .body = "this address is served under localhost alone\n"};
  return std::nullopt;
}

}  // namespace dolibarr_backup
