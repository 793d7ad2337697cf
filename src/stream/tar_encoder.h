#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// A tar (POSIX pax interchange format, IEEE 1003.1) made an entry at a time. An
/// entry is tar_header(), then `size` bytes of data, then tar_padding(size) zeros;
/// the tar ends with kTarEndBytes zeros. An entry's bytes depend on that entry
/// alone, so that equal entries are equal bytes wherever they stand.
namespace dolibarr_backup {

struct TarEntry {
  enum class Type { file, directory, symlink, hard_link };
  Type type = Type::file;
  std::string path;    ///< as it shall be restored; a directory's with or without '/'
  std::string target;  ///< of a symlink, its text; of a hard link, the path it equals
  uint64_t size = 0;   ///< of a file; else 0
  int64_t mtime_ns = 0;
  uint32_t mode = 0;  ///< permissions with setuid, setgid and sticky bit
  uint32_t uid = 0, gid = 0;
};

/// The header blocks of `entry`, extended ones included: any path of any bytes but
/// NUL, any length and size. Owners are numbers only. Thread-safe.
///
/// A path that is not UTF-8 gets the keyword hdrcharset=BINARY, of which GNU tar
/// says that it ignores it; it restores the bytes as they are all the same. Under
/// a locale of another charset than UTF-8, such as Latin-1, GNU tar translates names.
std::string tar_header(const TarEntry& entry);

inline constexpr uint64_t kTarBlockBytes = 512;
inline constexpr uint64_t kTarEndBytes = 2 * kTarBlockBytes;

/// How many zeros follow `size` bytes of data.
constexpr uint64_t tar_padding(uint64_t size) {
  return (kTarBlockBytes - size % kTarBlockBytes) % kTarBlockBytes;
}

}  // namespace dolibarr_backup
