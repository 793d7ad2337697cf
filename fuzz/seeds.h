#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// What the fuzz targets share.
///
/// Each target defines seeds(): inputs that it knows to be of the right form. The
/// mutator starts from them again and again, so that a target needs no corpus
/// folder and follows the format as it grows.
namespace dolibarr_backup::fuzz {

const std::vector<std::string>& seeds();

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A property that does not hold: libFuzzer reports the input that showed it.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "property broken: %s\n", property);
  std::abort();
}

}  // namespace dolibarr_backup::fuzz
