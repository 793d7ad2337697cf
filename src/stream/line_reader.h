#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream/source_sink.h"

namespace dolibarr_backup {

/// Cuts a source into lines. Not thread-safe; the source outlives it.
class LineReader {
 public:
  explicit LineReader(Source& source) : source_(source), buffer_(64 * 1024) {}
  /// The next line without its newline, valid until the next call; nullopt at the
  /// end. Throws Errc::corrupt for a line beyond 1 MiB, or a last one without newline.
  std::optional<std::string_view> next();

 private:
  Source& source_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0, end_ = 0;  // of what was read and not yet given
  std::string line_;            // of a line that spans two reads
};

}  // namespace dolibarr_backup
