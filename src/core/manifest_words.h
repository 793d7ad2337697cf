#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "core/manifest.h"

/// Words that the manifest's writer and its parser share; for those two only.
namespace dolibarr_backup {

inline constexpr std::string_view kManifestHeaderStart = "# dolibarr-backup manifest ";

/// How a checksum line names the file "-" in the root.
inline constexpr std::string_view kFileNamedDash = "./-";

inline constexpr std::array<std::string_view, 6> kReservedWords = {
    "dolibarr-backup", "table", "member", "entry", "excluded", "problem"};

inline bool is_reserved_word(std::string_view word) {
  return std::find(kReservedWords.begin(), kReservedWords.end(), word) != kReservedWords.end();
}

/// Printable ASCII without blank or backslash: keys, kinds and digests; may be empty.
inline bool is_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '\\'; });
}

inline bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

inline bool has_target(ManifestEntry::Type type) {
  return type == ManifestEntry::Type::symlink || type == ManifestEntry::Type::hard_link;
}

}  // namespace dolibarr_backup
