#include "stream/gzip.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zlib.h>

#include <random>
#include <thread>
#include <vector>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

std::string random_bytes(size_t count, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(generator());
  return bytes;
}

std::string text_of(size_t count) {
  std::string text;
  for (size_t line = 0; text.size() < count; ++line)
    text += "line " + std::to_string(line * 7919) + " of an invoice\n";
  text.resize(count);
  return text;
}

// Hands out at most `piece` bytes at a time, as a socket does.
class Trickle : public Source {
 public:
  Trickle(std::string_view text, size_t piece) : whole_(text), piece_(piece) {}
  size_t read(MutableBytes buffer) override {
    return whole_.read(buffer.first(std::min(piece_, buffer.size())));
  }

 private:
  MemorySource whole_;
  size_t piece_;
};

std::string gunzip(std::string_view compressed, size_t piece = 1 << 20,
                   size_t read_bytes = 1 << 16) {
  Trickle source(compressed, piece);
  GunzipSource gunzip(source);
  std::string plain;
  std::vector<std::byte> buffer(read_bytes);
  while (const size_t got = gunzip.read(buffer)) plain += as_text(Bytes(buffer).first(got));
  return plain;
}

// What zlib, an independent implementation, makes of one member.
std::string zlib_unpack_one(const std::string& member, size_t plain_bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string plain(plain_bytes + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(member.data()));
  stream.avail_in = static_cast<uInt>(member.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

size_t greatest_size(size_t plain_bytes) {
  return 18 + plain_bytes + 5 * (plain_bytes / 65535 + 1);
}

Errc code_of_unpacking(std::string_view bytes) {
  try {
    gunzip(bytes);
  } catch (const Error& error) {
    return error.code();
  }
  return Errc::bug;
}

TEST(GzipMember, IsOneMemberThatZlibUnpacks) {
  for (const size_t size : {0, 1, 100, 65535, 65536, 1 << 20, 5 << 20}) {
    EXPECT_EQ(zlib_unpack_one(gzip_member(as_bytes(text_of(size))), size), text_of(size)) << size;
    const std::string noise = random_bytes(size, size);
    EXPECT_EQ(zlib_unpack_one(gzip_member(as_bytes(noise)), size), noise) << size;
  }
}

TEST(GzipMember, HeaderHoldsNeitherNameNorTime) {
  EXPECT_EQ(gzip_member(as_bytes("x")).substr(0, 8), std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
}

TEST(GzipMember, ShrinksText) {
  EXPECT_LT(gzip_member(as_bytes(text_of(1 << 20))).size(), size_t{1 << 20} / 3);
}

TEST(GzipMember, NeverGrowsBeyondItsFraming) {
  for (const size_t size : {0, 1, 2, 65534, 65535, 65536, 131070, 1 << 20, 4 << 20})
    EXPECT_LE(gzip_member(as_bytes(random_bytes(size, size + 1))).size(), greatest_size(size));
}

RC_GTEST_PROP(GzipMember, MixesOfNoiseAndTextStayBoundedAndComeBack, ()) {
  std::string plain;
  const int pieces = *rc::gen::inRange(0, 8);
  for (int i = 0; i < pieces; ++i) {
    const auto size = *rc::gen::inRange<size_t>(0, 100'000);
    plain += *rc::gen::arbitrary<bool>() ? random_bytes(size, size) : text_of(size);
  }
  const std::string member = gzip_member(as_bytes(plain));
  RC_ASSERT(member.size() <= greatest_size(plain.size()));
  RC_ASSERT(gunzip(member) == plain);
}

TEST(GzipMember, DependsOnNothingButItsInput) {
  const std::string plain = text_of(700'000) + random_bytes(300'000, 3);
  const std::string expected = gzip_member(as_bytes(plain));
  std::vector<std::string> members(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& member : members)
      threads.emplace_back([&member, &plain] {
        for (int i = 0; i < 3; ++i) {
          gzip_member(as_bytes(random_bytes(1000, 1)));  // leaves no trace in the next call
          std::string elsewhere = " " + plain;           // another alignment
          member = gzip_member(as_bytes(elsewhere).subspan(1));
        }
      });
  }
  for (const std::string& member : members) EXPECT_EQ(member, expected);
}

TEST(GzipSink, CutsIntoMembersThatUnpackAsOneStream) {
  const std::string plain = text_of(250'000);
  StringSink stored;
  GzipSink sink(stored, 100'000);
  for (size_t at = 0; at < plain.size(); at += 777)
    sink.write(std::string_view(plain).substr(at, 777));
  sink.finish();
  EXPECT_EQ(gunzip(stored.text()), plain);
  const std::string first = gzip_member(as_bytes(plain.substr(0, 100'000)));
  EXPECT_EQ(stored.text().substr(0, first.size()), first);
}

TEST(GzipSink, WritesOneEmptyMemberForNothingAndNoneAfterAFullOne) {
  StringSink nothing;
  GzipSink(nothing).finish();
  EXPECT_EQ(nothing.text(), gzip_member({}));

  StringSink full;
  GzipSink sink(full, 1000);
  sink.write(text_of(1000));
  sink.finish();
  EXPECT_EQ(full.text(), gzip_member(as_bytes(text_of(1000))));
}

TEST(GunzipSource, ReadsManyMembersInPiecesOfAnySize) {
  const std::string stored = gzip_member(as_bytes("one ")) + gzip_member({}) +
                             gzip_member(as_bytes(text_of(3000))) + gzip_member(as_bytes(" end"));
  const std::string plain = "one " + text_of(3000) + " end";
  for (const size_t piece : {1, 2, 3, 7, 19, 1000})
    for (const size_t read_bytes : {1, 13, 65536})
      EXPECT_EQ(gunzip(stored, piece, read_bytes), plain) << piece << " " << read_bytes;
}

TEST(GunzipSource, ReadsHeadersWithOptionalFields) {
  // Made by zlib with a name, a comment, an extra field and a time.
  std::string name = "export.sql", comment = "by hand";
  unsigned char extra[] = {'a', 'b', 2, 0, 1, 2};
  gz_header header{};
  header.time = 1'782'785'700;
  header.name = reinterpret_cast<Bytef*>(name.data());
  header.comment = reinterpret_cast<Bytef*>(comment.data());
  header.extra = extra;
  header.extra_len = sizeof extra;
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  ASSERT_EQ(deflateSetHeader(&stream, &header), Z_OK);
  std::string plain = text_of(5000), stored(6000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(stored.data());
  stream.avail_out = static_cast<uInt>(stored.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  stored.resize(stream.total_out);
  deflateEnd(&stream);
  for (const size_t piece : {1, 5, 6000}) EXPECT_EQ(gunzip(stored, piece), plain);
}

TEST(GunzipSource, RefusesEveryTruncation) {
  const std::string stored = gzip_member(as_bytes(text_of(500))) + gzip_member(as_bytes("tail"));
  const size_t boundary = gzip_member(as_bytes(text_of(500))).size();
  for (size_t length = 0; length < stored.size(); ++length) {
    if (length == boundary) continue;  // a whole member: what follows it, nobody can know
    EXPECT_EQ(code_of_unpacking(std::string_view(stored).substr(0, length)), Errc::corrupt)
        << length;
  }
}

TEST(GunzipSource, NoFlippedBitOfDataOrTrailerGivesOtherBytes) {
  const std::string plain = text_of(300);
  const std::string stored = gzip_member(as_bytes(plain));
  int padding_bits = 0;
  for (size_t at = 10; at < stored.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = stored;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      if (code_of_unpacking(damaged) == Errc::corrupt) continue;
      // Deflate ends on a bit: what fills its last byte means nothing.
      EXPECT_EQ(at, stored.size() - 9) << bit;
      EXPECT_EQ(gunzip(damaged), plain);
      ++padding_bits;
    }
  EXPECT_LT(padding_bits, 8);
}

TEST(GunzipSource, RefusesTrailingBytesThatAreNoMember) {
  const std::string member = gzip_member(as_bytes("whole"));
  for (const std::string& tail :
       {std::string(1, '\0'), std::string(512, '\0'), std::string("x"), std::string("\x1f", 1),
        std::string("\x1f\x8b", 2), std::string("PK\x03\x04 not gzip, but long enough")})
    EXPECT_EQ(code_of_unpacking(member + tail), Errc::corrupt) << tail.size();
}

TEST(GunzipSource, PassesOnAFailureOfItsSource) {
  class Failing : public Source {
    size_t read(MutableBytes) override { throw Error(Errc::store, "connection lost"); }
  };
  Failing failing;
  GunzipSource source(failing);
  std::vector<std::byte> buffer(10);
  try {
    source.read(buffer);
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::store);
  }
}

}  // namespace
}  // namespace dolibarr_backup
