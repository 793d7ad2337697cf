#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dolibarr_backup {

/// Base64 with padding, on one line: as Content-MD5, a mail's header and a Secret have it. Pure.
std::string base64(std::string_view bytes);
/// The way back; nullopt for a text that is none, is empty or has more than 16 MiB. Pure.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace dolibarr_backup
