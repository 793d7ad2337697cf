#include "dolibarr/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>

namespace dolibarr_backup {
namespace {

constexpr size_t kWindowEntries = 1024;
// Below this a window is read by one thread: waking others takes longer.
constexpr size_t kEntriesPerTask = 32;
constexpr size_t kReadBytes = 32 * 1024;
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;

bool is_dot(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

}  // namespace

Folder::Opened Folder::open(int parent_fd, const char* name, size_t greatest_names) {
  UniqueFd fd(::openat(parent_fd, name, kOpenFlags | O_NOFOLLOW));
  if (!fd) return {.error_number = errno};
  return list(std::move(fd), greatest_names);
}

Folder::Opened Folder::open_root(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), kOpenFlags));
  if (!fd) return {.error_number = errno};
  return list(std::move(fd), SIZE_MAX);
}

Folder::Opened Folder::list(UniqueFd fd, size_t greatest_names) {
  std::unique_ptr<Folder> folder(new Folder(std::move(fd)));
  const int failed = folder->read_names(greatest_names);
  if (failed != 0) return {.error_number = failed};
  if (folder->size() > greatest_names) return {.too_long = true};
  folder->sort_names();
  folder->read_window(0);
  return {.folder = std::move(folder)};
}

int Folder::read_names(size_t greatest_names) {
  alignas(dirent64) char buffer[kReadBytes];
  while (names_.size() <= greatest_names) {
    const ssize_t got = ::getdents64(fd_.get(), buffer, sizeof buffer);
    if (got < 0) return errno;
    if (got == 0) break;
    for (ssize_t at = 0; at < got;) {
      const dirent64* entry = reinterpret_cast<const dirent64*>(buffer + at);
      if (!is_dot(entry->d_name)) add_name(entry->d_name);
      at += entry->d_reclen;
    }
    if (text_.size() > std::numeric_limits<uint32_t>::max() - kReadBytes) return EFBIG;
  }
  return 0;
}

void Folder::add_name(const char* name) {
  const std::string_view text(name);
  uint64_t start = 0;
  for (size_t i = 0; i < sizeof start; ++i)
    start = start << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
  names_.push_back({start, static_cast<uint32_t>(text_.size())});
  text_.append(text);
  text_.push_back('\0');
}

void Folder::sort_names() {
  text_.shrink_to_fit();
  names_.shrink_to_fit();
  std::sort(names_.begin(), names_.end(), [this](const Name& a, const Name& b) {
    if (a.start != b.start) return a.start < b.start;
    return std::strcmp(text_.data() + a.offset, text_.data() + b.offset) < 0;
  });
}

const Folder::Slot& Folder::status(size_t index) {
  if (index < window_begin_ || index >= window_end()) read_window(index);
  return window_[index - window_begin_];
}

void Folder::read_window(size_t begin) {
  window_begin_ = begin;
  window_.resize(std::min(kWindowEntries, size() - begin));
  using Range = oneapi::tbb::blocked_range<size_t>;
  const auto read = [this](const Range& range) {
    for (size_t i = range.begin(); i < range.end(); ++i)
      window_[i].error_number = read_status(fd_.get(), name(window_begin_ + i), window_[i].status);
  };
  const Range all(0, window_.size(), kEntriesPerTask);
  if (window_.size() < 2 * kEntriesPerTask) return read(all);
  // Isolated: a thread that waits here must not start work of another kind.
  oneapi::tbb::this_task_arena::isolate([&] { oneapi::tbb::parallel_for(all, read); });
}

}  // namespace dolibarr_backup
