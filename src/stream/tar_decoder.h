#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "stream/source_sink.h"
#include "stream/tar_encoder.h"

namespace dolibarr_backup {

/// Reads a tar (pax, ustar, GNU) with libarchive, an entry at a time, beginning at
/// any entry's header. What it says of names is for comparison, never for use as it
/// is: it comes from the archive. One thread.
class TarDecoder {
 public:
  struct Entry {
    TarEntry header;      ///< path without a slash at its end; "./" is ""
    uint64_t offset = 0;  ///< of the entry's header, extended ones included, in the bytes given
  };

  /// `next_block` gives the next bytes, which stay valid until it is called again; an
  /// empty block is the end. What it throws comes out of next() and read().
  explicit TarDecoder(std::function<Bytes()> next_block);
  ~TarDecoder();

  /// The next entry, passing over what is left of the one before; nullopt at the tar's
  /// end. Throws Errc::corrupt for what is no tar.
  std::optional<Entry> next();
  /// Content of the entry; 0 at its end. Throws Errc::corrupt if it is cut short.
  size_t read(MutableBytes buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dolibarr_backup
