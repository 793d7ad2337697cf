#include "stream/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/error.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

// OpenSSL's clean-up at exit may meet threads (of TBB) that still end and clean up after
// themselves: both free the same. The process ends anyway. Before OpenSSL's first use.
[[maybe_unused]] const int kNoCleanUpAtExit = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);

}  // namespace

void Digest::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Digest::Digest(const char* algorithm) : context_(EVP_MD_CTX_new()) {
  const EVP_MD* method = EVP_get_digestbyname(algorithm);
  if (!context_ || !method || EVP_DigestInit_ex(context_.get(), method, nullptr) != 1)
    throw Error(Errc::bug, std::string("OpenSSL does not offer ") + algorithm)
        .with_hint("a FIPS-only OpenSSL refuses MD5, which S3's Content-MD5 needs");
}

Digest Digest::sha256() {
  return Digest("SHA256");
}
Digest Digest::md5() {
  return Digest("MD5");
}

void Digest::update(Bytes bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1)
    throw Error(Errc::bug, "OpenSSL failed to hash");
}

std::string Digest::finish() {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(context_.get(), raw, &size) != 1)
    throw Error(Errc::bug, "OpenSSL failed to finish a hash");
  return {reinterpret_cast<const char*>(raw), size};
}

std::string Digest::finish_hex() {
  return to_hex(finish());
}

std::string sha256_hex(std::string_view text) {
  Digest digest = Digest::sha256();
  digest.update(text);
  return digest.finish_hex();
}

}  // namespace dolibarr_backup
