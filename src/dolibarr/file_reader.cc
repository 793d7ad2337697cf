#include "dolibarr/file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace dolibarr_backup {

OpenedFile open_file(int folder_fd, const char* name) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  OpenedFile file;
  // O_NOATIME is for the owner and root only (open(2)).
  file.fd = UniqueFd(::openat(folder_fd, name, kFlags | O_NOATIME));
  if (!file.fd && errno == EPERM) file.fd = UniqueFd(::openat(folder_fd, name, kFlags));
  if (!file.fd) {
    file.error_number = errno;
    return file;
  }
  file.error_number = read_status(file.fd.get(), file.status);
  if (file.error_number == 0 && file.status.kind != FileKind::file) file.error_number = ENOENT;
  return file;
}

bool same_content(const FileStatus& before, const FileStatus& after) {
  return before.size == after.size && before.mtime_ns == after.mtime_ns &&
         before.ctime_ns == after.ctime_ns && before.inode == after.inode;
}

int64_t read_fully(int fd, char* out, size_t size, uint64_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, out + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return static_cast<int64_t>(done);
}

FileContent read_file(int folder_fd, const char* name, bool growing, uint64_t greatest_bytes) {
  FileContent content;
  for (int tries = 0; tries < kReadTries; ++tries) {
    OpenedFile file = open_file(folder_fd, name);
    if (file.error_number != 0) {
      content.outcome =
          means_vanished(file.error_number) ? ReadOutcome::vanished : ReadOutcome::unreadable;
      content.error_number = file.error_number;
      content.bytes.clear();
      return content;
    }
    content.status = file.status;
    content.outcome = ReadOutcome::changing;
    content.bytes.clear();
    if (file.status.size > greatest_bytes) continue;
    content.bytes.resize(file.status.size);
    const int64_t got = read_fully(file.fd.get(), content.bytes.data(), content.bytes.size(), 0);
    FileStatus after;
    const int failed = got < 0 ? errno : read_status(file.fd.get(), after);
    if (failed != 0) {
      content.outcome = ReadOutcome::unreadable;
      content.error_number = failed;
      content.bytes.clear();
      return content;
    }
    const bool whole = static_cast<uint64_t>(got) == file.status.size;
    if (whole && (growing || same_content(file.status, after))) {
      content.outcome = ReadOutcome::stable;
      return content;
    }
    content.bytes.resize(static_cast<size_t>(got));
    content.status.size = static_cast<uint64_t>(got);
  }
  return content;
}

}  // namespace dolibarr_backup
