#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace dolibarr_backup {

/// A fresh folder (mode 0755, below $TMPDIR or /tmp) that is removed with all it
/// holds at destruction. Other users may enter it: servers that refuse to run as
/// root live in it too. A process that is killed leaves it behind.
class TempDir {
 public:
  TempDir() {
    std::string pattern = std::filesystem::temp_directory_path() / "dolibarr-backup-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr || ::chmod(pattern.c_str(), 0755) != 0)
      throw Error(Errc::source, "cannot make " + pattern + ": " + errno_text(errno));
    path_ = pattern;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    if (ignored) make_removable_and_remove();
  }

  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  /// Tests take permissions away; without root they would keep us out too.
  void make_removable_and_remove() {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator it(path_, options, ignored), end; it != end;
         it.increment(ignored)) {
      if (!it->is_symlink(ignored) && it->is_directory(ignored))
        fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
    }
    fs::remove_all(path_, ignored);
  }

  std::filesystem::path path_;
};

}  // namespace dolibarr_backup
