#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "stream/source_sink.h"

struct evp_md_ctx_st;

namespace dolibarr_backup {

/// Incremental hash over OpenSSL's EVP. Not thread-safe. Movable.
class Digest {
 public:
  static Digest sha256();
  static Digest md5();

  void update(Bytes bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  /// Raw digest bytes; ends this hash (a further update is a bug).
  std::string finish();
  std::string finish_hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  explicit Digest(const char* algorithm);
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// Lower-case hexadecimal SHA-256 of `text`.
std::string sha256_hex(std::string_view text);

/// Passes bytes through to `next` while hashing and counting them.
class HashingSink : public Sink {
 public:
  explicit HashingSink(Sink& next) : next_(next) {}
  using Sink::write;
  void write(Bytes bytes) override {
    digest_.update(bytes);
    size_ += bytes.size();
    next_.write(bytes);
  }
  uint64_t size() const { return size_; }
  /// Hexadecimal SHA-256 of all that passed; call once.
  std::string finish_hex() { return digest_.finish_hex(); }

 private:
  Sink& next_;
  Digest digest_ = Digest::sha256();
  uint64_t size_ = 0;
};

}  // namespace dolibarr_backup
