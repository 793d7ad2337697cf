#include "store/key_rules.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

bool accepts_key(const std::string& key) {
  try {
    require_valid_key(key);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
    return false;
  }
}

bool accepts_prefix(const std::string& prefix) {
  try {
    require_valid_prefix(prefix);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
    return false;
  }
}

std::string of_length(size_t bytes) {
  std::string key;
  while (key.size() < bytes) key += key.size() % 100 == 99 ? '/' : 'k';
  return key;
}

TEST(KeyRules, AcceptsRelativePaths) {
  for (const char* key : {"a", "erp/prod/db/20260630T021500Z-k3f7qa.dump", ".fp-db", "a b", "a+b",
                          "é/ü/漢字/😀", "~", "...", "a/.uploads", ".uploads2", "-"})
    EXPECT_TRUE(accepts_key(key)) << key;
}

TEST(KeyRules, RefusesWhatIsNoRelativePath) {
  for (const char* key :
       {"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", ".uploads", ".uploads/x"})
    EXPECT_FALSE(accepts_key(key)) << key;
}

TEST(KeyRules, RefusesControlCharactersAndBrokenUtf8) {
  for (const std::string& key :
       {std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"), std::string("\xff"),
        std::string("\xc3"), std::string("\xc3("), std::string("\xc0\xaf"),
        std::string("\xe0\x80\xaf"), std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80"),
        std::string("\xf0\x9f\x98")})
    EXPECT_FALSE(accepts_key("a" + key)) << key;
}

TEST(KeyRules, HoldsToTheLimitsOfS3AndOfFileSystems) {
  EXPECT_TRUE(accepts_key(of_length(1024)));
  EXPECT_FALSE(accepts_key(of_length(1025)));
  EXPECT_TRUE(accepts_key("a/" + std::string(255, 'n')));
  EXPECT_FALSE(accepts_key("a/" + std::string(256, 'n')));
}

TEST(KeyRules, PrefixesMayEndAnywhere) {
  for (const std::string& prefix :
       {std::string(), std::string("a"), std::string("a/"), std::string("a/b"), std::string("."),
        std::string(".uploads"), of_length(1024), std::string(255, 'n')})
    EXPECT_TRUE(accepts_prefix(prefix)) << prefix;
  for (const std::string& prefix : {std::string("/"), std::string("a//"), std::string("../"),
                                    std::string(".uploads/"), std::string("a\n"), of_length(1025)})
    EXPECT_FALSE(accepts_prefix(prefix)) << prefix;
}

}  // namespace
}  // namespace dolibarr_backup
