#include "core/record_text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>

namespace dolibarr_backup {
namespace {

// Bytes that are rich in the beginnings and ends of UTF-8 sequences.
rc::Gen<std::string> bytes() {
  const auto byte = rc::gen::weightedOneOf<char>(
      {{2, rc::gen::element('\\', 'x', '0', 'f', '\0', '\n', '"')},
       {2, rc::gen::map(rc::gen::element(0x80, 0xbf, 0xc1, 0xc3, 0xa9, 0xe0, 0xa0, 0xed, 0xef, 0xf0,
                                         0x90, 0xf4, 0xf5, 0xff),
                        [](int value) { return static_cast<char>(value); })},
       {1, rc::gen::arbitrary<char>()}});
  return rc::gen::container<std::string>(byte);
}

RC_GTEST_PROP(RecordTextProperty, EveryByteStringComesBack, ()) {
  const std::string plain = *bytes();
  const std::string text = to_record_text(plain);
  RC_ASSERT(from_record_text(text) == std::optional<std::string>(plain));
  // JSON takes it, which it does of valid UTF-8 only, and gives it back.
  RC_ASSERT(nlohmann::json::parse(nlohmann::json(text).dump()).get<std::string>() == text);
}

RC_GTEST_PROP(RecordTextProperty, AnyTextIsReadOrRefused, ()) {
  const std::string text = *bytes();
  if (const std::optional<std::string> plain = from_record_text(text))
    RC_ASSERT(from_record_text(to_record_text(*plain)) == plain);
}

TEST(RecordText, LeavesValidUtf8AsItIs) {
  for (const std::string text : {"", "facture/FA2606-0001", "é", "€", "𝄞", "\x7f", "\xed\x9f\xbf",
                                 "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(to_record_text(text), text);
}

TEST(RecordText, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(to_record_text("a\\b"), "a\\\\b");
  EXPECT_EQ(to_record_text("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(to_record_text("\xc3"), "\\xc3");
  EXPECT_EQ(to_record_text("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(to_record_text("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "overlong";
  EXPECT_EQ(to_record_text("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf") << "overlong";
  EXPECT_EQ(to_record_text("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(to_record_text("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
  EXPECT_EQ(to_record_text("\xe2\x82"), "\\xe2\\x82") << "cut off";
}

TEST(RecordText, KnowsNoOtherEscape) {
  for (const std::string text :
       {"\\", "a\\", "\\n", "\\x", "\\x4", "\\xg0", "\\x4g", "\\x-1", "\\x 1", "\\\\\\", "\\u00e9"})
    EXPECT_EQ(from_record_text(text), std::nullopt) << text;
  EXPECT_EQ(from_record_text("\\xE9"), "\xe9");
}

TEST(CutText, LeavesShortTextAlone) {
  EXPECT_EQ(cut_text("", 3), "");
  EXPECT_EQ(cut_text("abc", 3), "abc");
}

TEST(CutText, SaysHowManyBytesItLeftOut) {
  EXPECT_EQ(cut_text("abcdef", 3), "abc [3 bytes left out]");
}

TEST(CutText, NeverCutsInsideACharacter) {
  EXPECT_EQ(cut_text("aé€x", 2), "a [6 bytes left out]");
  EXPECT_EQ(cut_text("aé€x", 3), "aé [4 bytes left out]");
  EXPECT_EQ(cut_text("aé€x", 5), "aé [4 bytes left out]");
  EXPECT_EQ(cut_text("aé€x", 6), "aé€ [1 bytes left out]");
}

TEST(CutText, KeepsMostOfWhatIsNoUtf8) {
  const std::string cut = cut_text(std::string(100, '\x80'), 50);
  EXPECT_GE(cut.size(), 47u);
}

RC_GTEST_PROP(RecordTextProperty, ACutTextBeginsAsTheWholeDid, ()) {
  const std::string plain = *bytes();
  const auto most = *rc::gen::inRange<size_t>(0, 40);
  const std::string cut = cut_text(plain, most);
  if (plain.size() <= most) {
    RC_ASSERT(cut == plain);
    return;
  }
  const size_t mark = cut.rfind(" [");
  RC_ASSERT(mark <= most);
  RC_ASSERT(mark + 4 > most);
  RC_ASSERT(plain.substr(0, mark) == cut.substr(0, mark));
  RC_ASSERT(cut.substr(mark) == " [" + std::to_string(plain.size() - mark) + " bytes left out]");
}

}  // namespace
}  // namespace dolibarr_backup
