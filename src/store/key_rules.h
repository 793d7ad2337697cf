#pragma once

#include <string>
#include <string_view>

namespace dolibarr_backup {

/// S3's limit (AWS "Object key naming": 1,024 bytes of UTF-8).
inline constexpr size_t kMaxKeyBytes = 1024;
/// Linux's limit on the name of a file (NAME_MAX).
inline constexpr size_t kMaxSegmentBytes = 255;

/// Throws Errc::refused unless `key` is a relative path of non-empty printable
/// segments in UTF-8, none of them "." or "..". Every store holds to it, so that what one
/// accepts another never refuses.
void require_valid_key(const std::string& key);

/// The same for a prefix, which may be empty and may end anywhere in a key.
void require_valid_prefix(const std::string& prefix);

}  // namespace dolibarr_backup
