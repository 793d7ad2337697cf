#pragma once

#include <string>
#include <string_view>

namespace dolibarr_backup {

/// Writes `text` to the file at `path`, mode 0644, by a temporary file beside it that is
/// renamed: whoever reads it sees the old file or the new one, whole. Throws Errc::usage,
/// with the reason, if it cannot; then the old file is as it was.
void replace_file(const std::string& path, std::string_view text);

}  // namespace dolibarr_backup
