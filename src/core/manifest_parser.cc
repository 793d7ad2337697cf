#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/error.h"
#include "core/manifest.h"
#include "core/manifest_words.h"
#include "core/name_escape.h"

namespace dolibarr_backup {
namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr size_t kShownBytes = 200;

// Takes a line apart, field by field. Errors name the line and what was expected.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : line_(line), rest_(line) {}

  [[noreturn]] void fail(std::string_view expected) const {
    std::string shown;
    append_escaped(shown, line_.substr(0, kShownBytes), EscapeTab::yes);
    throw Error(Errc::corrupt,
                fmt::format("not a manifest line, {} expected: '{}'", expected, shown));
  }

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void expect(std::string_view text) {
    if (!take(text)) fail(fmt::format("'{}'", text));
  }

  // The bytes up to the next `end`, which is passed over; nullopt if there is none.
  std::optional<std::string_view> up_to(char end) {
    const size_t at = rest_.find(end);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view field = rest_.substr(0, at);
    rest_.remove_prefix(at + 1);
    return field;
  }
  // The next field and the blank after it.
  std::string_view word(std::string_view what) {
    const std::optional<std::string_view> field = up_to(' ');
    if (!field) fail(what);
    return *field;
  }
  std::string_view plain_word(std::string_view what) {
    const std::string_view field = word(what);
    if (!is_word(field)) fail(what);
    return field;
  }
  std::string_view everything() { return std::exchange(rest_, {}); }

  template <typename Integer>
  Integer number(std::string_view field, std::string_view what, int base = 10) const {
    Integer value{};
    const auto [end, error] =
        std::from_chars(field.data(), field.data() + field.size(), value, base);
    if (error != std::errc() || end != field.data() + field.size()) fail(what);
    return value;
  }
  template <typename Integer>
  Integer number(std::string_view what, int base = 10) {
    return number<Integer>(word(what), what, base);
  }

  // "1782785700.000000000" in nanoseconds.
  int64_t time(std::string_view what) {
    std::string_view field = word(what);
    const bool negative = field.starts_with('-');
    if (negative) field.remove_prefix(1);
    const size_t point = field.find('.');
    if (point == std::string_view::npos || field.size() - point != 10) fail(what);
    const uint64_t seconds = number<uint64_t>(field.substr(0, point), what);
    const uint64_t below = number<uint64_t>(field.substr(point + 1), what);
    const uint64_t greatest = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
    if (seconds > greatest / kNanosecondsPerSecond ||
        below > greatest - seconds * kNanosecondsPerSecond)
      fail(what);
    const uint64_t magnitude = seconds * kNanosecondsPerSecond + below;
    return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  }

  std::string name(std::string_view escaped) const {
    std::optional<std::string> plain = unescape(escaped);
    if (!plain) fail("a known escape");
    return std::move(*plain);
  }
  std::string path(std::string_view escaped) const {
    if (escaped.empty()) fail("a path");
    return escaped == "." ? std::string() : name(escaped);
  }

 private:
  std::string_view line_, rest_;
};

ManifestChecksum parse_checksum(LineReader reader) {
  const bool escaped = reader.take("\\");
  const std::string_view digest = reader.word("a SHA-256");
  if (!is_sha256(digest)) reader.fail("a SHA-256");
  reader.expect(" ");
  const std::string_view path = reader.everything();
  if (path.empty()) reader.fail("a path");
  if (path == kFileNamedDash) return {std::string(digest), "-"};
  return {std::string(digest), escaped ? reader.name(path) : std::string(path)};
}

ManifestTable parse_table(LineReader reader) {
  ManifestTable table;
  reader.expect("rows=");
  table.rows = reader.number<uint64_t>("a row count");
  reader.expect("business=");
  table.business_digest = reader.plain_word("a digest");
  reader.expect("digest=");
  table.rows_digest = reader.plain_word("a digest");
  table.name = reader.name(reader.everything());
  return table;
}

ManifestMember parse_member(LineReader reader) {
  ManifestMember member;
  member.index = reader.number<uint64_t>("an index");
  member.offset = reader.number<uint64_t>("an offset");
  member.length = reader.number<uint64_t>("a length");
  member.unpacked_length = reader.number<uint64_t>(reader.everything(), "a length");
  return member;
}

ManifestEntry::Type parse_type(const LineReader& reader, std::string_view text) {
  using Type = ManifestEntry::Type;
  for (const Type type : {Type::file, Type::directory, Type::symlink, Type::hard_link, Type::other})
    if (text.size() == 1 && text[0] == static_cast<char>(type)) return type;
  reader.fail("an entry type");
}

ManifestEntry parse_entry(LineReader reader) {
  ManifestEntry entry;
  entry.type = parse_type(reader, reader.word("an entry type"));
  entry.member = reader.number<uint64_t>("a member");
  entry.member_offset = reader.number<uint64_t>("an offset");
  entry.size = reader.number<uint64_t>("a size");
  entry.mtime_ns = reader.time("a time");
  entry.ctime_ns = reader.time("a time");
  entry.mode = reader.number<uint32_t>("a mode", 8);
  entry.uid = reader.number<uint32_t>("a user");
  entry.gid = reader.number<uint32_t>("a group");
  if (!has_target(entry.type)) {
    const std::string_view path = reader.everything();
    if (path.find('\t') != std::string_view::npos) reader.fail("no target");
    entry.path = reader.path(path);
    return entry;
  }
  const std::optional<std::string_view> path = reader.up_to('\t');
  if (!path) reader.fail("a target");
  entry.path = reader.path(*path);
  entry.target = reader.name(reader.everything());
  return entry;
}

ManifestExcluded parse_excluded(LineReader reader) {
  ManifestExcluded excluded;
  excluded.files = reader.number<uint64_t>("a count");
  excluded.bytes = reader.number<uint64_t>("a size");
  const std::optional<std::string_view> reason = reader.up_to('\t');
  if (!reason) reader.fail("a reason and a path");
  excluded.reason = reader.name(*reason);
  excluded.path = reader.path(reader.everything());
  return excluded;
}

ManifestProblem parse_problem(LineReader reader) {
  ManifestProblem problem;
  problem.kind = reader.plain_word("a kind");
  if (problem.kind.empty()) reader.fail("a kind");
  problem.path = reader.path(reader.everything());
  return problem;
}

// `reader` stands behind the key.
ManifestLine parse_comment(std::string_view key, LineReader reader) {
  if (key == "table") return parse_table(reader);
  if (key == "member") return parse_member(reader);
  if (key == "entry") return parse_entry(reader);
  if (key == "excluded") return parse_excluded(reader);
  if (key == "problem") return parse_problem(reader);
  if (key.empty() || !is_word(key) || key == "dolibarr-backup") reader.fail("a key");
  return ManifestFact{std::string(key), reader.name(reader.everything())};
}

void check_header(std::string_view line) {
  LineReader reader(line);
  if (!reader.take(kManifestHeaderStart))
    throw Error(Errc::corrupt,
                fmt::format("not a manifest: its first line does not begin with '{}'",
                            kManifestHeaderStart));
  const unsigned format = reader.number<unsigned>(reader.everything(), "a format");
  if (format > static_cast<unsigned>(kManifestFormat))
    throw Error(Errc::corrupt,
                fmt::format("the manifest has format {}, this program reads up to {}", format,
                            kManifestFormat))
        .with_hint("it was made by a newer dolibarr-backup: use that version or a later one");
  if (format == 0) reader.fail("a format");
}

}  // namespace

std::optional<ManifestLine> ManifestParser::parse(std::string_view line) {
  if (!header_seen_) {
    check_header(line);
    header_seen_ = true;
    return std::nullopt;
  }
  if (line.empty()) return std::nullopt;
  LineReader reader(line);
  if (line.find('\0') != std::string_view::npos) reader.fail("text without NUL");
  if (!line.starts_with('#')) return parse_checksum(reader);
  reader.expect("# ");
  if (const std::optional<std::string_view> key = reader.up_to(' '))
    return parse_comment(*key, reader);
  return parse_comment(reader.everything(), reader);
}

}  // namespace dolibarr_backup
