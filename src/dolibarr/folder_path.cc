#include "dolibarr/folder_path.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

bool plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('\0') == std::string::npos;
}

}  // namespace

FolderPath::FolderPath(const std::string& root)
    : root_(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!root_) throw Error(Errc::source, "cannot open " + root + ": " + errno_text(errno));
}

OpenedFile FolderPath::open(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  OpenedFile file;
  file.error_number = EINVAL;
  if (!plain_name(name) || slash == 0) return file;
  if (folder.empty()) return open_file(root_.get(), name.c_str());
  if (folder != folder_path_) {
    folder_error_ = open_folder(folder);
    folder_path_ = folder;
  }
  file.error_number = folder_error_;
  return folder_error_ == 0 ? open_file(folder_.get(), name.c_str()) : std::move(file);
}

int FolderPath::open_folder(const std::string& path) {
  UniqueFd opened;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    if (!plain_name(name)) return EINVAL;
    const int parent = opened ? opened.get() : root_.get();
    UniqueFd next(::openat(parent, name.c_str(), kFolderFlags));
    if (!next) return errno;
    opened = std::move(next);
    begin = end + 1;
  }
  folder_ = std::move(opened);
  return 0;
}

}  // namespace dolibarr_backup
