#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dolibarr_backup {

/// Bytes of the UTF-8 sequence (RFC 3629, section 4) that `text` begins with; 0 if it
/// begins with none.
size_t utf8_length(std::string_view text);
/// Whether all of `text` is UTF-8.
bool is_utf8(std::string_view text);
/// Whether one UTF-8 sequence is for terminals and not for readers: C0, DEL, C1, a separator
/// of lines (U+2028, U+2029), or what turns a text's direction and could make exe.pdf of
/// fdp.exe (UAX 9, section 2).
bool is_control(std::string_view sequence);
/// `text` on one line, as it can be shown whoever wrote it: each byte of a control, and of
/// what is not UTF-8, as "\x1b".
std::string printable(std::string_view text);

}  // namespace dolibarr_backup
