#include "dolibarr/file_status.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace dolibarr_backup {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

int64_t nanoseconds(const struct statx_timestamp& time) {
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

FileKind kind_of(uint16_t mode) {
  if (S_ISREG(mode)) return FileKind::file;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symlink;
  return FileKind::special;
}

int read_statx(int fd, const char* name, int flags, FileStatus& status) {
  struct statx seen;
  // Attributes as stat(2) has them: a network file system's cache is good enough
  // for the walk, and asking the server for each file would double its time.
  if (statx(fd, name, flags | AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS, &seen) != 0) return errno;
  status = FileStatus{
      .size = seen.stx_size,
      .mtime_ns = nanoseconds(seen.stx_mtime),
      .ctime_ns = nanoseconds(seen.stx_ctime),
      .inode = seen.stx_ino,
      .device_major = seen.stx_dev_major,
      .device_minor = seen.stx_dev_minor,
      .uid = seen.stx_uid,
      .gid = seen.stx_gid,
      .links = seen.stx_nlink,
      .mode = static_cast<uint16_t>(seen.stx_mode & 07777),
      .kind = kind_of(seen.stx_mode),
  };
  return 0;
}

}  // namespace

int read_status(int folder_fd, const char* name, FileStatus& status) {
  return read_statx(folder_fd, name, AT_SYMLINK_NOFOLLOW, status);
}

int read_status(int fd, FileStatus& status) {
  return read_statx(fd, "", AT_EMPTY_PATH, status);
}

bool means_vanished(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

}  // namespace dolibarr_backup
