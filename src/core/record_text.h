#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Byte strings in JSON, whose strings must be UTF-8.
namespace dolibarr_backup {

/// A backslash becomes `\\`; a byte that is no part of valid UTF-8 becomes `\xNN`.
std::string to_record_text(std::string_view bytes);
/// Undoes it; nullopt for any other escape.
std::optional<std::string> from_record_text(std::string_view text);
/// `text` cut to about `most` bytes, never inside a character, saying how many were left out.
std::string cut_text(std::string_view text, size_t most);

}  // namespace dolibarr_backup
