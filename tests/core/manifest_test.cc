#include "core/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

const std::string kSha256(64, 'a');

std::optional<ManifestLine> parse_line(std::string_view line) {
  ManifestParser parser;
  EXPECT_EQ(parser.parse("# dolibarr-backup manifest 1"), std::nullopt);
  return parser.parse(line);
}

std::optional<ManifestLine> parse_text(std::string text) {
  EXPECT_EQ(text.find('\n'), text.size() - 1) << "one line was expected: " << text;
  text.pop_back();
  return parse_line(text);
}

Error error_of_line(std::string_view line) {
  try {
    parse_line(line);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted: " << line;
  return {Errc::bug, ""};
}

// Byte strings without NUL, rich in what needs care.
rc::Gen<std::string> names() {
  const auto byte = rc::gen::weightedOneOf<char>(
      {{3, rc::gen::element('\\', '\n', '\r', '\t', ' ', '#', '.', '-', '/', 'n', 't')},
       {2, rc::gen::inRange<char>('a', 'z')},
       {1, rc::gen::distinctFrom(rc::gen::arbitrary<char>(), '\0')}});
  return rc::gen::container<std::string>(byte);
}

// "." cannot be told from the root, nor "./-" from "-": neither is a path of ours.
rc::Gen<std::string> paths() {
  return rc::gen::suchThat(names(),
                           [](const std::string& path) { return path != "." && path != "./-"; });
}

rc::Gen<std::string> words() {
  return rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'z'));
}
rc::Gen<std::string> nonempty(rc::Gen<std::string> strings) {
  return rc::gen::suchThat(std::move(strings),
                           [](const std::string& text) { return !text.empty(); });
}
rc::Gen<std::string> digests() {
  return rc::gen::container<std::string>(64, rc::gen::elementOf(std::string("0123456789abcdef")));
}

rc::Gen<ManifestEntry> entries() {
  using Type = ManifestEntry::Type;
  const auto with_target = rc::gen::build<ManifestEntry>(
      rc::gen::set(&ManifestEntry::target, names()),
      rc::gen::set(&ManifestEntry::type, rc::gen::element(Type::symlink, Type::hard_link)));
  const auto plain = rc::gen::build<ManifestEntry>(rc::gen::set(
      &ManifestEntry::type, rc::gen::element(Type::file, Type::directory, Type::other)));
  return rc::gen::mapcat(rc::gen::oneOf(with_target, plain), [](const ManifestEntry& kind) {
    return rc::gen::build(
        rc::gen::just(kind), rc::gen::set(&ManifestEntry::member),
        rc::gen::set(&ManifestEntry::member_offset), rc::gen::set(&ManifestEntry::size),
        rc::gen::set(&ManifestEntry::mtime_ns), rc::gen::set(&ManifestEntry::ctime_ns),
        rc::gen::set(&ManifestEntry::mode), rc::gen::set(&ManifestEntry::uid),
        rc::gen::set(&ManifestEntry::gid), rc::gen::set(&ManifestEntry::path, paths()));
  });
}

void check_round_trip(const ManifestLine& line) {
  RC_ASSERT(parse_text(to_text(line)) == std::optional<ManifestLine>(line));
}

RC_GTEST_PROP(ManifestProperty, EveryFactSurvivesItsText, ()) {
  const std::string key = "x" + *words();
  check_round_trip(ManifestFact{key, *names()});
}
RC_GTEST_PROP(ManifestProperty, EveryChecksumSurvivesItsText, ()) {
  check_round_trip(ManifestChecksum{*digests(), *nonempty(paths())});
}
RC_GTEST_PROP(ManifestProperty, EveryTableSurvivesItsText, (uint64_t rows)) {
  check_round_trip(ManifestTable{rows, *words(), *words(), *names()});
}
RC_GTEST_PROP(ManifestProperty, EveryMemberSurvivesItsText,
              (uint64_t index, uint64_t offset, uint64_t length, uint64_t unpacked)) {
  check_round_trip(ManifestMember{index, offset, length, unpacked});
}
RC_GTEST_PROP(ManifestProperty, EveryEntrySurvivesItsText, ()) {
  check_round_trip(*entries());
}
RC_GTEST_PROP(ManifestProperty, EveryExclusionSurvivesItsText, (uint64_t files, uint64_t bytes)) {
  check_round_trip(ManifestExcluded{files, bytes, *names(), *paths()});
}
RC_GTEST_PROP(ManifestProperty, EveryProblemSurvivesItsText, ()) {
  check_round_trip(ManifestProblem{*nonempty(words()), *paths()});
}

// Any line either parses or is refused as corrupt; what parses is canonical: its
// own text gives the same again.
RC_GTEST_PROP(ManifestProperty, NoLineCrashesTheParser, ()) {
  const std::string start = *rc::gen::element<std::string>(
      "", "# ", "# table rows=1 business= digest=", "# member 1 2 3 ",
      "# entry f 1 2 3 1.000000000 ", "# entry l 0 0 0 0.000000000 0.000000000 0777 0 0 ",
      "# excluded 1 2 ", "# problem ", kSha256 + " ", "\\" + kSha256 + "  ");
  std::string line = start + *names();
  for (char& c : line)
    if (c == '\n') c = ' ';
  std::optional<ManifestLine> parsed;
  try {
    parsed = parse_line(line);
  } catch (const Error& error) {
    RC_ASSERT(error.code() == Errc::corrupt);
    return;
  }
  if (parsed) check_round_trip(*parsed);
}

TEST(Manifest, TextIsWhatTheFormatDocumentShows) {
  EXPECT_EQ(manifest_header(), "# dolibarr-backup manifest 1\n");
  EXPECT_EQ(to_text(ManifestFact{"server_version", "15.18 (Debian)"}),
            "# server_version 15.18 (Debian)\n");
  EXPECT_EQ(to_text(ManifestChecksum{kSha256, "facture/a b.pdf"}), kSha256 + "  facture/a b.pdf\n");
  EXPECT_EQ(to_text(ManifestTable{3, "b1", "d2", "public.llx_user"}),
            "# table rows=3 business=b1 digest=d2 public.llx_user\n");
  EXPECT_EQ(to_text(ManifestMember{1, 20, 300, 4000}), "# member 1 20 300 4000\n");
  EXPECT_EQ(to_text(ManifestExcluded{13, 512, "temporary files", "users/temp"}),
            "# excluded 13 512 temporary files\tusers/temp\n");
  EXPECT_EQ(to_text(ManifestProblem{"vanished", "facture/a b.pdf"}),
            "# problem vanished facture/a b.pdf\n");
  ManifestEntry entry{.type = ManifestEntry::Type::symlink,
                      .member = 2,
                      .member_offset = 512,
                      .size = 3,
                      .mtime_ns = 1'782'785'700'000'000'005,
                      .ctime_ns = -500'000'000,
                      .mode = 0644,
                      .uid = 33,
                      .gid = 34,
                      .path = "a b",
                      .target = "c d"};
  EXPECT_EQ(to_text(entry),
            "# entry l 2 512 3 1782785700.000000005 -0.500000000 0644 33 34 a b\tc d\n");
}

TEST(Manifest, TheRootIsWrittenAsADot) {
  const ManifestEntry root{.type = ManifestEntry::Type::directory};
  EXPECT_THAT(to_text(root), testing::EndsWith(" .\n"));
  EXPECT_EQ(parse_text(to_text(root)), ManifestLine(root));
}

TEST(Manifest, ASymlinkMayPointToADot) {
  const ManifestEntry link{.type = ManifestEntry::Type::symlink, .path = "here", .target = "."};
  EXPECT_EQ(parse_text(to_text(link)), ManifestLine(link));
}

TEST(Manifest, UnknownKeysComeBackAsFacts) {
  EXPECT_EQ(parse_line("# chunk 12 34"), ManifestLine(ManifestFact{"chunk", "12 34"}));
  EXPECT_EQ(parse_line("# quiet"), ManifestLine(ManifestFact{"quiet", ""}));
}

TEST(Manifest, EmptyLinesMeanNothing) {
  EXPECT_EQ(parse_line(""), std::nullopt);
}

TEST(Manifest, ANewerFormatIsRefusedWithAHint) {
  ManifestParser parser;
  try {
    parser.parse("# dolibarr-backup manifest 2");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
    EXPECT_THAT(error.hint(), testing::HasSubstr("made by a newer dolibarr-backup"));
  }
}

TEST(Manifest, TextWithoutAHeaderIsRefused) {
  for (const std::string& line :
       {std::string(), kSha256 + "  a", std::string("# member 0 0 0 0"),
        std::string("# dolibarr-backup manifest 0"), std::string("# dolibarr-backup manifest x")}) {
    ManifestParser parser;
    EXPECT_THROW(parser.parse(line), Error) << line;
  }
}

TEST(Manifest, MalformedLinesAreCorruptAndNamed) {
  for (const std::string& line :
       {std::string("garbage"),
        std::string("#"),
        std::string("#key value"),
        std::string("# "),
        std::string("# dolibarr-backup manifest 1"),
        std::string("# member 1 2 3"),
        std::string("# member 1 2 3 4 5"),
        std::string("# member 1 2 3 -4"),
        std::string("# member 1 2 3 18446744073709551616"),
        std::string("# table rows=x business= digest= t"),
        std::string("# problem vanished"),
        std::string("# problem vanished "),
        std::string("# excluded 1 2 reason only"),
        std::string("# entry x 0 0 0 0.000000000 0.000000000 0644 0 0 a"),
        std::string("# entry f 0 0 0 0.00000000 0.000000000 0644 0 0 a"),
        std::string("# entry f 0 0 0 9223372036.854775808 0.000000000 0644 0 0 a"),
        std::string("# entry f 0 0 0 0.000000000 0.000000000 0648 0 0 a"),
        std::string("# entry f 0 0 0 0.000000000 0.000000000 0644 0 0 a\ttarget"),
        std::string("# entry l 0 0 0 0.000000000 0.000000000 0644 0 0 no target"),
        std::string("# key bad \\escape"),
        kSha256 + " a",
        kSha256 + "  ",
        kSha256.substr(1) + "  a",
        "\\" + kSha256 + "  bad \\q",
        std::string("# key a\0b", 9)}) {
    const Error error = error_of_line(line);
    EXPECT_EQ(error.code(), Errc::corrupt) << line;
    EXPECT_THAT(error.what(), testing::HasSubstr("not a manifest line")) << line;
  }
}

TEST(Manifest, AnErrorQuotesOnlyTheStartOfAHugeLine) {
  EXPECT_LT(error_of_line(std::string(1 << 20, 'x')).message().size(), 400u);
}

TEST(Manifest, TheWriterRefusesWhatTheGrammarCannotSay) {
  const std::vector<ManifestLine> lines = {
      ManifestFact{"table", "x"},
      ManifestFact{"two words", "x"},
      ManifestFact{"", "x"},
      ManifestFact{"key", std::string("a\0b", 3)},
      ManifestChecksum{"abc", "path"},
      ManifestChecksum{kSha256, ""},
      ManifestTable{1, "a b", "", "t"},
      ManifestProblem{"", "path"},
      ManifestEntry{.path = "file", .target = "a file has none"},
  };
  for (const ManifestLine& line : lines) EXPECT_THROW(to_text(line), Error) << line.index();
}

}  // namespace
}  // namespace dolibarr_backup
