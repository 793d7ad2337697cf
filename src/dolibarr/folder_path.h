#pragma once

#include <string>

#include "base/unique_fd.h"
#include "dolibarr/file_reader.h"

namespace dolibarr_backup {

/// Opens files of a tree by paths that somebody else wrote down: component by component,
/// from descriptor to descriptor, never through a symbolic link below the root and never out
/// of it. Remembers the last folder, so ask for paths in order. One thread at a time.
class FolderPath {
 public:
  /// `root`: absolute; a symbolic link there is followed. Throws Errc::source if it cannot
  /// be opened.
  explicit FolderPath(const std::string& root);

  /// The file, or the errno that says why not: ENOENT, ELOOP or ENOTDIR for a link or a file
  /// on the way, EINVAL for a path that is absolute, empty, or has "." or ".." in it.
  OpenedFile open(const std::string& path);

 private:
  int open_folder(const std::string& path);

  UniqueFd root_, folder_;
  std::string folder_path_;
  int folder_error_ = 0;  // of folder_path_
};

}  // namespace dolibarr_backup
