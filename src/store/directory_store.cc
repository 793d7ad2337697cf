#include "store/directory_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>

#include "base/stop.h"
#include "base/unique_fd.h"
#include "store/directory_tree.h"
#include "store/directory_upload.h"
#include "store/key_rules.h"

namespace dolibarr_backup {
namespace {

// Serves bytes [offset, end) of a file and proves that they were all there.
class FileSource : public Source {
 public:
  FileSource(UniqueFd fd, std::string root, std::string key, ByteRange range, std::stop_token stop)
      : fd_(std::move(fd)),
        root_(std::move(root)),
        key_(std::move(key)),
        offset_(range.offset),
        end_(range.offset + range.length),
        stop_(std::move(stop)) {}

  size_t read(MutableBytes buffer) override {
    throw_if_stopped(stop_);
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), end_ - offset_));
    if (wanted == 0) return 0;
    ssize_t count = 0;
    do {
      count = ::pread(fd_.get(), buffer.data(), wanted, static_cast<off_t>(offset_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw directory_error(root_, "reading '" + key_ + "'", errno);
    if (count == 0)
      throw Error(Errc::corrupt, fmt::format("'{}' in directory {} ends after {} bytes, {} short",
                                             key_, root_, offset_, end_ - offset_));
    offset_ += static_cast<uint64_t>(count);
    return static_cast<size_t>(count);
  }

 private:
  UniqueFd fd_;
  std::string root_, key_;
  uint64_t offset_, end_;
  std::stop_token stop_;
};

// A root that does not exist yet is an empty store, but only if it could be made. Its
// parent is where a file system that is not mounted would show.
void require_parent(const std::string& root) {
  const std::string action = "opening the root";
  struct stat status {};
  if (::lstat(root.c_str(), &status) == 0) throw directory_error(root, action, ENOENT);
  const std::filesystem::path path = std::filesystem::path(root + "/").parent_path();
  if (::stat(path.parent_path().c_str(), &status) == 0) return;
  if (errno == ENOENT) throw no_parent_error(root, action);
  throw directory_error(root, action, errno);
}

ByteRange range_within(const std::string& key, uint64_t size,
                       const std::optional<ByteRange>& range) {
  if (!range) return {.offset = 0, .length = size};
  if (range->offset > size || range->length > size - range->offset)
    throw Error(Errc::corrupt, fmt::format("'{}' has {} bytes, which do not hold {} bytes from {}",
                                           key, size, range->length, range->offset));
  return *range;
}

}  // namespace

DirectoryStore::DirectoryStore(std::string root, Progress& progress, std::stop_token stop)
    : root_(std::move(root)), progress_(progress), stop_(std::move(stop)) {}

std::string DirectoryStore::describe() const {
  return "directory " + root_;
}

void DirectoryStore::check_access(Access access) {
  throw_if_stopped(stop_);
  if (access == Access::write) probe_writing(root_);
  const UniqueFd root = open_root(root_);
  if (!root) return require_parent(root_);
  const int rights = R_OK | X_OK | (access == Access::write ? W_OK : 0);
  if (::faccessat(root.get(), ".", rights, AT_EACCESS) != 0)
    throw directory_error(root_, "looking at the rights to the root", errno);
}

void DirectoryStore::put(const std::string& key, Bytes content, Overwrite overwrite) {
  require_valid_key(key);
  DirectoryUpload upload({.root = root_, .progress = progress_, .stop = {}}, key, overwrite);
  upload.write(content);
  upload.complete();
}

std::unique_ptr<Upload> DirectoryStore::start_upload(const std::string& key,
                                                     const UploadOptions& /*options*/) {
  require_valid_key(key);
  throw_if_stopped(stop_);
  return std::make_unique<DirectoryUpload>(
      DirectoryUploadContext{.root = root_, .progress = progress_, .stop = stop_}, key,
      Overwrite::no);
}

std::unique_ptr<Source> DirectoryStore::open(const std::string& key,
                                             std::optional<ByteRange> range) {
  require_valid_key(key);
  throw_if_stopped(stop_);
  const KeyPath path(key);
  const UniqueFd root = open_root(root_);
  const UniqueFd folder = root ? open_folder(root_, root.get(), path.folder) : UniqueFd();
  if (!folder) return nullptr;
  // O_NONBLOCK: a named pipe in the way must not hang us.
  UniqueFd fd(
      ::openat(folder.get(), path.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return nullptr;
  if (!fd) throw directory_error(root_, "opening '" + key + "'", errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw directory_error(root_, "opening '" + key + "'", errno);
  if (!S_ISREG(status.st_mode)) return nullptr;
  const ByteRange part = range_within(key, static_cast<uint64_t>(status.st_size), range);
  return std::make_unique<FileSource>(std::move(fd), root_, key, part, stop_);
}

std::optional<ObjectInfo> DirectoryStore::head(const std::string& key) {
  require_valid_key(key);
  throw_if_stopped(stop_);
  const KeyPath path(key);
  const UniqueFd root = open_root(root_);
  const UniqueFd folder = root ? open_folder(root_, root.get(), path.folder) : UniqueFd();
  if (!folder) return std::nullopt;
  struct stat status {};
  if (::fstatat(folder.get(), path.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw directory_error(root_, "looking at '" + key + "'", errno);
  }
  if (S_ISLNK(status.st_mode)) throw directory_error(root_, "looking at '" + key + "'", ELOOP);
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return ObjectInfo{.key = key,
                    .size = static_cast<uint64_t>(status.st_size),
                    .modified = Instant(std::chrono::seconds(status.st_mtim.tv_sec))};
}

std::vector<ObjectInfo> DirectoryStore::list(const std::string& prefix) {
  require_valid_prefix(prefix);
  const UniqueFd root = open_root(root_);
  if (!root) return {};
  std::vector<ObjectInfo> objects = walk_objects(root_, root.get(), prefix, stop_);
  std::sort(objects.begin(), objects.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
  return objects;
}

void DirectoryStore::remove(const std::string& key) {
  require_valid_key(key);
  const KeyPath path(key);
  const UniqueFd root = open_root(root_);
  const UniqueFd folder = root ? open_folder(root_, root.get(), path.folder) : UniqueFd();
  if (!folder) return;
  const bool removed = ::unlinkat(folder.get(), path.name.c_str(), 0) == 0;
  // A folder is no object: Linux says EISDIR, POSIX EPERM.
  if (!removed && errno != ENOENT && errno != EISDIR)
    throw directory_error(root_, "removing '" + key + "'", errno);
  if (removed) remove_empty_folders(root_, root.get(), path.folder);
}

std::vector<PendingUpload> DirectoryStore::list_uploads(const std::string& prefix) {
  require_valid_prefix(prefix);
  throw_if_stopped(stop_);
  const UniqueFd root = open_root(root_);
  if (!root) return {};
  std::vector<PendingUpload> uploads = read_pending_uploads(root_, root.get());
  std::erase_if(uploads, [&](const PendingUpload& upload) {
    return upload.key.compare(0, prefix.size(), prefix) != 0;
  });
  std::sort(uploads.begin(), uploads.end(), [](const PendingUpload& a, const PendingUpload& b) {
    return std::tie(a.key, a.id) < std::tie(b.key, b.id);
  });
  return uploads;
}

void DirectoryStore::abort_upload(const PendingUpload& upload) {
  const UniqueFd root = open_root(root_);
  if (root) remove_pending_upload(root_, root.get(), upload.id);
}

}  // namespace dolibarr_backup
