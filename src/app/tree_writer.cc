#include "app/tree_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kUnfinishedFolder = 0700;
constexpr mode_t kUnfinishedFile = 0600;
// Never setuid, nor setgid of a file: whoever wrote the manifest would become its owner.
constexpr mode_t kFilePermissions = 0777;
constexpr mode_t kFolderPermissions = 02777;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
std::string name_in(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}
bool is_within(std::string_view path, std::string_view folder) {
  return folder.empty() || path == folder ||
         (path.starts_with(folder) && path[folder.size()] == '/');
}

// Of one entry only: its name, or what stands there, is the reason.
bool concerns_one_entry(int error_number) {
  switch (error_number) {
    case EEXIST:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EILSEQ:
    case EINVAL:
    case ENOENT:
    case EMLINK:
      return true;
    default:
      return false;
  }
}

[[noreturn]] void fail(const std::string& path, const std::string& what, int error_number) {
  Error error(concerns_one_entry(error_number) ? Errc::refused : Errc::source,
              fmt::format("'{}' cannot be {}: {}", path, what, errno_text(error_number)));
  if (error_number == EMFILE) error.with_hint("raise the limit of open files (ulimit -n)");
  throw error;
}

timespec to_timespec(int64_t ns) {
  const int64_t rest = ns % kNanosecondsPerSecond;
  const int64_t down = rest < 0 ? 1 : 0;
  return {.tv_sec = static_cast<time_t>(ns / kNanosecondsPerSecond - down),
          .tv_nsec = static_cast<long>(rest + down * kNanosecondsPerSecond)};
}

mode_t permissions_of(const ManifestEntry& entry) {
  const bool folder = entry.type == ManifestEntry::Type::directory;
  return entry.mode & (folder ? kFolderPermissions : kFilePermissions);
}

// Owner before mode: chown(2) takes setgid away.
void set_facts(int fd, const ManifestEntry& entry) {
  if (::geteuid() == 0 && ::fchown(fd, entry.uid, entry.gid) != 0)
    fail(entry.path, "given its owner", errno);
  if (::fchmod(fd, permissions_of(entry)) != 0) fail(entry.path, "given its mode", errno);
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, to_timespec(entry.mtime_ns)};
  if (::futimens(fd, times) != 0) fail(entry.path, "given its time", errno);
}

// Its owner could put what root makes there elsewhere.
void require_own(const std::string& folder, int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) fail(folder, "looked at", errno);
  if (::geteuid() == 0 && status.st_uid != 0)
    throw Error(Errc::refused, fmt::format("the folder '{}' belongs to another user, number {}",
                                           folder, status.st_uid))
        .with_hint("extract into a new folder, or as that user");
}

bool holds_nothing(const std::string& folder, int fd) {
  const int copy = ::openat(fd, ".", kOpenFolder);
  DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
  if (!entries) fail(folder, "listed", errno);
  bool nothing = true;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;
    nothing &= name == "." || name == "..";
  }
  ::closedir(entries);
  return nothing;
}

}  // namespace

bool stays_below(std::string_view path) {
  if (path.empty()) return true;
  for (;;) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

TreeWriter::TreeWriter(const std::string& folder) : shown_(folder) {
  const bool made = ::mkdir(folder.c_str(), kUnfinishedFolder | 055) == 0;
  if (!made && errno != EEXIST)
    throw Error(Errc::source,
                fmt::format("the folder '{}' cannot be made: {}", folder, errno_text(errno)))
        .with_hint("its parent must exist and be writable");
  // The folder itself was named by whoever started us: it may be a link.
  UniqueFd fd(::open(folder.c_str(), kOpenFolder & ~O_NOFOLLOW));
  if (!fd)
    throw Error(Errc::source,
                fmt::format("the folder '{}' cannot be opened: {}", folder, errno_text(errno)));
  require_own(folder, fd.get());
  was_empty_ = made || holds_nothing(folder, fd.get());
  frames_.push_back({.path = "", .fd = std::move(fd), .made = was_empty_});
}

TreeWriter::~TreeWriter() = default;

// A descriptor of the folder; `exists` is false if it or one above it is not there. An
// invalid one that exists: something else stands in its place.
UniqueFd TreeWriter::open_folder(std::string_view path, bool& exists) const {
  exists = true;
  UniqueFd fd(::openat(frames_.front().fd.get(), ".", kOpenFolder));
  while (fd && !path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string name(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    UniqueFd next(::openat(fd.get(), name.c_str(), kOpenFolder));
    if (!next && errno == ENOENT) exists = false;
    fd = std::move(next);
  }
  return fd;
}

bool TreeWriter::in_the_way(const ManifestEntry& entry) {
  if (was_empty_ || entry.path.empty()) return false;
  const std::string_view parent = parent_of(entry.path);
  if (!looked_ || parent != looked_path_) {
    // Below a folder that is not there nothing is.
    const bool below_nothing =
        !looked_exists_ && !looked_path_.empty() && is_within(parent, looked_path_);
    if (below_nothing) return false;
    looked_ = open_folder(parent, looked_exists_);
    looked_path_ = parent;
  }
  if (!looked_) return looked_exists_;
  struct stat status;
  if (::fstatat(looked_.get(), name_in(entry.path).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno != ENOENT;
  return entry.type != ManifestEntry::Type::directory || !S_ISDIR(status.st_mode);
}

void TreeWriter::leave() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.postponed && !frames_.empty()) frames_.back().postponed = true;
  if (!frame.made || !frame.facts) return;
  if (frame.postponed)
    postponed_.push_back(std::move(*frame.facts));
  else
    set_facts(frame.fd.get(), *frame.facts);
}

// Makes `path` the innermost open folder; what is missing on the way is made.
void TreeWriter::enter(std::string_view path) {
  if (!stays_below(path)) throw Error(Errc::refused, fmt::format("'{}' leads outside", path));
  while (frames_.size() > 1 && !is_within(path, frames_.back().path)) leave();
  while (frames_.back().path.size() < path.size()) {
    const Frame& above = frames_.back();
    const size_t begin = above.path.empty() ? 0 : above.path.size() + 1;
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name(path.substr(begin, end - begin));
    Frame frame{.path = std::string(path.substr(0, end))};
    frame.made = ::mkdirat(above.fd.get(), name.c_str(), kUnfinishedFolder) == 0;
    if (!frame.made && errno != EEXIST) fail(frame.path, "made", errno);
    frame.fd = UniqueFd(::openat(above.fd.get(), name.c_str(), kOpenFolder));
    if (!frame.fd) fail(frame.path, "opened as a folder", errno);
    frames_.push_back(std::move(frame));
  }
}

int TreeWriter::enter_parent(const std::string& path) {
  if (path.empty() || !stays_below(path))
    throw Error(Errc::refused, "'" + path + "' leads outside");
  enter(parent_of(path));
  return frames_.back().fd.get();
}

void TreeWriter::make_folder(const ManifestEntry& entry) {
  enter(entry.path);
  // A folder on the way to one that is entered was entered before.
  if (frames_.back().path == entry.path && !frames_.back().facts) frames_.back().facts = entry;
}

void TreeWriter::postpone(const std::string& path) {
  enter_parent(path);
  frames_.back().postponed = true;
}

TreeWriter::File::File(int folder, const ManifestEntry& entry, std::string temporary)
    : folder_(folder), entry_(entry), temporary_(std::move(temporary)), name_(name_in(entry.path)) {
  fd_ = UniqueFd(::openat(folder_, temporary_.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kUnfinishedFile));
  if (!fd_) fail(entry.path, "made", errno);
}

TreeWriter::File::~File() {
  if (!kept_) ::unlinkat(folder_, temporary_.c_str(), 0);
}

void TreeWriter::File::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(entry_.path, "written", errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void TreeWriter::File::keep() {
  set_facts(fd_.get(), entry_);
  if (::renameat2(folder_, temporary_.c_str(), folder_, name_.c_str(), RENAME_NOREPLACE) == 0) {
    kept_ = true;
    return;
  }
  if (errno != EINVAL && errno != ENOSYS) fail(entry_.path, "given its name", errno);
  // NFS knows no such flag; a link never replaces anything either.
  if (::linkat(folder_, temporary_.c_str(), folder_, name_.c_str(), 0) != 0)
    fail(entry_.path, "given its name", errno);
}

std::unique_ptr<TreeWriter::File> TreeWriter::make_file(const ManifestEntry& entry) {
  const int folder = enter_parent(entry.path);
  std::string temporary = fmt::format(".dolibarr-backup-{}-{}.part", ::getpid(), ++files_);
  return std::unique_ptr<File>(new File(folder, entry, std::move(temporary)));
}

void TreeWriter::make_hard_link(const ManifestEntry& entry, const std::string& target) {
  const int folder = enter_parent(entry.path);
  if (target.empty() || !stays_below(target))
    throw Error(Errc::refused, fmt::format("'{}' is a link to '{}', outside", entry.path, target));
  bool exists = false;
  const UniqueFd from = open_folder(parent_of(target), exists);
  const std::string name = name_in(target);
  if (!from || ::linkat(from.get(), name.c_str(), folder, name_in(entry.path).c_str(), 0) != 0)
    fail(entry.path, "linked to '" + target + "'", errno);
}

void TreeWriter::make_symlink(const ManifestEntry& entry) {
  const int folder = enter_parent(entry.path);
  const std::string name = name_in(entry.path);
  if (::symlinkat(entry.target.c_str(), folder, name.c_str()) != 0) fail(entry.path, "made", errno);
  if (::geteuid() == 0 &&
      ::fchownat(folder, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
    fail(entry.path, "given its owner", errno);
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, to_timespec(entry.mtime_ns)};
  if (::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    fail(entry.path, "given its time", errno);
}

// They were left in an order in which a folder comes before the one that holds it.
void TreeWriter::finish() {
  while (frames_.size() > 1) leave();
  for (const ManifestEntry& folder : postponed_) {
    bool exists = false;
    const UniqueFd fd = open_folder(folder.path, exists);
    if (!fd) fail(folder.path, "opened again", errno);
    set_facts(fd.get(), folder);
  }
  postponed_.clear();
  Frame& root = frames_.front();
  if (root.made && root.facts) set_facts(root.fd.get(), *root.facts);
  if (::syncfs(root.fd.get()) != 0)
    throw Error(Errc::source,
                fmt::format("'{}' could not be written to disk: {}", shown_, errno_text(errno)));
}

}  // namespace dolibarr_backup
