#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/secret.h"
#include "core/settings.h"

/// A proof that the key of conf.php which was kept with a backup opens what the database
/// holds encrypted.
namespace dolibarr_backup {

/// No value is ever in it, only where it stands.
struct SecretValueReport {
  uint64_t found = 0;                    ///< values of a form that can tell keys apart
  uint64_t plausible = 0;                ///< ... that this key opens
  std::vector<std::string> implausible;  ///< "llx_societe_rib rowid 5: iban_prefix"; at most 20
  /// Nothing to try the key on: neither proven nor refuted.
  bool untold() const { return found == 0; }
  bool key_fits() const { return 2 * plausible > found; }
};

/// Decrypts with `key` (see decrypt_dolcrypt) each IBAN of <prefix>societe_rib, which must
/// pass its check digits, and each BLOCKEDLOG_HMAC_KEY of <prefix>const, which must begin
/// with BLOCKEDLOGHMAC. Account numbers that are not encrypted are passed over. An encrypted
/// account number that never was an IBAN is implausible under any key, hence the majority in
/// key_fits(); under a wrong key none passes by chance.
SecretValueReport check_secret_values(const DatabaseSettings& settings, const Secret& key,
                                      const std::stop_token& stop);

}  // namespace dolibarr_backup
