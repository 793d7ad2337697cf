#include "app/member_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "stream/gzip.h"

namespace dolibarr_backup {
namespace {

// Reading this much more takes less time than asking once more.
constexpr uint64_t kGreatestGapBytes = kMiB;
// We make none above a few MiB; more is not worth trying.
constexpr uint64_t kGreatestMember = 256 * kMiB;

void read_exactly(Source& source, MutableBytes buffer) {
  while (!buffer.empty()) {
    const size_t got = source.read(buffer);
    if (got == 0) throw Error(Errc::corrupt, "the archive ends early");
    buffer = buffer.subspan(got);
  }
}

void gunzip(Bytes packed, std::vector<std::byte>& plain) {
  MemorySource source(packed);
  GunzipSource gunzip(source);
  size_t filled = 0;
  while (filled < plain.size()) {
    const size_t got = gunzip.read(MutableBytes(plain).subspan(filled));
    if (got == 0) throw Error(Errc::corrupt, "shorter than the manifest says");
    filled += got;
  }
  std::byte one_more;
  if (gunzip.read({&one_more, 1}) != 0) throw Error(Errc::corrupt, "longer than the manifest says");
}

}  // namespace

void MemberRanges::need(uint64_t first, uint64_t last, const std::vector<ManifestMember>& members) {
  if (!ranges_.empty()) {
    Range& before = ranges_.back();
    const uint64_t end = members[before.last].offset + members[before.last].length;
    if (members[first].offset < end + kGreatestGapBytes) {
      before.last = std::max(before.last, last);
      return;
    }
  }
  ranges_.push_back({first, last});
}

MemberReader::MemberReader(ObjectStore& store, const StoredObject& archive,
                           const std::vector<ManifestMember>& members, const MemberRanges& ranges)
    : store_(store), archive_(archive), members_(members), ranges_(ranges) {}

// Reads the packed bytes of the member, past those in between.
void MemberReader::fetch(uint64_t index) {
  if (!source_ || index > last_) {
    const auto range = std::find_if(ranges_.ranges().begin(), ranges_.ranges().end(),
                                    [&](const auto& one) { return index <= one.last; });
    if (range == ranges_.ranges().end() || index < range->first)
      throw Error(Errc::bug, fmt::format("member {} was not asked for", index));
    const ManifestMember& first = members_.at(index);
    const ManifestMember& last = members_.at(range->last);
    next_ = index;
    last_ = range->last;
    ++requests_;
    source_ = store_.open(archive_.key,
                          ByteRange{first.offset, last.offset + last.length - first.offset});
    if (!source_) throw Error(Errc::corrupt, "the archive '" + archive_.key + "' is missing");
  }
  if (index < next_) throw Error(Errc::bug, fmt::format("member {} is behind", index));
  for (any_ = false; next_ <= index; ++next_) {
    if (members_[next_].length > kGreatestMember ||
        members_[next_].unpacked_length > kGreatestMember)
      throw Error(Errc::corrupt,
                  "the manifest tells of a member beyond " + format_bytes(kGreatestMember));
    packed_.resize(members_[next_].length);
    with_context("while reading '" + archive_.key + "'", [&] { read_exactly(*source_, packed_); });
    bytes_ += packed_.size();
  }
  // At the range's end the end itself is read too: only that is proof.
  std::byte none;
  if (next_ > last_ && source_->read({&none, 1}) != 0)
    throw Error(Errc::corrupt, "'" + archive_.key + "' gives more than it was asked for");
  any_ = true;
  sound_ = false;
  current_ = index;
}

Bytes MemberReader::unpack(uint64_t index) {
  if (!any_ || index != current_) {
    try {
      fetch(index);
    } catch (...) {
      lost_ = true;
      source_.reset();
      throw;
    }
  }
  if (!sound_) {
    plain_.resize(members_[index].unpacked_length);
    try {
      gunzip(packed_, plain_);
    } catch (Error& error) {
      throw Error(Errc::corrupt, fmt::format("'{}', member {} at {}: {}", archive_.key, index,
                                             members_[index].offset, error.message()))
          .with_hint("verify the archive, and take the document from another one");
    }
    sound_ = true;
  }
  return plain_;
}

}  // namespace dolibarr_backup
