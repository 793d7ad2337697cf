#include "core/record_text.h"

#include <fmt/format.h>

#include <charconv>

#include "base/utf8.h"

namespace dolibarr_backup {
namespace {

unsigned char byte_at(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace

std::string to_record_text(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = utf8_length(bytes.substr(at));
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
