#pragma once

#include <string>
#include <string_view>

namespace dolibarr_backup {

/// The pages' one style sheet.
std::string_view page_style();
/// Its digest as a Content-Security-Policy names it: "sha256-…" (W3C CSP 3, "hash-source").
std::string page_style_digest();

}  // namespace dolibarr_backup
