// Damaged gzip is refused as corrupt, however it arrives; what was compressed by us
// comes back. zlib decides what is right.
#include <zlib.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "fuzz/seeds.h"
#include "stream/gzip.h"

namespace dolibarr_backup::fuzz {
namespace {

constexpr uint64_t kLimitBytes = 1 << 20;  // of what a few bytes unpack to

/// Serves a few bytes at a time, as a network does.
class TrickleSource : public Source {
 public:
  TrickleSource(std::string_view text, size_t step) : whole_(text), step_(step) {}
  size_t read(MutableBytes buffer) override {
    return whole_.read(buffer.first(std::min(step_, buffer.size())));
  }

 private:
  MemorySource whole_;
  size_t step_;
};

// Nullopt if it is refused; at most kLimitBytes of the rest.
std::optional<std::string> unpack(std::string_view packed, size_t step, size_t room) {
  TrickleSource trickle(packed, step);
  GunzipSource source(trickle);
  std::string text;
  std::vector<std::byte> buffer(room);
  try {
    while (const size_t count = source.read(buffer)) {
      text += as_text(Bytes(buffer).first(count));
      if (text.size() > kLimitBytes) break;
    }
  } catch (const Error& error) {
    require(error.code() == Errc::corrupt, "damaged gzip is corrupt");
    return std::nullopt;
  }
  return text;
}

/// What zlib makes of it, member after member.
struct Expected {
  std::optional<std::string> text;
  bool odd_header = false;  ///< refused for a header that only zlib is strict about
};

// Of reserved flags, window sizes and a header's own checksum ISA-L takes no notice.
bool is_about_header(const char* message) {
  const std::string_view text = message ? message : "";
  return text.find("header") != std::string_view::npos ||
         text.find("window") != std::string_view::npos ||
         text.find("unknown compression method") != std::string_view::npos;
}

Expected unpack_with_zlib(std::string_view packed) {
  z_stream stream{};
  require(inflateInit2(&stream, 15 + 16) == Z_OK, "zlib starts");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text, buffer(64 << 10, '\0');
  Expected expected;
  while (text.size() <= kLimitBytes) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer, 0, buffer.size() - stream.avail_out);
    if (result == Z_STREAM_END && stream.avail_in == 0) {
      expected.text = std::move(text);
      break;
    }
    if (result == Z_STREAM_END ? inflateReset(&stream) != Z_OK : result != Z_OK) {
      expected.odd_header = result == Z_DATA_ERROR && is_about_header(stream.msg);
      break;
    }
  }
  inflateEnd(&stream);
  return expected;
}

void check(std::string_view packed) {
  const std::optional<std::string> whole = unpack(packed, packed.size() + 1, 64 << 10);
  const std::optional<std::string> trickled = unpack(packed, 1, 7);
  if (whole && whole->size() > kLimitBytes) return;
  require(whole == trickled, "how the bytes arrive changes nothing");
  const Expected expected = unpack_with_zlib(packed);
  require(!expected.text || whole == expected.text, "what zlib reads is read the same");
  require(!whole || expected.text || expected.odd_header, "what zlib refuses is refused");

  const std::string member = gzip_member(as_bytes(packed));
  require(unpack(member, 1, 1000) == std::string(packed), "what we pack comes back");
}

}  // namespace

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> all = [] {
    const std::string one = gzip_member(as_bytes("one one one one one"));
    const std::string none = gzip_member({});
    // RFC 1952, section 2.3: with every optional field, the header's checksum too.
    std::string named("\x1f\x8b\x08\x1c\0\0\0\0\0\xff\x02\0xyname\0comment\0", 27);
    named += one.substr(10);
    return std::vector<std::string>{one, none, one + none + one, named,
                                    gzip_member(as_bytes(std::string(2000, 'x')))};
  }();
  return all;
}

}  // namespace dolibarr_backup::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dolibarr_backup::fuzz;
  check(text_of(data, size));
  return 0;
}
