#include "dolibarr/member_cutter.h"

#include <algorithm>

namespace dolibarr_backup {
namespace {

constexpr uint64_t kPathMask = 15;                   // one path in 16
constexpr uint64_t kContentMask = 0xfffffull << 44;  // one place in 1 MiB
constexpr uint64_t kWindowBytes = 64;                // older bytes were shifted out

// Sebastiano Vigna's splitmix64, public domain.
constexpr uint64_t mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

constexpr std::array<uint64_t, 256> make_gear() {
  std::array<uint64_t, 256> gear{};
  for (uint64_t i = 0; i < gear.size(); ++i) gear[i] = mix(i);
  return gear;
}
constexpr std::array<uint64_t, 256> kGear = make_gear();

// FNV-1a, whose low bits are then mixed.
uint64_t hash_of(std::string_view path) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix(hash);
}

}  // namespace

bool PathCutter::cut_after(std::string_view path, uint64_t bytes) {
  size_ += bytes;
  if (size_ >= kGreatestMemberBytes) return true;
  return size_ >= kLeastMemberBytes && (hash_of(path) & kPathMask) == 0;
}

size_t ContentCutter::take(Bytes bytes, bool& ended) {
  ended = false;
  size_t at = 0;
  // No cut can come before the least size; only the window before it matters.
  if (size_ + kWindowBytes < kLeastMemberBytes) {
    at = static_cast<size_t>(
        std::min<uint64_t>(bytes.size(), kLeastMemberBytes - kWindowBytes - size_));
    size_ += at;
  }
  const size_t room =
      static_cast<size_t>(std::min<uint64_t>(bytes.size() - at, kGreatestMemberBytes - size_));
  const size_t end = at + room;
  for (; at < end; ++at) {
    hash_ = (hash_ << 1) + kGear[static_cast<unsigned char>(bytes[at])];
    ++size_;
    if ((hash_ & kContentMask) == 0 && size_ >= kLeastMemberBytes) {
      ended = true;
      return at + 1;
    }
  }
  ended = size_ >= kGreatestMemberBytes;
  return at;
}

}  // namespace dolibarr_backup
