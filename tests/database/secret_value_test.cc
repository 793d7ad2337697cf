#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/dolcrypt.h"
#include "database/erp_database.h"
#include "dolibarr/secret_value_check.h"

// Values encrypted by the openssl program: openssl enc -aes-256-ctr -K <key, padded> -iv <text>.
namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kHead = "dolcrypt:AES-256-CTR:0123456789abcdef:";
const std::string kIban = kHead + "q1s7XmRj8UNZk6PtC/3EDR+AOgKyiWRsY4rB";
const std::string kHmacKey = kHead + "r0VDKxwWhT8g5NuQeo/EDR+A";

TEST(Dolcrypt, is_opened_by_its_key_alone) {
  EXPECT_EQ(decrypt_dolcrypt(kIban, Secret("instancekey")), "FR7630006000011234567890189");
  EXPECT_EQ(decrypt_dolcrypt(kHmacKey, Secret("instancekey")), "BLOCKEDLOGHMAC1234");
  // Only the first 32 bytes of a key count.
  for (const char* key :
       {"0123456789abcdef0123456789abcdefTOOLONG", "0123456789abcdef0123456789abcdef"})
    EXPECT_EQ(decrypt_dolcrypt(kHead + "vm6tVu8866gXr0nm5eonB4arXUt4WhtXTRA1", Secret(key)),
              "FR7630006000011234567890189");
  EXPECT_NE(decrypt_dolcrypt(kIban, Secret("another key")), "FR7630006000011234567890189");
}

TEST(Dolcrypt, of_another_form_is_not_opened) {
  const Secret key("instancekey");
  for (const std::string& value :
       {std::string(""), std::string("FR7630006000011234567890189"), kHead, kHead + "*",
        kHead + "ab=", std::string("dolcrypt:AES-256-CBC:0123456789abcdef:abcd"),
        std::string("dolcrypt:AES-256-CTR:0123:abcd"), std::string("dolcrypt:AES-256-CTR:")})
    EXPECT_FALSE(decrypt_dolcrypt(value, key)) << value;
}

TEST(Iban, has_check_digits) {
  for (const char* good : {"FR7630006000011234567890189", "DE89 3704 0044 0532 0130 00",
                           "NO9386011117947", "GB82WEST12345698765432"})
    EXPECT_TRUE(is_iban(good)) << good;
  for (const char* bad : {"", "FR76", "FR7630006000011234567890188", "fr7630006000011234567890189",
                          "7630006000011234567890189FR", "FR76300060000112345\x01\x02\x03\x04\x05"})
    EXPECT_FALSE(is_iban(bad)) << bad;
}

TEST(SecretValues, tell_whether_the_key_fits) {
  const ErpDatabase database;
  const auto check = [&](const char* key) {
    return check_secret_values(database.settings, Secret(key), {});
  };
  EXPECT_TRUE(check("instancekey").untold());
  database.sql(
      "create table llx_societe_rib (rowid int, iban_prefix text); "
      "create table llx_const (rowid int, name text, value text); "
      "insert into llx_societe_rib values (1, " +
      quote_literal(kIban) + "), (2, null), (3, 'FR76'); insert into llx_const values (7, " +
      "'BLOCKEDLOG_HMAC_KEY', " + quote_literal(kHmacKey) + "), (8, 'OTHER_KEY', " +
      quote_literal(kIban) + ")");
  SecretValueReport report = check("instancekey");
  EXPECT_EQ(report.found, 2u);
  EXPECT_TRUE(report.key_fits());
  EXPECT_THAT(report.implausible, IsEmpty());
  report = check("another key");
  EXPECT_EQ(report.found, 2u);
  EXPECT_FALSE(report.key_fits());
  EXPECT_THAT(report.implausible, ElementsAre("llx_societe_rib rowid 1: iban_prefix",
                                              "llx_const rowid 7: BLOCKEDLOG_HMAC_KEY"));
}

}  // namespace
}  // namespace dolibarr_backup
