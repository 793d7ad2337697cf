#include "stream/source_sink.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/stop.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {
constexpr size_t kPumpBufferBytes = 256 * kKiB;
}

uint64_t pump(Source& source, Sink& sink, const std::stop_token& stop) {
  std::vector<std::byte> buffer(kPumpBufferBytes);
  uint64_t total = 0;
  while (const size_t got = source.read(buffer)) {
    throw_if_stopped(stop);
    sink.write(Bytes(buffer).first(got));
    total += got;
  }
  return total;
}

std::string read_all(Source& source, uint64_t limit_bytes) {
  std::string text;
  std::vector<std::byte> buffer(64 * kKiB);
  while (const size_t got = source.read(buffer)) {
    text.append(as_text(Bytes(buffer).first(got)));
    if (text.size() > limit_bytes)
      throw Error(Errc::corrupt, "longer than the " + format_bytes(limit_bytes) + " it may be");
  }
  return text;
}

size_t MemorySource::read(MutableBytes buffer) {
  const size_t count = std::min(buffer.size(), rest_.size());
  if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

}  // namespace dolibarr_backup
