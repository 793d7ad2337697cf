#include "store/directory_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "base/stop.h"

namespace dolibarr_backup {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kFolderMode = 0700;
// Each round loses only to somebody who removed the folder between two calls.
constexpr int kMakeRounds = 100;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

std::string hint_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "the file system or the quota is full: free space there, or prune";
    case EFBIG:
      return "the file system or a limit (ulimit -f) allows no file of that size";
    case EACCES:
    case EPERM:
      return "give the user that runs this read, write and search permission there";
    case EROFS:
      return "the file system is mounted read-only";
    case ELOOP:
      return "a symbolic link stands in the way; a store holds real folders and files only";
    case ENOTDIR:
      return "a file stands where a folder is needed";
    case EISDIR:
      return "a folder stands where the object is to go";
    case ENOENT:
      return "the folder vanished; look whether the file system is still mounted";
    case EXDEV:
      return "another file system is mounted below the root; a store needs one for all of it";
    case EIO:
    case ESTALE:
      return "the disk or the network file system failed: look at the kernel's log";
    default:
      return "";
  }
}

bool is_symbolic_link(int folder_fd, const std::string& name) {
  struct stat status {};
  return ::fstatat(folder_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(status.st_mode);
}

std::string take_segment(std::string_view& path) {
  const size_t slash = path.find('/');
  std::string segment(path.substr(0, slash));
  path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  return segment;
}

UniqueFd duplicate(const std::string& root, int fd) {
  UniqueFd copy(::openat(fd, ".", kFolderFlags));
  if (!copy) throw directory_error(root, "opening a folder", errno);
  return copy;
}

std::string opening(const std::string& name) {
  return "opening the folder '" + name + "'";
}

// One step down; an empty descriptor and errno ENOENT if there is no such folder.
UniqueFd open_child(const std::string& root, int parent, const std::string& name) {
  UniqueFd child(::openat(parent, name.c_str(), kFolderFlags));
  if (child) return child;
  const int error_number = errno;
  if (error_number == ENOTDIR && is_symbolic_link(parent, name))
    throw directory_error(root, opening(name), ELOOP);
  if (error_number != ENOENT && error_number != ENOTDIR)
    throw directory_error(root, opening(name), error_number);
  errno = error_number;
  return {};
}

// An empty descriptor if the parent itself was removed meanwhile.
UniqueFd make_child(const std::string& root, int parent, const std::string& name) {
  for (int round = 0; round < kMakeRounds; ++round) {
    if (UniqueFd child = open_child(root, parent, name)) return child;
    if (errno == ENOTDIR) throw directory_error(root, opening(name), ENOTDIR);
    if (::mkdirat(parent, name.c_str(), kFolderMode) == 0)
      sync_to_disk(root, parent, "making the folder '" + name + "'");
    else if (errno == ENOENT)
      return {};
    else if (errno != EEXIST)
      throw directory_error(root, "making the folder '" + name + "'", errno);
  }
  return {};
}

UniqueFd make_folder_once(const std::string& root, int root_fd, std::string_view folder) {
  UniqueFd current = duplicate(root, root_fd);
  while (current && !folder.empty())
    current = make_child(root, current.get(), take_segment(folder));
  return current;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

class Walk {
 public:
  Walk(const std::string& root, const std::string& prefix, const std::stop_token& stop)
      : root_(root), prefix_(prefix), stop_(stop) {}

  // `path` is "" or ends in '/'.
  void visit(UniqueFd folder, const std::string& path) {
    Directory directory(::fdopendir(folder.get()));
    if (!directory) throw directory_error(root_, opening(path), errno);
    static_cast<void>(folder.release());  // the DIR owns it now
    while (true) {
      throw_if_stopped(stop_);
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (!entry) break;
      visit_entry(::dirfd(directory.get()), path, entry->d_name);
    }
    if (errno != 0) throw directory_error(root_, "listing the folder '" + path + "'", errno);
  }

  std::vector<ObjectInfo> take() { return std::move(objects_); }

 private:
  void visit_entry(int folder, const std::string& path, const std::string& name) {
    if (name == "." || name == ".." || (path.empty() && name == kUploadsFolder)) return;
    const std::string key = path + name;
    if (!starts_with(key, prefix_) && !starts_with(prefix_, key + "/")) return;
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;  // removed meanwhile
      throw directory_error(root_, "looking at '" + key + "'", errno);
    }
    if (S_ISDIR(status.st_mode)) {
      if (UniqueFd child = open_child(root_, folder, name)) visit(std::move(child), key + "/");
    } else if (S_ISREG(status.st_mode) && starts_with(key, prefix_)) {
      objects_.push_back({.key = key,
                          .size = static_cast<uint64_t>(status.st_size),
                          .modified = Instant(std::chrono::seconds(status.st_mtim.tv_sec))});
    }
  }

  const std::string& root_;
  const std::string& prefix_;
  const std::stop_token& stop_;
  std::vector<ObjectInfo> objects_;
};

}  // namespace

KeyPath::KeyPath(const std::string& key) {
  const size_t slash = key.rfind('/');
  if (slash != std::string::npos) folder = key.substr(0, slash);
  name = slash == std::string::npos ? key : key.substr(slash + 1);
}

Error directory_error(const std::string& root, const std::string& action, int error_number) {
  Error error(Errc::store,
              action + " in directory " + root + " failed: " + errno_text(error_number));
  if (std::string hint = hint_for(error_number); !hint.empty()) error.with_hint(std::move(hint));
  return error;
}

Error no_parent_error(const std::string& root, const std::string& action) {
  return directory_error(root, action, ENOENT)
      .with_hint(
          "its parent folder does not exist either: mount the file system, make the "
          "folder, or correct the setting 'directory'");
}

UniqueFd open_root(const std::string& root) {
  // The root itself may be a link: it is the operator's own setting.
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno != ENOENT) throw directory_error(root, "opening the root", errno);
  return fd;
}

UniqueFd make_root(const std::string& root) {
  if (UniqueFd fd = open_root(root)) return fd;
  if (::mkdir(root.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    if (errno == ENOENT) throw no_parent_error(root, "making the root");
    throw directory_error(root, "making the root", errno);
  }
  UniqueFd fd = open_root(root);
  if (!fd) throw directory_error(root, "opening the root", ENOENT);
  UniqueFd parent(::openat(fd.get(), "..", kFolderFlags));
  if (parent) sync_to_disk(root, parent.get(), "making the root");
  return fd;
}

UniqueFd open_folder(const std::string& root, int root_fd, std::string_view folder) {
  UniqueFd current = duplicate(root, root_fd);
  while (current && !folder.empty())
    current = open_child(root, current.get(), take_segment(folder));
  return current;
}

UniqueFd make_folder(const std::string& root, int root_fd, std::string_view folder) {
  for (int round = 0; round < kMakeRounds; ++round)
    if (UniqueFd fd = make_folder_once(root, root_fd, folder)) return fd;
  throw directory_error(root, "making the folder '" + std::string(folder) + "'", ENOENT);
}

void remove_empty_folders(const std::string& root, int root_fd, std::string folder) noexcept {
  try {
    while (!folder.empty()) {
      const KeyPath path(folder);
      const UniqueFd parent = open_folder(root, root_fd, path.folder);
      if (parent && ::unlinkat(parent.get(), path.name.c_str(), AT_REMOVEDIR) != 0 &&
          errno != ENOENT)
        return;  // not empty, most likely
      folder = path.folder;
    }
  } catch (const std::exception&) {
    // An empty folder left behind is no object: nobody ever sees it.
  }
}

std::vector<ObjectInfo> walk_objects(const std::string& root, int root_fd,
                                     const std::string& prefix, const std::stop_token& stop) {
  const std::string folder = KeyPath(prefix).folder;
  UniqueFd start = open_folder(root, root_fd, folder);
  if (!start) return {};
  Walk walk(root, prefix, stop);
  walk.visit(std::move(start), folder.empty() ? "" : folder + "/");
  return walk.take();
}

void sync_to_disk(const std::string& root, int fd, const std::string& action) {
  // Some network file systems cannot sync a folder and say EINVAL.
  if (::fsync(fd) != 0 && errno != EINVAL) throw directory_error(root, action, errno);
}

}  // namespace dolibarr_backup
