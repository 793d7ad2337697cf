#include "base/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/unique_fd.h"
#include "base/write_all.h"

namespace dolibarr_backup {
namespace {

// 0, or an errno value.
int write_new(const UniqueFd& file, std::string_view text, mode_t mode) {
  if (const int failed = write_all(file.get(), text)) return failed;
  if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0) return errno;
  return 0;
}

int replace(const std::string& path, std::string_view text, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) return errno;
  int failed = write_new(file, text, mode);
  if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) ::unlink(temporary.c_str());
  return failed;
}

// A link is followed by open(), so that the kernel's protection of links holds.
int write_into(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  return file.get() < 0 ? errno : write_all(file.get(), text);
}

}  // namespace

void replace_file(const std::string& path, std::string_view text, mode_t mode) {
  struct stat status {};
  const bool special = ::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  if (const int failed = special ? write_into(path, text) : replace(path, text, mode))
    throw Error(Errc::usage, "cannot write '" + path + "': " + errno_text(failed))
        .with_hint("its folder must exist and be writable");
}

mode_t mode_of_new_file() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace dolibarr_backup
