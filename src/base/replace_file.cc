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
int write_new(UniqueFd& file, std::string_view text) {
  if (const int failed = write_all(file.get(), text)) return failed;
  if (::fchmod(file.get(), 0644) != 0 || ::fsync(file.get()) != 0) return errno;
  return 0;
}

}  // namespace

void replace_file(const std::string& path, std::string_view text) {
  const auto cannot = [&](int error) {
    throw Error(Errc::usage, "cannot write '" + path + "': " + errno_text(error))
        .with_hint("its folder must exist and be writable");
  };
  std::string temporary = path + ".XXXXXX";
  UniqueFd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) cannot(errno);
  int failed = write_new(file, text);
  if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
  if (failed == 0) return;
  ::unlink(temporary.c_str());
  cannot(failed);
}

}  // namespace dolibarr_backup
