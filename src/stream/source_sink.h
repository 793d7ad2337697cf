#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace dolibarr_backup {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Where bytes come from. Not thread-safe; one reader.
class Source {
 public:
  virtual ~Source() = default;
  /// Fills up to buffer.size() bytes and returns how many; 0 means the end, and
  /// the end is proven: a source whose producer failed throws instead.
  virtual size_t read(MutableBytes buffer) = 0;
};

/// Where bytes go. Not thread-safe; one writer.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Takes all of `bytes` or throws. The bytes are copied or gone on return.
  virtual void write(Bytes bytes) = 0;
  void write(std::string_view text) { write(as_bytes(text)); }
};

/// Moves everything from `source` to `sink`; returns the byte count. The single
/// copy loop of the program. Throws Errc::interrupted when stopped.
uint64_t pump(Source& source, Sink& sink, const std::stop_token& stop = {});

/// Reads all of `source`; throws Errc::corrupt beyond `limit_bytes`.
std::string read_all(Source& source, uint64_t limit_bytes);

/// Serves bytes that outlive it.
class MemorySource : public Source {
 public:
  explicit MemorySource(Bytes bytes) : rest_(bytes) {}
  explicit MemorySource(std::string_view text) : rest_(as_bytes(text)) {}
  size_t read(MutableBytes buffer) override;

 private:
  Bytes rest_;
};

/// Passes a source on and counts the bytes, for people.
class CountingSource : public Source {
 public:
  CountingSource(Source& source, std::atomic<uint64_t>& count) : source_(source), count_(count) {}
  size_t read(MutableBytes buffer) override {
    const size_t got = source_.read(buffer);
    count_.fetch_add(got, std::memory_order_relaxed);
    return got;
  }

 private:
  Source& source_;
  std::atomic<uint64_t>& count_;
};

/// Collects into a string.
class StringSink : public Sink {
 public:
  using Sink::write;
  void write(Bytes bytes) override { text_.append(as_text(bytes)); }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace dolibarr_backup
