#pragma once

#include <string>

#include "base/unique_fd.h"
#include "stream/source_sink.h"

namespace dolibarr_backup {

/// A file without a name: whatever becomes of us, nothing of it is left behind. Children of
/// ours read it by path(). One thread writes it.
class UnlinkedFile : public Sink {
 public:
  /// In `folder`. Throws Errc::source if it cannot be made there.
  explicit UnlinkedFile(const std::string& folder);
  using Sink::write;
  /// Throws Errc::source, as on a full disk.
  void write(Bytes bytes) override;
  /// Opens as often as wanted, each time from the beginning, as long as this lives and for
  /// processes of the same user (proc(5), /proc/pid/fd).
  std::string path() const;

 private:
  std::string folder_;
  UniqueFd file_;
};

}  // namespace dolibarr_backup
