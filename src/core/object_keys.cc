#include "core/object_keys.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

namespace dolibarr_backup {
namespace {

constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kStampLength = 16;  // 20260630T021500Z
constexpr size_t kRandomLength = 6;

std::string_view extension_of(Half half) {
  return half == Half::db ? ".dump" : ".tar.gz";
}
constexpr std::string_view kManifestExtension = ".manifest.gz";

std::optional<int> number_in(std::string_view text, size_t at, size_t digits) {
  int value = 0;
  for (const char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "20260630T021500Z" -> instant; a calendar date that exists.
std::optional<Instant> parse_stamp(std::string_view text) {
  using namespace std::chrono;
  if (text.size() != kStampLength || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto y = number_in(text, 0, 4), mo = number_in(text, 4, 2), d = number_in(text, 6, 2);
  const auto h = number_in(text, 9, 2), mi = number_in(text, 11, 2), s = number_in(text, 13, 2);
  if (!y || !mo || !d || !h || !mi || !s || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  return sys_days{date} + hours{*h} + minutes{*mi} + seconds{*s};
}

bool strip_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

}  // namespace

std::string_view name_of(Half half) {
  return half == Half::db ? "db" : "docs";
}

RunId RunId::make(Instant start, uint32_t random_bits) {
  std::string text =
      fmt::format("{:%Y%m%dT%H%M%SZ}-",
                  fmt::gmtime(static_cast<std::time_t>(start.time_since_epoch().count())));
  for (size_t i = 0; i < kRandomLength; ++i) {
    text += kBase32[random_bits & 31];
    random_bits >>= 5;
  }
  return {std::move(text), start};
}

std::optional<RunId> RunId::parse(std::string_view text) {
  if (text.size() != kStampLength + 1 + kRandomLength || text[kStampLength] != '-')
    return std::nullopt;
  if (text.find_first_not_of(kBase32, kStampLength + 1) != std::string_view::npos)
    return std::nullopt;
  const std::optional<Instant> start = parse_stamp(text.substr(0, kStampLength));
  if (!start) return std::nullopt;
  return RunId(std::string(text), *start);
}

KeySpace::KeySpace(std::string prefix) : prefix_(std::move(prefix)) {}

std::string KeySpace::archive(const RunId& run, Half half) const {
  return fmt::format("{}/{}/{}{}", prefix_, name_of(half), run.text(), extension_of(half));
}

std::string KeySpace::manifest(const RunId& run, Half half) const {
  return fmt::format("{}/{}/{}{}", prefix_, name_of(half), run.text(), kManifestExtension);
}

std::string KeySpace::run_record(const RunId& run) const {
  return fmt::format("{}/runs/{}.json", prefix_, run.text());
}

std::string KeySpace::hold(std::string_view archive_key) const {
  std::string name(archive_key.substr(prefix_.size() + 1));
  for (char& c : name)
    if (c == '/') c = '_';
  return fmt::format("{}/holds/{}.json", prefix_, name);
}

std::string KeySpace::fingerprint_pointer(Half half) const {
  return fmt::format("{}/.fp-{}", prefix_, name_of(half));
}

std::string KeySpace::restore_text() const {
  return prefix_ + "/RESTORE.txt";
}

std::string KeySpace::manifest_of(std::string_view archive_key) const {
  for (const Half half : kHalves)
    if (strip_suffix(archive_key, extension_of(half))) break;
  return std::string(archive_key) + std::string(kManifestExtension);
}

ParsedKey KeySpace::parse(std::string_view key) const {
  ParsedKey parsed;
  if (!key.starts_with(everything())) return parsed;
  std::string_view rest = key.substr(prefix_.size() + 1);

  if (rest == ".fp-db" || rest == ".fp-docs" || rest == "RESTORE.txt") {
    parsed.kind = ParsedKey::Kind::pointer;
    return parsed;
  }
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return parsed;
  const std::string_view folder = rest.substr(0, slash);
  std::string_view name = rest.substr(slash + 1);

  if (folder == "runs" && strip_suffix(name, ".json")) {
    parsed.run = RunId::parse(name);
    if (parsed.run) parsed.kind = ParsedKey::Kind::run_record;
    return parsed;
  }
  if (folder == "holds" && strip_suffix(name, ".json")) {
    const size_t mark = name.find('_');
    if (mark == std::string_view::npos) return parsed;
    std::string held =
        fmt::format("{}/{}/{}", prefix_, name.substr(0, mark), name.substr(mark + 1));
    const ParsedKey::Kind kind = parse(held).kind;
    if (kind != ParsedKey::Kind::archive && kind != ParsedKey::Kind::reference_archive)
      return parsed;
    parsed.kind = ParsedKey::Kind::hold;
    parsed.held = std::move(held);
    return parsed;
  }
  for (const Half half : kHalves) {
    if (folder != name_of(half)) continue;
    const bool manifest = strip_suffix(name, kManifestExtension);
    if (!manifest && !strip_suffix(name, extension_of(half))) return parsed;
    if (std::optional<RunId> run = RunId::parse(name)) {
      parsed.kind = manifest ? ParsedKey::Kind::manifest : ParsedKey::Kind::archive;
      parsed.half = half;
      parsed.taken = run->start();
      parsed.run = std::move(run);
    } else if (!manifest) {
      parsed.taken = parse_stamp(name);
      if (!parsed.taken) return parsed;
      parsed.kind = ParsedKey::Kind::reference_archive;
      parsed.half = half;
    }
    return parsed;
  }
  return parsed;
}

}  // namespace dolibarr_backup
