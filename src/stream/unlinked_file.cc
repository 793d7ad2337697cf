#include "stream/unlinked_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/write_all.h"

namespace dolibarr_backup {

UnlinkedFile::UnlinkedFile(const std::string& folder) : folder_(folder) {
  std::string name = folder + "/dolibarr-backup-XXXXXX";
  file_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
  if (!file_ || ::unlink(name.c_str()) != 0)
    throw Error(Errc::source,
                fmt::format("cannot make a file in '{}': {}", folder, errno_text(errno)));
}

void UnlinkedFile::write(Bytes bytes) {
  if (const int error = write_all(file_.get(), as_text(bytes)); error != 0)
    throw Error(Errc::source,
                fmt::format("cannot write to a file in '{}': {}", folder_, errno_text(error)));
}

std::string UnlinkedFile::path() const {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get());
}

}  // namespace dolibarr_backup
