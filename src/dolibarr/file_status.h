#pragma once

#include <cstdint>

namespace dolibarr_backup {

enum class FileKind : char { file = 'f', directory = 'd', symlink = 'l', special = 's' };

/// What lstat(2) says of one path. Two equal ones mean: not changed in between,
/// as far as the file system's time stamps can tell.
struct FileStatus {
  uint64_t size = 0;
  int64_t mtime_ns = 0, ctime_ns = 0;
  uint64_t inode = 0;
  uint32_t device_major = 0, device_minor = 0;
  uint32_t uid = 0, gid = 0;
  uint32_t links = 0;
  uint16_t mode = 0;  ///< permission bits, setuid, setgid, sticky
  FileKind kind = FileKind::special;
  bool operator==(const FileStatus&) const = default;
};

/// Of `name` in the folder, symbolic links not followed. Returns 0 or an errno;
/// `status` is written only for 0. Thread-safe.
int read_status(int folder_fd, const char* name, FileStatus& status);
/// Of an open file.
int read_status(int fd, FileStatus& status);

/// True for an errno that says: what was listed a moment ago is no longer there,
/// or something else is there now.
bool means_vanished(int error_number);

}  // namespace dolibarr_backup
