#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "dolibarr/file_status.h"

namespace dolibarr_backup {

/// How reading a file ended.
enum class ReadOutcome {
  stable,      ///< the bytes are the file's, its status the same before and after
  changing,    ///< it moved each time; the bytes are of the last try
  vanished,    ///< no longer there, or no longer a file
  unreadable,  ///< see error_number
};

/// A regular file, opened read-only without following a link and, where allowed,
/// without a trace in its access time. `fd` is unset for an errno.
struct OpenedFile {
  UniqueFd fd;
  FileStatus status;
  int error_number = 0;
};
OpenedFile open_file(int folder_fd, const char* name);

/// Whether both describe the same unchanged content.
bool same_content(const FileStatus& before, const FileStatus& after);

/// Reads exactly `size` bytes at `offset`, or up to the end of the file; returns how
/// many, or -1 with errno.
int64_t read_fully(int fd, char* out, size_t size, uint64_t offset);

struct FileContent {
  ReadOutcome outcome = ReadOutcome::vanished;
  int error_number = 0;
  FileStatus status;  ///< of what `bytes` hold; size is theirs
  std::string bytes;
};

/// Reads a small file whole, again up to three times if it moves meanwhile.
/// `growing`: a log, of which what was there at opening is enough. A file that has
/// become larger than `greatest_bytes` is `changing`, without bytes.
FileContent read_file(int folder_fd, const char* name, bool growing, uint64_t greatest_bytes);

inline constexpr int kReadTries = 3;

}  // namespace dolibarr_backup
