#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/manifest.h"
#include "core/run_record.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// Which gzip members of an archive are needed, as few ranges: neighbours are one, and
/// so are those whose distance is less than another request is worth.
class MemberRanges {
 public:
  /// Members first to last are needed. In ascending order of `first`.
  void need(uint64_t first, uint64_t last, const std::vector<ManifestMember>& members);
  struct Range {
    uint64_t first = 0, last = 0;
    bool operator==(const Range&) const = default;
  };
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

/// Unpacks the members of an archive, in ascending order, by one ranged GET per range.
/// Holds one member at a time. One thread.
class MemberReader {
 public:
  /// All outlive it.
  MemberReader(ObjectStore& store, const StoredObject& archive,
               const std::vector<ManifestMember>& members, const MemberRanges& ranges);

  /// What the member unpacks to, valid until the next call; the same one again costs
  /// nothing. Throws Errc::corrupt, naming archive and member, if it is damaged: the
  /// members after it can still be read. Errc::bug for one that is behind or in no range.
  Bytes unpack(uint64_t index);
  /// True once the store failed to give what it was asked for: going on is pointless.
  bool lost() const { return lost_; }
  uint64_t requests() const { return requests_; }
  uint64_t bytes() const { return bytes_; }  ///< of the archive, that were read

 private:
  void fetch(uint64_t index);

  ObjectStore& store_;
  const StoredObject& archive_;
  const std::vector<ManifestMember>& members_;
  const MemberRanges& ranges_;
  std::unique_ptr<Source> source_;  // the GET under way ...
  uint64_t next_ = 0, last_ = 0;    // ... the next member that comes out of it, and the last
  uint64_t requests_ = 0, bytes_ = 0;
  std::vector<std::byte> packed_, plain_;
  bool lost_ = false;
  bool any_ = false;
  uint64_t current_ = 0;  // in packed_
  bool sound_ = false;    // ... and in plain_
};

}  // namespace dolibarr_backup
