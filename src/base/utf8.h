#pragma once

#include <cstddef>
#include <string_view>

namespace dolibarr_backup {

/// Bytes of the UTF-8 sequence (RFC 3629, section 4) that `text` begins with; 0 if it
/// begins with none.
size_t utf8_length(std::string_view text);
/// Whether all of `text` is UTF-8.
bool is_utf8(std::string_view text);

}  // namespace dolibarr_backup
