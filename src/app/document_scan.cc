#include "app/document_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "base/stop.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kEntry = "# entry ";

// Of 4 MiB each those of 16 TiB of documents; their rows take 128 MiB.
constexpr size_t kMostMembers = 4 * 1024 * 1024;

// The path as it stands in an entry's line, with escapes; nullopt for other lines.
std::optional<std::string_view> path_in_line(std::string_view line) {
  constexpr int kFieldsBeforePath = 9;
  if (!line.starts_with(kEntry)) return std::nullopt;
  size_t at = kEntry.size();
  for (int field = 0; field < kFieldsBeforePath; ++field) {
    at = line.find(' ', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  return line.substr(at, line.find('\t', at) - at);
}

bool is_entry_of(std::string_view line, ManifestEntry::Type type) {
  return line[kEntry.size()] == static_cast<char>(type);
}

bool has_content(const ManifestEntry& entry) {
  return entry.type == ManifestEntry::Type::file || entry.type == ManifestEntry::Type::hard_link;
}

}  // namespace

const StoredObject& manifest_of(const ArchiveEntry& docs) {
  if (docs.manifest) return *docs.manifest;
  throw Error(Errc::usage,
              "'" + docs.archive.key + "' has no manifest: it was made by the earlier script")
      .with_hint("unpack it with tar -xzf");
}

DocumentScan::DocumentScan(ObjectStore& store, const StoredObject& manifest, std::stop_token stop)
    : key_(manifest.key), stop_(std::move(stop)), text_(store, manifest), lines_(text_) {}

void DocumentScan::corrupt(const std::string& what) const {
  throw Error(Errc::corrupt, "the manifest '" + key_ + "': " + what);
}

std::optional<ManifestLine> DocumentScan::next_line() {
  while (const std::optional<std::string_view> line = lines_.next())
    if (std::optional<ManifestLine> parsed = parser_.parse(*line)) return parsed;
  return std::nullopt;
}

void DocumentScan::take_member(const ManifestMember& member) {
  const uint64_t expected = members_.empty() ? 0 : members_.back().offset + members_.back().length;
  if (member.index != members_.size() || member.offset != expected)
    corrupt("its members do not follow one another");
  if (members_.size() == kMostMembers)
    corrupt(fmt::format("it tells of more than {} members", kMostMembers));
  members_.push_back(member);
}

// A member's line comes before those of the entries that end in it: with the last one
// told so far an entry's bytes are complete.
void DocumentScan::locate(LocatedEntry& located) {
  const ManifestEntry& entry = located.entry;
  if (entry.member >= members_.size()) corrupt("'" + entry.path + "' lies in no member");
  located.last_member = entry.member;
  if (entry.type == ManifestEntry::Type::file) {
    located.last_member = members_.size() - 1;
    if (located.last_member != entry.member &&
        (spans_.empty() || spans_.back().first < entry.member))
      spans_.emplace_back(entry.member, located.last_member);
  } else if (entry.type == ManifestEntry::Type::hard_link && entry.member_offset == 0) {
    const auto span = std::lower_bound(spans_.begin(), spans_.end(),
                                       std::pair<uint64_t, uint64_t>(entry.member, 0));
    if (span != spans_.end() && span->first == entry.member) located.last_member = span->second;
  }
}

// Spares the parser what is plainly not wanted: a million lines in a second less.
// Entries that matter to locate() are left to it.
bool DocumentScan::pass_over(std::string_view line, const PathPattern& only, Folders folders) {
  if (std::exchange(unwanted_checksum_, false)) {
    if (line.starts_with('#')) corrupt("a file has no checksum");
    return true;
  }
  using Type = ManifestEntry::Type;
  const std::optional<std::string_view> path = path_in_line(line);
  if (!path || path->empty() || *path == "." || path->find('\\') != std::string_view::npos)
    return false;
  if (folders == Folders::all && is_entry_of(line, Type::directory)) return false;
  const bool file = is_entry_of(line, Type::file);
  if (file && !in_last_member(line)) return false;
  if (only.matches(*path)) return false;
  unwanted_checksum_ = file || is_entry_of(line, Type::hard_link);
  return true;
}

// Whether an entry's line says that it begins in the newest member.
bool DocumentScan::in_last_member(std::string_view line) const {
  line.remove_prefix(kEntry.size() + 2);
  uint64_t member = 0;
  std::from_chars(line.data(), line.data() + line.size(), member);
  return !members_.empty() && member == members_.size() - 1;
}

bool DocumentScan::next(LocatedEntry& located, const PathPattern* only, Folders folders) {
  constexpr unsigned kLinesBetweenLooks = 1024;
  for (unsigned count = 0;; ++count) {
    if (count % kLinesBetweenLooks == 0) throw_if_stopped(stop_);
    const std::optional<std::string_view> line = lines_.next();
    if (!line) return false;
    if (only && pass_over(*line, *only, folders)) continue;
    std::optional<ManifestLine> parsed = parser_.parse(*line);
    if (!parsed) continue;
    if (const auto* member = std::get_if<ManifestMember>(&*parsed)) {
      take_member(*member);
    } else if (auto* entry = std::get_if<ManifestEntry>(&*parsed)) {
      located.entry = std::move(*entry);
      located.sha256.clear();
      locate(located);
      if (has_content(located.entry)) {
        std::optional<ManifestLine> next = next_line();
        auto* checksum = next ? std::get_if<ManifestChecksum>(&*next) : nullptr;
        if (!checksum || checksum->path != located.entry.path)
          corrupt("'" + located.entry.path + "' has no checksum");
        located.sha256 = std::move(checksum->sha256);
      }
      if (!only || only->matches(located.entry.path)) return true;
      if (folders == Folders::all && located.entry.type == ManifestEntry::Type::directory)
        return true;
    } else if (std::holds_alternative<ManifestChecksum>(*parsed)) {
      corrupt("a checksum without its entry");
    } else if (on_other_) {
      on_other_(*parsed);
    }
  }
}

}  // namespace dolibarr_backup
