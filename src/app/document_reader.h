#pragma once

#include <memory>
#include <string>

#include "app/document_scan.h"
#include "app/member_reader.h"
#include "stream/tar_decoder.h"

namespace dolibarr_backup {

/// Gives the content of files of a docs archive, in the order in which they lie there:
/// one pass, whether a few are wanted or all. One thread.
class DocumentReader {
 public:
  /// `ranges` must cover every file that is going to be read; all outlive it.
  DocumentReader(ObjectStore& store, const StoredObject& archive,
                 const std::vector<ManifestMember>& members, const MemberRanges& ranges)
      : archive_(archive), members_(store, archive, members, ranges) {}

  /// Writes the content of `file`, a file or hard link, to `out`, and compares the tar's
  /// header, the size and the sha256 with the manifest. Throws Errc::corrupt, naming
  /// archive, member and path, if they differ: what `out` has got is then worthless, but
  /// other files can still be read.
  void read(const LocatedEntry& file, Sink& out, const std::stop_token& stop);

  /// True once the store failed to give what it was asked for: going on is pointless.
  bool lost() const { return members_.lost(); }
  uint64_t requests() const { return members_.requests(); }
  uint64_t bytes() const { return members_.bytes(); }  ///< that were read of the archive

 private:
  Bytes next_block();
  void start(const LocatedEntry& file);
  void find_header(const LocatedEntry& file);
  void copy(const LocatedEntry& file, Sink& out, const std::stop_token& stop);

  const StoredObject& archive_;
  MemberReader members_;
  // The tar from an entry's header on. It never reads beyond member last_.
  std::unique_ptr<TarDecoder> tar_;
  uint64_t first_ = 0, begin_ = 0;  // where it began: member, and the offset in it
  uint64_t next_ = 0, last_ = 0;
  uint64_t header_ = 0;  // of the entry it stands at
  std::vector<std::byte> buffer_ = std::vector<std::byte>(256 * kKiB);
};

}  // namespace dolibarr_backup
