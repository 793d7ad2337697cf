#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "core/manifest.h"
#include "stream/source_sink.h"

namespace dolibarr_backup {

/// Makes files and folders below one folder, and nowhere else: every name is opened
/// from its own folder's descriptor, symbolic links are never followed, nothing that
/// exists is replaced. Names come from manifests, that is, from a stranger.
///
/// Entries come depth first. A folder that was made here gets its mode, owner and
/// times when the last entry below it was made; owners only if we are root. Of a mode
/// setuid and sticky are left out, and of a file's setgid too. One thread.
///
/// Throws Errc::source if the file system fails, and Errc::refused for one entry that
/// cannot be made: others can.
class TreeWriter {
 public:
  /// Opens `folder`, or makes it (its parent must exist). Errc::refused if we are root and
  /// it is another user's.
  explicit TreeWriter(const std::string& folder);
  ~TreeWriter();

  /// True if it held nothing when it was opened.
  bool was_empty() const { return was_empty_; }
  /// True if something stands where `entry` would go; a folder is in no folder's way.
  bool in_the_way(const ManifestEntry& entry);

  /// Makes the folder if it is not there, and those above it. The root is "".
  void make_folder(const ManifestEntry& entry);

  /// A file that has no name of its own yet; without keep() it is gone again.
  class File : public Sink {
   public:
    ~File() override;
    using Sink::write;
    void write(Bytes bytes) override;
    /// Sets mode, owner and time, and gives it its name.
    void keep();

   private:
    friend class TreeWriter;
    File(int folder, const ManifestEntry& entry, std::string temporary);
    int folder_;
    const ManifestEntry& entry_;
    std::string temporary_, name_;
    UniqueFd fd_;
    bool kept_ = false;
  };
  /// `entry` outlives it, and it must be gone before the next entry is made.
  std::unique_ptr<File> make_file(const ManifestEntry& entry);
  /// Gives the file `target`, made before, another name.
  void make_hard_link(const ManifestEntry& entry, const std::string& target);
  void make_symlink(const ManifestEntry& entry);
  /// Says that `path` will be made after everything else: the folders above it are
  /// made, and get their modes and times only in finish().
  void postpone(const std::string& path);

  /// Gives the folders that are left their modes and times, deepest first, and returns
  /// when the file system has written everything to disk.
  void finish();

 private:
  struct Frame {
    std::string path;
    UniqueFd fd;
    bool made = false;
    bool postponed = false;
    std::optional<ManifestEntry> facts;
  };
  int enter_parent(const std::string& path);
  void enter(std::string_view path);
  void leave();
  UniqueFd open_folder(std::string_view path, bool& exists) const;

  std::string shown_;  // the folder, for messages
  std::vector<Frame> frames_;
  std::vector<ManifestEntry> postponed_;  // folders
  bool was_empty_ = true;
  uint64_t files_ = 0;
  std::string looked_path_;  // the folder in_the_way() looked at last
  UniqueFd looked_;
  bool looked_exists_ = false;
};

/// True for a path that stays below its root: no "..", ".", empty name or leading '/'.
bool stays_below(std::string_view path);

}  // namespace dolibarr_backup
