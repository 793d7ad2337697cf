#include "store/directory_upload.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>

#include "base/stop.h"
#include "base/write_all.h"
#include "store/directory_tree.h"
#include "store/key_rules.h"

namespace dolibarr_backup {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr int kCreateFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
constexpr std::string_view kKeySuffix = ".key";
constexpr std::string_view kPartSuffix = ".part";
// Each round loses only to somebody who removed an empty folder between two calls.
constexpr int kPlaceRounds = 100;

std::string key_file(const std::string& id) {
  return id + std::string(kKeySuffix);
}
std::string part_file(const std::string& id) {
  return id + std::string(kPartSuffix);
}

std::string random_id() {
  unsigned char raw[16];
  if (RAND_bytes(raw, sizeof raw) != 1) throw Error(Errc::bug, "OpenSSL has no random bytes");
  return to_hex({reinterpret_cast<const char*>(raw), sizeof raw});
}

bool is_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Instant now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

bool unsupported(int error_number) {
  return error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP ||
         error_number == EPERM || error_number == EMLINK;
}

// Renames unless the target exists (EEXIST). 0, or an errno value.
int rename_if_free(int from, const std::string& source, int to, const std::string& target) {
  if (::renameat2(from, source.c_str(), to, target.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (!unsupported(errno)) return errno;
  // Network file systems lack the flag; most of them know hard links.
  if (::linkat(from, source.c_str(), to, target.c_str(), 0) == 0) {
    ::unlinkat(from, source.c_str(), 0);
    return 0;
  }
  if (!unsupported(errno)) return errno;
  // Neither: a look first is all that is left, and a race is lost silently.
  struct stat status {};
  if (::fstatat(to, target.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return ::renameat(from, source.c_str(), to, target.c_str()) == 0 ? 0 : errno;
}

// "<key>\n<seconds since 1970>\n"; nullopt if the file is gone or cut short.
std::optional<PendingUpload> read_key_file(int uploads, const std::string& id) {
  // A pipe that somebody put there must not be waited for.
  const UniqueFd fd(
      ::openat(uploads, key_file(id).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return std::nullopt;
  char buffer[kMaxKeyBytes + 64];
  const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
  if (count <= 0) return std::nullopt;
  const std::string_view text(buffer, static_cast<size_t>(count));
  const size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos) return std::nullopt;
  const std::string_view time = trim(text.substr(line_end + 1));
  int64_t seconds = 0;
  if (std::from_chars(time.data(), time.data() + time.size(), seconds).ec != std::errc())
    return std::nullopt;
  return PendingUpload{.key = std::string(text.substr(0, line_end)),
                       .id = id,
                       .started = Instant(std::chrono::seconds(seconds))};
}

}  // namespace

DirectoryUpload::DirectoryUpload(DirectoryUploadContext context, std::string key,
                                 Overwrite overwrite)
    : context_(std::move(context)),
      key_(std::move(key)),
      id_(random_id()),
      overwrite_(overwrite),
      root_(make_root(context_.root)),
      uploads_(make_folder(context_.root, root_.get(), kUploadsFolder)) {
  try {
    // In this order, so that no part file is ever without its key.
    write_key_file();
    open_part_file();
  } catch (...) {
    remove_files();
    throw;
  }
}

DirectoryUpload::~DirectoryUpload() {
  remove_files();
}

void DirectoryUpload::write_key_file() {
  const std::string action = "beginning '" + key_ + "'";
  const UniqueFd fd(::openat(uploads_.get(), key_file(id_).c_str(), kCreateFlags, kFileMode));
  if (!fd) throw directory_error(context_.root, action, errno);
  const std::string text = fmt::format("{}\n{}\n", key_, now().time_since_epoch().count());
  if (const int failed = write_all(fd.get(), text))
    throw directory_error(context_.root, action, failed);
  // After a power cut too, whatever is left must say whose it is.
  sync_to_disk(context_.root, fd.get(), action);
}

void DirectoryUpload::open_part_file() {
  part_ = UniqueFd(::openat(uploads_.get(), part_file(id_).c_str(), kCreateFlags, kFileMode));
  if (!part_) throw directory_error(context_.root, "beginning '" + key_ + "'", errno);
}

void DirectoryUpload::write(Bytes bytes) {
  if (flushed_) throw Error(Errc::bug, "write after flush of '" + key_ + "'");
  throw_if_stopped(context_.stop);
  if (const int failed = write_all(part_.get(), as_text(bytes)))
    throw directory_error(context_.root, "writing '" + key_ + "'", failed);
  context_.progress.stored_bytes.fetch_add(bytes.size(), std::memory_order_relaxed);
}

void DirectoryUpload::flush() {
  if (flushed_) return;
  throw_if_stopped(context_.stop);
  sync_to_disk(context_.root, part_.get(), "writing '" + key_ + "'");
  flushed_ = true;
}

void DirectoryUpload::complete() {
  if (!part_) throw Error(Errc::bug, "'" + key_ + "' was completed twice");
  throw_if_stopped(context_.stop);
  flush();
  const KeyPath path(key_);
  for (int round = 0; round < kPlaceRounds; ++round) {
    const UniqueFd folder = make_folder(context_.root, root_.get(), path.folder);
    const int failed =
        overwrite_ == Overwrite::no
            ? rename_if_free(uploads_.get(), part_file(id_), folder.get(), path.name)
        : ::renameat(uploads_.get(), part_file(id_).c_str(), folder.get(), path.name.c_str()) == 0
            ? 0
            : errno;
    if (failed == 0) {
      part_.reset();
      ::unlinkat(uploads_.get(), key_file(id_).c_str(), 0);
      return sync_to_disk(context_.root, folder.get(), "completing '" + key_ + "'");
    }
    refuse_placement(failed);
  }
  throw directory_error(context_.root, "completing '" + key_ + "'", ENOENT);
}

// Returns if another round may succeed: the target's folder was empty and removed meanwhile.
void DirectoryUpload::refuse_placement(int error_number) const {
  if (error_number == EEXIST)
    throw Error(Errc::store, fmt::format("another object stands under '{}' in directory {}", key_,
                                         context_.root))
        .with_hint(
            "objects are written once: another run used the same key, or a file was put "
            "there by hand");
  if (error_number != ENOENT)
    throw directory_error(context_.root, "completing '" + key_ + "'", error_number);
  struct stat status {};
  if (::fstatat(uploads_.get(), part_file(id_).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    throw Error(Errc::store, fmt::format("the upload of '{}' into directory {} was aborted by "
                                         "somebody else",
                                         key_, context_.root))
        .with_hint("a prune that took it for a leftover, perhaps: look at 'uploads_older_than'");
}

void DirectoryUpload::remove_files() noexcept {
  if (!uploads_) return;
  try {
    ::unlinkat(uploads_.get(), part_file(id_).c_str(), 0);
    ::unlinkat(uploads_.get(), key_file(id_).c_str(), 0);
  } catch (const std::exception&) {
    // Out of memory: the leftover is one that list_uploads() shows.
  }
}

void probe_writing(const std::string& root) {
  const std::string action = "testing whether a file can be written";
  const UniqueFd root_fd = make_root(root);
  const UniqueFd uploads = make_folder(root, root_fd.get(), kUploadsFolder);
  const std::string name = part_file(random_id());
  const UniqueFd fd(::openat(uploads.get(), name.c_str(), kCreateFlags, kFileMode));
  if (!fd) throw directory_error(root, action, errno);
  // At once, for nobody would ever remove what a killed process leaves.
  if (::unlinkat(uploads.get(), name.c_str(), 0) != 0) throw directory_error(root, action, errno);
  if (const int failed = write_all(fd.get(), "x")) throw directory_error(root, action, failed);
  sync_to_disk(root, fd.get(), action);
}

std::vector<PendingUpload> read_pending_uploads(const std::string& root, int root_fd) {
  UniqueFd folder = open_folder(root, root_fd, kUploadsFolder);
  if (!folder) return {};
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(folder.get()), &::closedir);
  if (!directory) throw directory_error(root, "listing unfinished uploads", errno);
  static_cast<void>(folder.release());  // the DIR owns it now
  std::vector<PendingUpload> uploads;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name.size() <= kKeySuffix.size()) continue;
    const std::string id(name.substr(0, name.size() - kKeySuffix.size()));
    if (!is_id(id) || name.substr(id.size()) != kKeySuffix) continue;
    if (std::optional<PendingUpload> upload = read_key_file(::dirfd(directory.get()), id))
      uploads.push_back(std::move(*upload));
  }
  if (errno != 0) throw directory_error(root, "listing unfinished uploads", errno);
  return uploads;
}

void remove_pending_upload(const std::string& root, int root_fd, const std::string& id) {
  if (!is_id(id)) throw Error(Errc::refused, "'" + id + "' is no upload of a directory store");
  const UniqueFd folder = open_folder(root, root_fd, kUploadsFolder);
  if (!folder) return;
  for (const std::string& name : {part_file(id), key_file(id)})
    if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      throw directory_error(root, "aborting the upload " + id, errno);
}

}  // namespace dolibarr_backup
