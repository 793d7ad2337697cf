#include "dolibarr/tree_exchange.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/log.h"
#include "core/documents_rules.h"
#include "dolibarr/restore_mark.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStaged = ".restore-";
// Whole, and about to be exchanged, or the old tree just after: never removed unasked.
constexpr std::string_view kAtExchange = ".exchange-";
constexpr std::string_view kKept = ".before-";
constexpr const char* kNew = "new";
const std::string kOld = "old-";
// Made by the application while the entries changed places.
const std::string kLate = "late-";
// Inside a mount: there once the staged tree is whole and the exchange goes forward only.
constexpr std::string_view kExchanging = kExchangeJournal;

[[noreturn]] void fail(const std::string& what, const fs::path& path, int error_number) {
  throw Error(Errc::source,
              fmt::format("cannot {} '{}': {}", what, path.string(), errno_text(error_number)));
}

void rename_or_throw(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    fail(fmt::format("rename to '{}'", to.string()), from, errno);
}

void make_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("create folder", path, errno);
}

void sync_folder(const fs::path& path) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) fail("open", path, errno);
  if (::fsync(folder.get()) != 0) fail("sync", path, errno);
}

// Everything written below it, in one go.
void sync_filesystem(const fs::path& path) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) fail("open", path, errno);
  if (::syncfs(folder.get()) != 0) fail("sync the file system of", path, errno);
}

bool is_there(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail("remove", path, error.value());
}

bool mount_root(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS, &status) != 0) return false;
  if (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
    return status.stx_attributes & STATX_ATTR_MOUNT_ROOT;
  struct stat root {
  }, parent{};  // a kernel before 5.8
  return ::stat(path.c_str(), &root) == 0 &&
         ::stat(fs::path(path).parent_path().c_str(), &parent) == 0 && root.st_dev != parent.st_dev;
}

fs::path inner_folder(const std::string& target) {
  return fs::path(target) / kRestoreStagingFolder;
}

// "<target>.restore-<mark>" and the like, by path.
std::vector<std::string> siblings(const std::string& target, std::string_view word) {
  const fs::path path(target);
  const std::string begin = path.filename().string() + std::string(word);
  std::vector<std::string> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path.parent_path(), error))
    if (const std::string name = entry.path().filename().string();
        name.starts_with(begin) && is_restore_mark(std::string_view(name).substr(begin.size())))
      found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

// Names in a folder but the staging folder.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().filename() != kRestoreStagingFolder)
      names.push_back(entry.path().filename().string());
  return names;
}

// The mark of the exchange, then which entries are the old ones; each ended by a NUL.
struct ExchangeJournal {
  std::string mark;
  std::vector<std::string> names;
};

void write_journal(const fs::path& inner, const ExchangeJournal& journal) {
  std::string text = journal.mark + '\0';
  for (const std::string& name : journal.names) text.append(name).push_back('\0');
  const fs::path draft = inner / (std::string(kExchanging) + ".tmp");
  const UniqueFd file(
      ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) fail("create", draft, errno);
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote < 0 && errno != EINTR) fail("write", draft, errno);
    if (wrote > 0) rest.remove_prefix(static_cast<size_t>(wrote));
  }
  if (::fsync(file.get()) != 0) fail("sync", draft, errno);
  rename_or_throw(draft, inner / kExchanging);
  sync_folder(inner);
}

ExchangeJournal read_journal(const fs::path& inner) {
  std::ifstream file(inner / kExchanging, std::ios::binary);
  if (!file) fail("read", inner / kExchanging, errno);
  ExchangeJournal journal;
  std::getline(file, journal.mark, '\0');
  for (std::string name; std::getline(file, name, '\0');) journal.names.push_back(name);
  if (!is_restore_mark(journal.mark))
    throw Error(Errc::source,
                "'" + (inner / kExchanging).string() + "' is no journal of a restore");
  return journal;
}

// Into a place that the application may have taken again meanwhile: that goes to `late`.
void bring_in(const fs::path& from, const fs::path& to, const fs::path& late) {
  for (;;) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
    if (errno == EINVAL || errno == ENOSYS) {  // a file system that cannot do so
      if (!is_there(to)) return rename_or_throw(from, to);
    } else if (errno != EEXIST) {
      fail(fmt::format("rename to '{}'", to.string()), from, errno);
    }
    make_folder(late);
    fs::path aside = late / to.filename();
    for (int more = 1; is_there(aside); ++more)
      aside = late / fmt::format("{}.{}", to.filename().string(), more);
    rename_or_throw(to, aside);
    log::warning("'{}' was made meanwhile: kept as '{}'", to.string(), aside.string());
  }
}

// A mount's root stays, with what the staged root says of itself.
void take_attributes(const fs::path& from, const fs::path& to) {
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) fail("look at", from, errno);
  if (::geteuid() == 0 && ::chown(to.c_str(), status.st_uid, status.st_gid) != 0)
    fail("change the owner of", to, errno);
  if (::chmod(to.c_str(), status.st_mode & 07777) != 0) fail("change the mode of", to, errno);
}

// Absolute, without links and slashes at its end.
std::string resolved(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty() || path.front() != '/')
    throw Error(Errc::usage, "'" + path + "' is no absolute path");
  std::error_code unresolved;
  if (const fs::path real = fs::canonical(path, unresolved); !unresolved) return real;
  return path;
}

bool must_stay(const std::string& target) {
  const fs::path parent = fs::path(target).parent_path();
  return is_there(target) && (mount_root(target) || ::access(parent.c_str(), W_OK) != 0);
}

UniqueFd lock_target(const std::string& target, bool inside) {
  const fs::path where = inside ? fs::path(target) : fs::path(target).parent_path();
  UniqueFd lock(::open(where.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) fail("open", where, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) fail("lock", where, errno);
  throw Error(Errc::refused, "another restore is at work in '" + where.string() + "'");
}

}  // namespace

TreeExchange::TreeExchange(std::string target, std::string mark)
    : target_(resolved(std::move(target))),
      mark_(std::move(mark)),
      inside_(must_stay(target_)),
      lock_(lock_target(target_, inside_)) {
  clear_leftovers();
  if (inside_) {
    make_folder(inner_folder(target_));
    staging_ = inner_folder(target_) / kNew;
  } else {
    staging_ = target_ + std::string(kStaged) + mark_;
  }
  if (::mkdir(staging_.c_str(), 0700) != 0) fail("create folder", staging_, errno);
  staged_ = true;
}

TreeExchange::~TreeExchange() {
  if (!staged_) return;
  try {
    remove_tree(inside_ ? inner_folder(target_) / kNew : fs::path(staging_));
    if (inside_) ::rmdir(inner_folder(target_).c_str());  // not if old trees are kept in it
  } catch (const std::exception& error) {
    log::warning("'{}' is left behind: {}", staging_, error.what());
  }
}

void TreeExchange::clear_leftovers() {
  if (inside_) {
    if (is_there(inner_folder(target_) / kExchanging)) {
      finish_inside();
      cleared_.push_back("finished an exchange that was broken off in '" + target_ + "'");
    } else if (is_there(inner_folder(target_) / kNew)) {
      remove_tree(inner_folder(target_) / kNew);
      cleared_.push_back("removed what a broken-off restore had prepared in '" + target_ + "'");
    }
    return;
  }
  for (const std::string& left : siblings(target_, kStaged)) {
    remove_tree(left);
    cleared_.push_back("removed what a broken-off restore had prepared: '" + left + "'");
  }
  for (const std::string& left : siblings(target_, kAtExchange)) {
    const std::string kept =
        target_ + std::string(kKept) + left.substr(target_.size() + kAtExchange.size());
    // Where two names cannot be exchanged at once, the target is away for a moment.
    if (!is_there(target_) && is_there(kept)) {
      rename_or_throw(left, target_);
      cleared_.push_back("finished an exchange that was broken off: '" + target_ + "'");
    } else {
      rename_or_throw(left, kept);
      cleared_.push_back(
          "kept, of an exchange that was broken off, the old tree or the one that "
          "was to come: '" +
          kept + "'");
    }
  }
}

std::string TreeExchange::exchange() {
  sync_filesystem(staging_);
  std::string old = inside_ ? exchange_inside() : exchange_beside();
  staged_ = false;
  return old;
}

std::string TreeExchange::exchange_beside() {
  const fs::path parent = fs::path(target_).parent_path();
  if (!is_there(target_)) {
    rename_or_throw(staging_, target_);
    sync_folder(parent);
    return "";
  }
  const std::string at_exchange = target_ + std::string(kAtExchange) + mark_;
  std::string old = target_ + std::string(kKept) + mark_;
  rename_or_throw(staging_, at_exchange);
  staging_ = at_exchange;
  sync_folder(parent);
  if (::renameat2(AT_FDCWD, at_exchange.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
    staged_ = false;  // what has that name is the old tree from here on
    rename_or_throw(at_exchange, old);
  } else {
    if (errno != EINVAL && errno != ENOSYS)
      fail("exchange with '" + at_exchange + "'", target_, errno);
    rename_or_throw(target_, old);
    staged_ = false;  // the next restore finishes it
    rename_or_throw(at_exchange, target_);
  }
  sync_folder(parent);
  return old;
}

std::string TreeExchange::exchange_inside() {
  const fs::path inner = inner_folder(target_);
  write_journal(inner, {mark_, names_in(target_)});
  staged_ = false;  // from here on it is finished, not undone
  return finish_inside();
}

// Forward only, and the same however often it is begun: an old entry that lies in `old`
// has left, one that does not is still in its place; then what is staged comes in.
std::string TreeExchange::finish_inside() {
  const fs::path inner = inner_folder(target_), target = target_, staged = inner / kNew;
  const ExchangeJournal journal = read_journal(inner);
  const fs::path old = inner / (kOld + journal.mark), late = inner / (kLate + journal.mark);
  make_folder(old);
  for (const std::string& name : journal.names) {
    if (!is_there(old / name) && is_there(target / name))
      rename_or_throw(target / name, old / name);
    if (is_there(staged / name)) bring_in(staged / name, target / name, late);
  }
  if (is_there(staged)) {
    for (const std::string& name : names_in(staged)) bring_in(staged / name, target / name, late);
    take_attributes(staged, target);
    sync_folder(target);
    remove_tree(staged);
  }
  if (::unlink((inner / kExchanging).c_str()) != 0) fail("remove", inner / kExchanging, errno);
  sync_folder(inner);
  return old;
}

TreeLeftovers tree_leftovers(const std::string& where) {
  const std::string target = resolved(where);
  TreeLeftovers left{siblings(target, kStaged), siblings(target, kKept)};
  for (std::string& tree : siblings(target, kAtExchange))
    left.kept_aside.push_back(std::move(tree));
  const fs::path inner = inner_folder(target);
  for (const std::string_view name : {kExchanging, std::string_view(kNew)})
    if (is_there(inner / name)) left.half_done.push_back((inner / name).string());
  for (const std::string& word : {kLate, kOld})
    for (std::string& kept : siblings((inner / word).string(), ""))
      left.kept_aside.push_back(std::move(kept));
  return left;
}

TreeDiscard::TreeDiscard(const std::string& where)
    : target_(resolved(where)), lock_(lock_target(target_, must_stay(target_))) {
  if (!is_there(target_) || is_there(inner_folder(target_) / kExchanging))
    throw Error(Errc::refused, "a restore of '" + target_ +
                                   "' was broken off in its exchange: what is kept aside is needed")
        .with_hint("restore again: that finishes it");
  leftovers_ = tree_leftovers(target_);
}

void TreeDiscard::run(TreeLeftovers& removed) {
  const auto remove = [](const std::vector<std::string>& paths, std::vector<std::string>& gone) {
    for (const std::string& path : paths) {
      remove_tree(path);
      gone.push_back(path);
    }
  };
  remove(leftovers_.half_done, removed.half_done);
  remove(leftovers_.kept_aside, removed.kept_aside);
  ::rmdir(inner_folder(target_).c_str());  // not if somebody put something into it
}

}  // namespace dolibarr_backup
