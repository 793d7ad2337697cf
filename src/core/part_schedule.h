#pragma once

#include <cstdint>

namespace dolibarr_backup {

/// S3 multipart limits (AWS "Amazon S3 multipart upload limits"; GCS and Ceph agree).
inline constexpr uint32_t kMaxParts = 10'000;
inline constexpr uint64_t kMinPartBytes = 5ull << 20;
inline constexpr uint64_t kMaxPartBytes = 5ull << 30;

/// Sizes the parts of a stream whose length is not known.
///
/// The first 8,000 parts have one size, made so that what was expected fits into
/// them; should the stream be longer, parts then double every 125, so that 10,000
/// parts never bind before S3's 5 TiB per object does.
class PartSchedule {
 public:
  explicit PartSchedule(uint64_t expected_bytes);
  /// Size of part `number` (from 1 to kMaxParts), a multiple of 1 MiB.
  uint64_t part_bytes(uint32_t number) const;

 private:
  uint64_t base_bytes_;
};

/// How many parts may be in flight beside the one being filled, so that
/// (answer + 1) * part_bytes stays within `budget_bytes`; at least 1, at most 4.
uint32_t parallel_parts(uint64_t part_bytes, uint64_t budget_bytes);

}  // namespace dolibarr_backup
