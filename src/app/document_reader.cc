#include "app/document_reader.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

bool is_header_of(const TarEntry& header, const ManifestEntry& entry) {
  const bool link = entry.type == ManifestEntry::Type::hard_link;
  return header.type == TarEntry::Type::file && header.size == entry.size &&
         header.path == (link ? entry.target : entry.path);
}

}  // namespace

Bytes DocumentReader::next_block() {
  if (next_ > last_) return {};
  const uint64_t member = next_++;
  const Bytes plain = members_.unpack(member);
  if (member != first_) return plain;
  if (begin_ > plain.size()) throw Error(Errc::corrupt, "its offset lies beyond the member");
  return plain.subspan(begin_);
}

void DocumentReader::start(const LocatedEntry& file) {
  first_ = next_ = file.entry.member;
  last_ = file.last_member;
  begin_ = file.entry.member_offset;
  tar_ = std::make_unique<TarDecoder>([this] { return next_block(); });
}

// Goes on in the tar that is being read if the entry lies before its end, else begins
// anew at the entry.
void DocumentReader::find_header(const LocatedEntry& file) {
  const ManifestEntry& entry = file.entry;
  const bool further =
      tar_ && entry.member == first_ && file.last_member == last_ && entry.member_offset > header_;
  if (!further) start(file);
  while (const std::optional<TarDecoder::Entry> found = tar_->next()) {
    header_ = begin_ + found->offset;
    if (header_ < entry.member_offset) continue;
    if (header_ == entry.member_offset && is_header_of(found->header, entry)) return;
    break;
  }
  throw Error(Errc::corrupt, "another entry stands where the manifest says");
}

void DocumentReader::copy(const LocatedEntry& file, Sink& out, const std::stop_token& stop) {
  Digest digest = Digest::sha256();
  uint64_t size = 0;
  while (const size_t got = tar_->read(buffer_)) {
    throw_if_stopped(stop);
    const Bytes bytes = Bytes(buffer_).first(got);
    digest.update(bytes);
    out.write(bytes);
    size += got;
  }
  if (size != file.entry.size)
    throw Error(Errc::corrupt, fmt::format("{} bytes instead of {}", size, file.entry.size));
  if (digest.finish_hex() != file.sha256)
    throw Error(Errc::corrupt, "its content is not what the manifest says (sha256)");
}

void DocumentReader::read(const LocatedEntry& file, Sink& out, const std::stop_token& stop) {
  try {
    find_header(file);
    copy(file, out, stop);
  } catch (Error& error) {
    tar_.reset();
    if (error.code() != Errc::corrupt) throw;
    // A damaged member says by itself which one it is.
    const bool named = error.message().starts_with("'" + archive_.key);
    std::string where =
        named ? error.message()
              : fmt::format("'{}', member {}: {}", archive_.key, file.entry.member, error.what());
    throw Error(Errc::corrupt, fmt::format("'{}' is damaged: {}", file.entry.path, where))
        .with_hint("verify the archive, and take the document from another one");
  } catch (...) {
    tar_.reset();
    throw;
  }
}

}  // namespace dolibarr_backup
