#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "stream/source_sink.h"

/// Where one gzip member ends and the next begins: decided by what is there, never
/// by a running offset, so that an unchanged neighbourhood gives the same members
/// from run to run (docs/format.md, "Archives"). Pure.
namespace dolibarr_backup {

inline constexpr uint64_t kLeastMemberBytes = 256 << 10;
inline constexpr uint64_t kGreatestMemberBytes = 2 << 20;
/// Files from this size on have members of their own, cut inside by a rolling hash.
inline constexpr uint64_t kLargeFileBytes = 1 << 20;

/// Between whole files.
class PathCutter {
 public:
  /// Whether the member ends before an entry of `bytes`, because it would grow too large.
  bool cut_before(uint64_t bytes) const {
    return size_ > 0 && size_ + bytes > kGreatestMemberBytes;
  }
  /// Takes the entry in; true if the member ends after it.
  bool cut_after(std::string_view path, uint64_t bytes);
  /// The member ended.
  void restart() { size_ = 0; }

 private:
  uint64_t size_ = 0;
};

/// Inside a large file: a "gear" hash of the last 64 bytes (Xia et al., "FastCDC",
/// USENIX ATC 2016, section 3.2).
class ContentCutter {
 public:
  /// How many of the next `bytes` belong to the current member; less than all of
  /// them, or `ended`, means that the member ends there.
  size_t take(Bytes bytes, bool& ended);
  void restart() { size_ = hash_ = 0; }

 private:
  uint64_t size_ = 0, hash_ = 0;
};

}  // namespace dolibarr_backup
