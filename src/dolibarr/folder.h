#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "dolibarr/file_status.h"

namespace dolibarr_backup {

/// One folder as it was listed: its names in bytewise order, and the status of
/// those in a window around the one last asked for. A million names of 30 bytes
/// take about 50 MB; a window, 100 KB. One thread at a time.
class Folder {
 public:
  struct Opened {
    std::unique_ptr<Folder> folder;  ///< null: see the others
    int error_number = 0;            ///< the errno of what failed
    bool too_long = false;           ///< has more names than `greatest_names`
  };
  /// Opens `name` in the folder `parent_fd` (never through a symbolic link),
  /// lists it, and reads the first window of statuses.
  static Opened open(int parent_fd, const char* name, size_t greatest_names = SIZE_MAX);
  /// The root of a tree; a symbolic link there is followed.
  static Opened open_root(const std::string& path);

  int fd() const { return fd_.get(); }
  size_t size() const { return names_.size(); }
  /// Lives as long as the folder.
  const char* name(size_t index) const { return text_.data() + names_[index].offset; }

  struct Slot {
    FileStatus status;
    int error_number = 0;  ///< status is there only if 0
  };
  /// Valid until the next call with an index outside the window. A new window is
  /// read in parallel, with the threads of the arena that the caller runs in.
  const Slot& status(size_t index);
  /// One past the last index whose status is at hand.
  size_t window_end() const { return window_begin_ + window_.size(); }

 private:
  struct Name {
    uint64_t start;   // the first 8 bytes, most significant first: sorts mostly by itself
    uint32_t offset;  // into text_
  };
  explicit Folder(UniqueFd fd) : fd_(std::move(fd)) {}
  static Opened list(UniqueFd fd, size_t greatest_names);
  int read_names(size_t greatest_names);
  void add_name(const char* name);
  void sort_names();
  void read_window(size_t begin);

  UniqueFd fd_;
  std::string text_;  // names, each ended by a NUL
  std::vector<Name> names_;
  size_t window_begin_ = 0;
  std::vector<Slot> window_;
};

}  // namespace dolibarr_backup
