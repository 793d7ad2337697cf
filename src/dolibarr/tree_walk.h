#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/manifest.h"
#include "dolibarr/documents.h"
#include "dolibarr/file_status.h"
#include "dolibarr/folder.h"

namespace dolibarr_backup {

/// One path of the tree that counts.
struct TreeEntry {
  std::string path;  ///< relative; "" is the root
  FileStatus status;
  std::string target;  ///< of a symbolic link
};

/// Walks a documents tree depth first, each folder before what it holds, names in
/// bytewise order: the order of path components. Symbolic links are entries, never
/// followed; each folder is opened from its parent's descriptor, so that a path
/// swapped for a link cannot lead out of the tree. What vanishes during the walk is
/// not there. Excluded folders are counted and passed over.
///
/// Memory and descriptors are bounded by the folders on the path from the root to
/// the current entry, and a few of their neighbours that are listed ahead, in
/// parallel, which is what makes a network file system bearable. One thread calls;
/// the reading uses the threads of the TBB arena that it runs in.
///
/// All throw Errc::source by path for what cannot be looked at.
class TreeWalk {
 public:
  /// Throws Errc::source if the root is not there, not a directory, or empty.
  /// `source` must outlive the walk.
  TreeWalk(const DocumentsSource& source, std::stop_token stop);
  ~TreeWalk();

  /// Moves to the next entry and describes it; false at the end.
  bool next(TreeEntry& entry);
  /// The open folder that holds the current entry; not for the root. Until next().
  int folder_fd() const { return frames_[holder_].folder->fd(); }
  /// Counts up when folder_fd() becomes another folder.
  uint64_t folder_number() const { return frames_[holder_].number; }

  /// The folders passed over, in order; complete at the end.
  const std::vector<ManifestExcluded>& excluded() const { return excluded_; }
  std::vector<ManifestExcluded> take_excluded() { return std::move(excluded_); }
  /// Folders that may not be listed or cannot be read: given as entries, without content.
  std::vector<std::string> take_unlistable() { return std::move(unlistable_); }

 private:
  struct Ahead;
  struct Frame {
    std::unique_ptr<Folder> folder;
    uint64_t number = 0;
    size_t index = 0;        // of the entry to look at next
    size_t path_length = 0;  // of this folder's path, as a prefix of path_
    bool excluded = false;
    std::vector<Ahead> ahead;  // listed in advance, in order of index
  };

  void push(std::unique_ptr<Folder> folder, bool excluded);
  bool step(TreeEntry& entry);
  bool enter(Frame& frame, size_t index);
  void list_ahead(Frame& frame, size_t index);
  bool read_target(const Frame& frame, size_t index, std::string& target);
  void set_path(const Frame& frame, const char* name);
  [[noreturn]] void fail(const std::string& what, int error_number) const;

  const DocumentsSource& source_;
  std::stop_token stop_;
  std::vector<Frame> frames_;
  std::string path_;      // of the entry being looked at
  size_t holder_ = 0;     // the frame of the current entry
  uint64_t folders_ = 0;  // opened so far
  size_t levels_ahead_;   // where neighbours are listed ahead
  bool root_given_ = false;
  FileStatus root_status_;
  std::vector<ManifestExcluded> excluded_;
  std::vector<std::string> unlistable_;
};

/// Runs the walk and the reading of files with as many threads as they use. Several
/// may run at once.
class ReadingArena {
 public:
  explicit ReadingArena(unsigned workers);
  template <typename Body>
  auto execute(const Body& body) {
    return arena_.execute(body);
  }

 private:
  // TBB's own limit is the number of cores; ours mostly wait.
  oneapi::tbb::global_control limit_;
  oneapi::tbb::task_arena arena_;
};

/// How many descriptors the walk may hold for what it lists ahead, and as many a
/// capture for the folders that its workers read in: a quarter of what the process may open.
size_t descriptor_share();
/// How many threads the walk and the reading of files use for `workers` cores:
/// more, because they mostly wait for the file system.
unsigned reading_threads(unsigned workers);
/// `workers`, or as many as there are cores.
unsigned worker_count(unsigned workers);

}  // namespace dolibarr_backup
