#pragma once

#include <algorithm>
#include <string_view>

namespace dolibarr_backup {

/// Whether a text is what a restore ends its names with: its run's name in lower case without
/// the dash, "20260630t021500zk3f7qa". Whatever else looks similar is somebody's own.
inline bool is_restore_mark(std::string_view text) {
  constexpr size_t kMarkLength = 22, kTimeAt = 8, kZoneAt = 15;
  if (text.size() != kMarkLength || text[kTimeAt] != 't' || text[kZoneAt] != 'z') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
}

}  // namespace dolibarr_backup
