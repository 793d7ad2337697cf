// Any text is either refused as corrupt or parses into lines whose own text gives
// the same lines again.
#include "core/manifest.h"

#include "base/error.h"
#include "fuzz/seeds.h"

namespace dolibarr_backup::fuzz {
namespace {

ManifestParser parser_after_header() {
  ManifestParser parser;
  std::string header = manifest_header();
  header.pop_back();
  parser.parse(header);
  return parser;
}

void check_line(ManifestParser& parser, std::string_view line) {
  std::optional<ManifestLine> parsed;
  try {
    parsed = parser.parse(line);
  } catch (const Error& error) {
    require(error.code() == Errc::corrupt, "a malformed line is corrupt");
    require(error.message().size() < 2048, "an error quotes little");
    return;
  }
  if (!parsed) return;
  const std::string text = to_text(*parsed);
  require(text.find('\n') == text.size() - 1, "a line is one line");
  const std::optional<ManifestLine> again =
      parser_after_header().parse(std::string_view(text).substr(0, text.size() - 1));
  require(again == parsed, "parse(to_text(x)) == x");
  require(to_text(*again) == text, "the text is stable");
}

void check(std::string_view text) {
  // Without a header too: that is a text of its own, and refused.
  ManifestParser parser = text.starts_with("# dolibarr") ? ManifestParser() : parser_after_header();
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    check_line(parser, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

const std::vector<std::string>& seeds() {
  using Type = ManifestEntry::Type;
  static const std::vector<std::string> all = [] {
    const std::vector<ManifestLine> lines = {
        ManifestFact{"server_version", "15.18 (Debian)"},
        ManifestChecksum{std::string(64, 'a'), "facture/a\nb.pdf"},
        ManifestChecksum{std::string(64, '0'), "-"},
        ManifestTable{3, "b1", "d2", "public.llx_user"},
        ManifestMember{1, 20, 300, 4000},
        ManifestEntry{.type = Type::directory, .mtime_ns = -500'000'000, .mode = 0771},
        ManifestEntry{.type = Type::symlink, .mtime_ns = 5, .path = "a b", .target = "c\td"},
        ManifestExcluded{13, 512, "temporary files", "users/temp"},
        ManifestProblem{"vanished", "facture/a b.pdf"}};
    std::vector<std::string> texts = {manifest_header()};
    for (const ManifestLine& line : lines) {
      texts.push_back(to_text(line));
      texts.front() += texts.back();
    }
    return texts;
  }();
  return all;
}

}  // namespace dolibarr_backup::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dolibarr_backup::fuzz;
  check(text_of(data, size));
  return 0;
}
