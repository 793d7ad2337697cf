#include "core/dolcrypt.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"
#include "core/base64.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kPrefix = "dolcrypt:AES-256-CTR:";
constexpr size_t kKeyBytes = 32;
constexpr size_t kVectorBytes = 16;

std::string decrypt(const std::string& bytes, const Secret& key, std::string_view vector) {
  std::array<unsigned char, kKeyBytes> raw_key{};
  const std::string& text = key.reveal();
  std::copy_n(text.begin(), std::min(text.size(), kKeyBytes), raw_key.begin());
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
      EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  std::string plain(bytes.size(), '\0');
  int size = 0;
  if (!context ||
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_ctr(), nullptr, raw_key.data(),
                         reinterpret_cast<const unsigned char*>(vector.data())) != 1 ||
      EVP_DecryptUpdate(context.get(), reinterpret_cast<unsigned char*>(plain.data()), &size,
                        reinterpret_cast<const unsigned char*>(bytes.data()),
                        static_cast<int>(bytes.size())) != 1)
    throw Error(Errc::bug, "OpenSSL failed to decrypt");
  return plain;
}

}  // namespace

std::optional<std::string> decrypt_dolcrypt(std::string_view value, const Secret& key) {
  if (!value.starts_with(kPrefix)) return std::nullopt;
  value.remove_prefix(kPrefix.size());
  if (value.size() <= kVectorBytes || value[kVectorBytes] != ':') return std::nullopt;
  const auto bytes = decode_base64(value.substr(kVectorBytes + 1));
  if (!bytes) return std::nullopt;
  return decrypt(*bytes, key, value.substr(0, kVectorBytes));
}

bool is_iban(std::string_view text) {
  std::string account;
  for (const char c : text)
    if (c != ' ') account += c;
  if (account.size() < 15 || account.size() > 34) return false;
  std::rotate(account.begin(), account.begin() + 4, account.end());
  unsigned rest = 0;
  for (size_t i = 0; i < account.size(); ++i) {
    const char c = account[i];
    const bool digit = c >= '0' && c <= '9', letter = c >= 'A' && c <= 'Z';
    // Now at its end: two letters of the country, two check digits.
    const size_t from_end = account.size() - i;
    if (from_end == 4 || from_end == 3 ? !letter : from_end <= 2 ? !digit : !(digit || letter))
      return false;
    rest = (digit ? rest * 10 + static_cast<unsigned>(c - '0')
                  : rest * 100 + static_cast<unsigned>(c - 'A') + 10) %
           97;
  }
  return rest == 1;
}

}  // namespace dolibarr_backup
