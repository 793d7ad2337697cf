#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

/// Values that Dolibarr encrypts with a key of its conf.php, "dolcrypt:AES-256-CTR:<iv>:<base64>",
/// and whether a key is the right one. The cipher has no check of its own: another key gives
/// other bytes and no error, so only values of a known form can tell. Pure.
namespace dolibarr_backup {

/// `key` is $dolibarr_main_dolcrypt_key, else $dolibarr_main_instance_unique_id, as in
/// conf.php. Nullopt if the value has another form or another cipher. PHP's openssl_encrypt
/// takes the first 32 bytes of the key, filled up with zero bytes, and the text of the
/// initialisation vector as it is.
std::optional<std::string> decrypt_dolcrypt(std::string_view value, const Secret& key);

/// An international bank account number: country, check digits by ISO 7064 mod 97-10, 15 to
/// 34 characters; blanks do not count.
bool is_iban(std::string_view text);

}  // namespace dolibarr_backup
