#pragma once

#include <optional>
#include <string>
#include <string_view>

/// The one escape of names in our text files, a superset of sha256sum's: a
/// backslash, newline and carriage return become `\\`, `\n` and `\r` (coreutils
/// 9.1, "Output escaping" in `info sha256sum`).
namespace dolibarr_backup {

enum class EscapeTab {
  no,   ///< exactly as sha256sum does
  yes,  ///< also `\t`, so that a tab can end a name
};

void append_escaped(std::string& out, std::string_view name, EscapeTab tab);
/// Undoes append_escaped(), whichever kind; nullopt for any other escape.
std::optional<std::string> unescape(std::string_view text);

}  // namespace dolibarr_backup
