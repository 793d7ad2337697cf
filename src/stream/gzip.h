#pragma once

#include <memory>
#include <string>

#include "stream/source_sink.h"

/// gzip (RFC 1952) with ISA-L. A gzip file is one or more members; tools read
/// them as one stream.
namespace dolibarr_backup {

/// One whole gzip member holding `plain`; its header has no name or time. Equal input gives
/// equal bytes but for about one member in 50,000, where ISA-L 2.30 was seen to cut its
/// Huffman codes otherwise (same content, a byte or two in size): rely on it only to save
/// work, never to compare. Data that does not shrink is stored, and never
/// grows by more than the member's header, trailer and 5 bytes per 64 KiB.
/// Thread-safe: each call has its own state.
std::string gzip_member(Bytes plain);

/// Compresses what is written into members of `member_bytes` plain bytes each.
class GzipSink : public Sink {
 public:
  explicit GzipSink(Sink& next, size_t member_bytes = 1 << 20);
  using Sink::write;
  void write(Bytes bytes) override;
  /// Writes the rest; call once, last. Empty input gives one empty member.
  void finish();

 private:
  Sink& next_;
  size_t member_bytes_;
  std::string pending_;
  bool wrote_member_ = false;
};

/// Unpacks all members of `compressed`. read() throws Errc::corrupt for a wrong
/// checksum, a truncated member, or trailing bytes that are no member.
class GunzipSource : public Source {
 public:
  explicit GunzipSource(Source& compressed);
  ~GunzipSource() override;
  size_t read(MutableBytes buffer) override;

 private:
  struct State;
  Source& compressed_;
  std::unique_ptr<State> state_;
};

}  // namespace dolibarr_backup
