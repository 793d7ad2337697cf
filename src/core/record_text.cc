#include "core/record_text.h"

#include <fmt/format.h>

#include <charconv>

namespace dolibarr_backup {
namespace {

unsigned char byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// Length of the valid UTF-8 sequence at `at`, 0 if there is none (RFC 3629, section 4).
size_t sequence_length(std::string_view text, size_t at) {
  const unsigned char first = byte_at(text, at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
  const unsigned char second = byte_at(text, at + 1);
  const bool overlong_or_surrogate =
      (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return overlong_or_surrogate ? 0 : length;
}

}  // namespace

std::string to_record_text(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = sequence_length(bytes, at);
    if (length == 0) {
      text += fmt::format("\\x{:02x}", byte_at(bytes, at));
      ++at;
    } else if (bytes[at] == '\\') {
      text += "\\\\";
      ++at;
    } else {
      text += bytes.substr(at, length);
      at += length;
    }
  }
  return text;
}

std::optional<std::string> from_record_text(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      bytes += text[at++];
    } else if (text.substr(at, 2) == "\\\\") {
      bytes += '\\';
      at += 2;
    } else if (text.substr(at, 2) == "\\x" && at + 4 <= text.size()) {
      unsigned value = 0;
      const auto parsed = std::from_chars(text.data() + at + 2, text.data() + at + 4, value, 16);
      if (parsed.ec != std::errc() || parsed.ptr != text.data() + at + 4) return std::nullopt;
      bytes += static_cast<char>(value);
      at += 4;
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

std::string cut_text(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  // A character has at most three bytes after its first; more are no UTF-8.
  size_t end = most;
  while (end > 0 && most - end < 3 && (byte_at(text, end) & 0xc0) == 0x80) --end;
  return fmt::format("{} [{} bytes left out]", text.substr(0, end), text.size() - end);
}

}  // namespace dolibarr_backup
