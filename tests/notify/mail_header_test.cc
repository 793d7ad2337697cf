#include "notify/mail_header.h"

#include <gmock/gmock.h>

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(MailHeader, PlainTextStaysAsItIs) {
  EXPECT_EQ(header_text("dolibarr-backup prod: backup ok"), "dolibarr-backup prod: backup ok");
  EXPECT_EQ(header_text(""), "");
}

TEST(MailHeader, NoTextCanBeginAnotherHeader) {
  const std::string value = header_text(
      "prod\r\nBcc: thief@example.com\n\n\x01"
      "body");
  EXPECT_EQ(value, "prod  Bcc: thief@example.com   body");
  const std::string encoded = header_text("d\xc3\xa9j\xc3\xa0\r\nBcc: thief@example.com");
  EXPECT_THAT(encoded, StartsWith("=?UTF-8?B?"));
  EXPECT_THAT(encoded, Not(HasSubstr("Bcc")));
}

TEST(MailHeader, OtherTextIsEncodedInWordsThatEndBetweenCharacters) {
  EXPECT_EQ(header_text("é"), "=?UTF-8?B?w6k=?=");
  std::string text = "a";
  for (int i = 0; i < 100; ++i) text += "é";
  const std::string value = header_text(text);
  size_t lines = 0;
  for (size_t at = 0; at < value.size(); ++lines) {
    const size_t end = std::min(value.find("\r\n", at), value.size());
    const std::string line = value.substr(at, end - at);
    EXPECT_LE(line.size(), 76u);
    EXPECT_THAT(line, StartsWith(lines == 0 ? "=?UTF-8?B?" : " =?UTF-8?B?"));
    // 45 bytes would end inside an é.
    EXPECT_THAT(line, Not(HasSubstr("w?="))) << line;
    at = end + 2;
  }
  EXPECT_EQ(lines, 5u);
}

TEST(MailHeader, BytesThatAreNoUtf8AreReplaced) {
  EXPECT_EQ(header_text("a\xff\xc3"), "a??");
}

TEST(MailHeader, WhatLooksEncodedIsEncoded) {
  EXPECT_THAT(header_text("=?UTF-8?Q?x?="), StartsWith("=?UTF-8?B?PT9"));
}

TEST(MailHeader, ADateIsOfRfc5322) {
  EXPECT_EQ(header_date(*parse_instant("2026-11-26T17:13:40Z")), "Thu, 26 Nov 2026 17:13:40 +0000");
  EXPECT_EQ(header_date(*parse_instant("2026-01-02T03:04:05Z")), "Fri, 02 Jan 2026 03:04:05 +0000");
}

}  // namespace
}  // namespace dolibarr_backup
