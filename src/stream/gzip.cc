#include "stream/gzip.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

// Level 2 is 1 % smaller than level 1 on invoices in PDF, at the same speed; level
// 3 picks other matches on CPUs with AVX-512, which would make equal input differ.
constexpr uint32_t kLevel = 2;
// Part of the format of the bytes: it decides where deflate blocks end.
constexpr uint32_t kLevelBufferBytes = ISAL_DEF_LVL2_LARGE;

constexpr size_t kHeaderAndTrailerBytes = 18;  // RFC 1952, without optional fields
constexpr size_t kStoredBlockBytes = 65'535;   // RFC 1951, 3.2.4
constexpr size_t kStoredBlockHeaderBytes = 5;
constexpr size_t kGreatestMemberBytes = kGiB;  // ISA-L counts in 32 bits

constexpr size_t kInputBytes = 64 * kKiB;

// What a member takes when none of it shrinks.
size_t stored_bound(size_t plain_bytes) {
  const size_t blocks = plain_bytes / kStoredBlockBytes + 1;
  return kHeaderAndTrailerBytes + plain_bytes + blocks * kStoredBlockHeaderBytes;
}

// ISA-L's stream is 80 KiB, too much for a stack, and takes its level's tables.
struct Deflate {
  isal_zstream stream;
  uint8_t tables[kLevelBufferBytes];
};

[[noreturn]] void corrupt(const char* what) {
  throw Error(Errc::corrupt, std::string("gzip: ") + what)
      .with_hint("the object was damaged or cut short; verify it, and use another archive");
}

}  // namespace

std::string gzip_member(Bytes plain) {
  if (plain.size() > kGreatestMemberBytes)
    throw Error(Errc::bug, "a gzip member of " + format_bytes(plain.size()));
  // Zeroed: what an earlier use left in the tables would choose other matches.
  const auto deflate = std::make_unique<Deflate>();
  isal_zstream& stream = deflate->stream;
  isal_deflate_stateless_init(&stream);
  stream.level = kLevel;
  stream.level_buf = deflate->tables;
  stream.level_buf_size = sizeof deflate->tables;
  stream.gzip_flag = IGZIP_GZIP;
  stream.flush = NO_FLUSH;
  stream.end_of_stream = 1;

  std::string member(stored_bound(plain.size()), '\0');
  // ISA-L reads only from next_in; its C interface just does not say so.
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(plain.data()));
  stream.avail_in = static_cast<uint32_t>(plain.size());
  stream.next_out = reinterpret_cast<uint8_t*>(member.data());
  stream.avail_out = static_cast<uint32_t>(member.size());
  // It stores the bytes by itself when deflating them would take more room.
  const int result = isal_deflate_stateless(&stream);
  if (result != COMP_OK || stream.avail_in != 0)
    throw Error(Errc::bug, "ISA-L failed to compress: " + std::to_string(result));
  member.resize(stream.total_out);
  return member;
}

GzipSink::GzipSink(Sink& next, size_t member_bytes) : next_(next), member_bytes_(member_bytes) {
  pending_.reserve(member_bytes_);
}

void GzipSink::write(Bytes bytes) {
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), member_bytes_ - pending_.size());
    pending_.append(as_text(bytes.first(count)));
    bytes = bytes.subspan(count);
    if (pending_.size() < member_bytes_) continue;
    next_.write(gzip_member(as_bytes(pending_)));
    wrote_member_ = true;
    pending_.clear();
  }
}

void GzipSink::finish() {
  if (pending_.empty() && wrote_member_) return;
  next_.write(gzip_member(as_bytes(pending_)));
  pending_.clear();
}

struct GunzipSource::State {
  inflate_state inflate;
  // Kept here while it is read: isal_inflate() would forget a header's optional fields
  // when they arrive in pieces, and go on with whatever lay on the stack.
  isal_gzip_header header;
  std::vector<std::byte> input = std::vector<std::byte>(kInputBytes);
  bool in_header = false;
  bool in_member = false;  // some of a member was read, and not yet its end
  bool any_member = false;
  bool input_ended = false;

  void start_member() {
    isal_inflate_reset(&inflate);
    inflate.crc_flag = ISAL_GZIP_NO_HDR_VER;  // the trailer is verified
    header = {};                              // no field of it is wanted
    in_header = in_member = any_member = true;
  }
  void refill(Source& compressed) {
    const size_t got = compressed.read(input);
    input_ended = got == 0;
    inflate.next_in = reinterpret_cast<uint8_t*>(input.data());
    inflate.avail_in = static_cast<uint32_t>(got);
  }
  int advance() {
    if (!in_header) return isal_inflate(&inflate);
    const int result = isal_read_gzip_header(&inflate, &header);
    in_header = result != ISAL_DECOMP_OK;
    return result;
  }
};

GunzipSource::GunzipSource(Source& compressed)
    : compressed_(compressed), state_(std::make_unique<State>()) {
  isal_inflate_init(&state_->inflate);
  state_->inflate.avail_in = 0;
}
GunzipSource::~GunzipSource() = default;

size_t GunzipSource::read(MutableBytes buffer) {
  inflate_state& inflate = state_->inflate;
  inflate.next_out = reinterpret_cast<uint8_t*>(buffer.data());
  inflate.avail_out = static_cast<uint32_t>(std::min<size_t>(buffer.size(), kGiB));
  const uint32_t room = inflate.avail_out;
  while (inflate.avail_out == room && room > 0) {
    if (inflate.avail_in == 0 && !state_->input_ended) state_->refill(compressed_);
    if (!state_->in_member) {
      if (state_->input_ended) {
        if (!state_->any_member) corrupt("no data");
        return 0;
      }
      state_->start_member();
    }
    const uint32_t before = inflate.avail_in;
    const int result = state_->advance();
    if (result == ISAL_INCORRECT_CHECKSUM) corrupt("wrong checksum");
    if (result == ISAL_INVALID_WRAPPER || result == ISAL_UNSUPPORTED_METHOD)
      corrupt("bytes that are no gzip member");
    if (result < 0) corrupt("damaged data");
    if (inflate.block_state == ISAL_BLOCK_FINISH) {
      state_->in_member = false;
    } else if (state_->input_ended && inflate.avail_out == room && inflate.avail_in == before) {
      corrupt("truncated");
    }
  }
  return room - inflate.avail_out;
}

}  // namespace dolibarr_backup
