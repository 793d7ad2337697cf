#pragma once

#include <string>
#include <string_view>

#include "base/units.h"

/// Headers of a mail. Pure.
namespace dolibarr_backup {

/// Any text as a header's value: ASCII as it is, else UTF-8 in encoded words (RFC 2047), folded.
/// Control characters become blanks, so that no text can begin another header; a byte that is no
/// part of UTF-8 becomes '?'.
std::string header_text(std::string_view text);

/// "Thu, 26 Nov 2026 17:13:40 +0000" (RFC 5322, section 3.3).
std::string header_date(Instant instant);

}  // namespace dolibarr_backup
