#include "core/manifest.h"

#include <fmt/format.h>

#include <iterator>

#include "base/error.h"
#include "core/manifest_words.h"
#include "core/name_escape.h"

namespace dolibarr_backup {
namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

[[noreturn]] void refuse(std::string_view what, std::string_view text) {
  throw Error(Errc::bug, fmt::format("a manifest cannot hold the {} '{}'", what, text));
}

void check_word(std::string_view what, std::string_view word) {
  if (!is_word(word)) refuse(what, word);
}

void append_name(std::string& out, std::string_view name) {
  if (name.find('\0') != std::string_view::npos) refuse("name with a NUL", name);
  append_escaped(out, name, EscapeTab::yes);
}

void append_path(std::string& out, std::string_view path) {
  append_name(out, path.empty() ? "." : path);
}

// Sign and magnitude, so that "-0.5" is half a second before 1970, as date(1) reads it.
void append_time(std::string& out, int64_t ns) {
  const uint64_t magnitude = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  fmt::format_to(std::back_inserter(out), "{}{}.{:09}", ns < 0 ? "-" : "",
                 magnitude / kNanosecondsPerSecond, magnitude % kNanosecondsPerSecond);
}

// Appends the text of one line, without its newline.
class LineWriter {
 public:
  explicit LineWriter(std::string& out) : out_(out) {}

  void operator()(const ManifestFact& fact) {
    check_word("key", fact.key);
    if (fact.key.empty() || is_reserved_word(fact.key)) refuse("key", fact.key);
    add("# {}", fact.key);
    if (fact.value.empty()) return;
    out_ += ' ';
    append_name(out_, fact.value);
  }

  void operator()(const ManifestChecksum& checksum) {
    if (!is_sha256(checksum.sha256)) refuse("digest", checksum.sha256);
    if (checksum.path.empty()) refuse("path", checksum.path);
    if (checksum.path.find('\0') != std::string::npos) refuse("name with a NUL", checksum.path);
    if (checksum.path.find_first_of("\\\n\r") != std::string::npos) out_ += '\\';
    add("{}  ", checksum.sha256);
    append_escaped(out_, checksum.path == "-" ? kFileNamedDash : checksum.path, EscapeTab::no);
  }

  void operator()(const ManifestTable& table) {
    check_word("digest", table.business_digest);
    check_word("digest", table.rows_digest);
    add("# table rows={} business={} digest={} ", table.rows, table.business_digest,
        table.rows_digest);
    append_name(out_, table.name);
  }

  void operator()(const ManifestMember& member) {
    add("# member {} {} {} {}", member.index, member.offset, member.length, member.unpacked_length);
  }

  void operator()(const ManifestEntry& entry) {
    add("# entry {} {} {} {} ", static_cast<char>(entry.type), entry.member, entry.member_offset,
        entry.size);
    append_time(out_, entry.mtime_ns);
    out_ += ' ';
    append_time(out_, entry.ctime_ns);
    add(" {:04o} {} {} ", entry.mode, entry.uid, entry.gid);
    append_path(out_, entry.path);
    if (!has_target(entry.type)) {
      if (!entry.target.empty()) refuse("target of an entry that is no link", entry.target);
      return;
    }
    out_ += '\t';
    append_name(out_, entry.target);
  }

  void operator()(const ManifestExcluded& excluded) {
    add("# excluded {} {} ", excluded.files, excluded.bytes);
    append_name(out_, excluded.reason);
    out_ += '\t';
    append_path(out_, excluded.path);
  }

  void operator()(const ManifestProblem& problem) {
    check_word("kind", problem.kind);
    if (problem.kind.empty()) refuse("kind", problem.kind);
    add("# problem {} ", problem.kind);
    append_path(out_, problem.path);
  }

 private:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  std::string& out_;
};

}  // namespace

std::string to_text(const ManifestLine& line) {
  std::string out;
  std::visit(LineWriter(out), line);
  out += '\n';
  return out;
}

std::string manifest_header() {
  return fmt::format("{}{}\n", kManifestHeaderStart, kManifestFormat);
}

}  // namespace dolibarr_backup
