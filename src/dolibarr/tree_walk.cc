#include "dolibarr/tree_walk.h"

#include <limits.h>
#include <oneapi/tbb/parallel_for.h>
#include <sys/resource.h>
#include <unistd.h>
#include <filesystem>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/error.h"
#include "base/stop.h"
#include "core/documents_rules.h"

namespace dolibarr_backup {
namespace {

// Neighbours listed ahead per level. Each holds a descriptor, so deep down, where
// the levels add up, none is.
constexpr size_t kFoldersAhead = 16;
constexpr size_t kMostLevelsAhead = 12;
constexpr size_t kNamesAhead = 4096;
// Beside the cores, for threads that wait. Six on two cores took a tree of 40,000
// files with 1 ms per call in a third of the time of two.
constexpr unsigned kWaitingThreads = 4;

std::string shown(std::string_view path) {
  return path.empty() ? "." : std::string(path);
}

std::string_view hint_for(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
      return "run as the owner of the documents (www-data) or as root";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n)";
    case EIO:
      return "the file system reports an I/O error: look at the kernel's log";
    default:
      return "look at the file system that holds the documents";
  }
}

}  // namespace

size_t descriptor_share() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFoldersAhead;
  return static_cast<size_t>(limit.rlim_cur / 4);
}

unsigned worker_count(unsigned workers) {
  return workers != 0 ? workers : std::max(1u, std::thread::hardware_concurrency());
}

unsigned reading_threads(unsigned workers) {
  return worker_count(workers) + kWaitingThreads;
}

ReadingArena::ReadingArena(unsigned workers)
    : limit_(oneapi::tbb::global_control::max_allowed_parallelism, reading_threads(workers) + 1),
      arena_(static_cast<int>(reading_threads(workers))) {}

struct TreeWalk::Ahead {
  size_t index = 0;
  Folder::Opened opened;
};

TreeWalk::TreeWalk(const DocumentsSource& source, std::stop_token stop)
    : source_(source),
      stop_(std::move(stop)),
      levels_ahead_(std::min(kMostLevelsAhead, descriptor_share() / kFoldersAhead)) {
  Folder::Opened root = Folder::open_root(source_.root);
  if (!root.folder)
    throw Error(Errc::source, "the documents folder '" + source_.root +
                                  "' cannot be listed: " + errno_text(root.error_number))
        .with_hint(root.error_number == ENOENT || root.error_number == ENOTDIR
                       ? "is the volume mounted there? look at the setting 'documents'"
                       : std::string(hint_for(root.error_number)));
  const std::filesystem::path journal =
      std::filesystem::path(source_.root) / kRestoreStagingFolder / kExchangeJournal;
  if (std::error_code none; std::filesystem::exists(journal, none))
    throw Error(Errc::source, "a restore of the documents folder '" + source_.root +
                                  "' is at work, or was broken off: it is neither old nor new")
        .with_hint("let the restore end, or run it again: that finishes it");
  if (root.folder->size() == 0)
    throw Error(Errc::source, "the documents folder '" + source_.root + "' is empty")
        .with_hint("is the volume mounted? an empty tree is never taken for a backup");
  if (const int failed = read_status(root.folder->fd(), root_status_)) fail("looked at", failed);
  push(std::move(root.folder), false);
}

TreeWalk::~TreeWalk() = default;

void TreeWalk::push(std::unique_ptr<Folder> folder, bool excluded) {
  frames_.push_back({.folder = std::move(folder),
                     .number = ++folders_,
                     .path_length = path_.size(),
                     .excluded = excluded});
}

bool TreeWalk::next(TreeEntry& entry) {
  throw_if_stopped(stop_);
  if (!root_given_) {
    root_given_ = true;
    entry = {.status = root_status_};
    return true;
  }
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.index < frame.folder->size()) {
      if (step(entry)) return true;
    } else {
      frames_.pop_back();
    }
  }
  return false;
}

void TreeWalk::set_path(const Frame& frame, const char* name) {
  path_.resize(frame.path_length);
  if (!path_.empty()) path_ += '/';
  path_ += name;
}

// Looks at the next name of the innermost folder; true if it is an entry.
bool TreeWalk::step(TreeEntry& entry) {
  holder_ = frames_.size() - 1;
  Frame& frame = frames_.back();
  const size_t index = frame.index++;
  if (index == frame.folder->window_end()) throw_if_stopped(stop_);
  const Folder::Slot slot = frame.folder->status(index);
  set_path(frame, frame.folder->name(index));
  if (means_vanished(slot.error_number)) return false;
  if (frame.excluded) {
    if (slot.error_number != 0) return false;  // counted as far as one can look
    if (slot.status.kind == FileKind::directory) enter(frame, index);
    if (slot.status.kind != FileKind::file) return false;
    ++excluded_.back().files;
    excluded_.back().bytes += slot.status.size;
    return false;
  }
  if (slot.error_number != 0) fail("looked at", slot.error_number);

  if (slot.status.kind == FileKind::directory) {
    if (std::optional<std::string> reason = exclusion_of_folder(path_, source_.content)) {
      excluded_.push_back({.reason = std::move(*reason), .path = path_});
      frame.excluded = true;  // for enter() only
      enter(frame, index);
      frames_[holder_].excluded = false;
      return false;
    }
    if (!enter(frame, index)) return false;
  }
  entry.target.clear();
  if (slot.status.kind == FileKind::symlink && !read_target(frames_[holder_], index, entry.target))
    return false;
  entry.path = path_;
  entry.status = slot.status;
  return true;
}

// Opens the folder at `index` and makes it the innermost one; false if it vanished.
bool TreeWalk::enter(Frame& frame, size_t index) {
  const bool excluded = frame.excluded;
  std::erase_if(frame.ahead, [&](const Ahead& ahead) { return ahead.index < index; });
  if (frame.ahead.empty() || frame.ahead.front().index != index) list_ahead(frame, index);
  Folder::Opened opened = std::move(frame.ahead.front().opened);
  frame.ahead.erase(frame.ahead.begin());
  if (opened.too_long) opened = Folder::open(frame.folder->fd(), frame.folder->name(index));
  if (opened.folder) {
    push(std::move(opened.folder), excluded);
    return true;
  }
  if (means_vanished(opened.error_number)) return false;
  if (excluded) return true;  // counted is what one can look at
  const bool its_own =
      opened.error_number == EACCES || opened.error_number == EPERM || opened.error_number == EIO;
  if (!its_own) fail("listed", opened.error_number);
  unlistable_.push_back(path_);
  return true;
}

// Lists the folder at `index` and some that follow it, all at once.
void TreeWalk::list_ahead(Frame& frame, size_t index) {
  frame.ahead.clear();
  frame.ahead.push_back({.index = index});
  const size_t most = frames_.size() <= levels_ahead_ ? kFoldersAhead : 1;
  for (size_t i = index + 1; i < frame.folder->window_end() && frame.ahead.size() < most; ++i) {
    const Folder::Slot& slot = frame.folder->status(i);
    if (slot.error_number == 0 && slot.status.kind == FileKind::directory)
      frame.ahead.push_back({.index = i});
  }
  const auto list = [&](size_t i) {
    Ahead& ahead = frame.ahead[i];
    ahead.opened = Folder::open(frame.folder->fd(), frame.folder->name(ahead.index), kNamesAhead);
  };
  if (frame.ahead.size() == 1) return list(0);
  // Isolated: a thread that waits here must not start work of another kind.
  oneapi::tbb::this_task_arena::isolate(
      [&] { oneapi::tbb::parallel_for(size_t{0}, frame.ahead.size(), list); });
}

// False if the link is no longer there.
bool TreeWalk::read_target(const Frame& frame, size_t index, std::string& target) {
  target.resize(PATH_MAX);
  const ssize_t length =
      ::readlinkat(frame.folder->fd(), frame.folder->name(index), target.data(), target.size());
  if (length < 0) {
    if (means_vanished(errno) || errno == EINVAL) return false;
    fail("read as a link", errno);
  }
  target.resize(static_cast<size_t>(length));
  return true;
}

void TreeWalk::fail(const std::string& what, int error_number) const {
  throw Error(Errc::source, "'" + shown(path_) + "' in the documents folder '" + source_.root +
                                "' cannot be " + what + ": " + errno_text(error_number))
      .with_hint(std::string(hint_for(error_number)));
}

}  // namespace dolibarr_backup
