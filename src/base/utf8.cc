#include "base/utf8.h"

#include <fmt/format.h>

#include <iterator>

namespace dolibarr_backup {

size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto at = [&](size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t index = 1; index < length; ++index)
    if ((at(index) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, and what lies beyond Unicode's end.
  if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f) ||
      (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f))
    return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_control(std::string_view sequence) {
  const auto byte = static_cast<unsigned char>(sequence.front());
  if (sequence.size() == 1) return byte < 0x20 || byte == 0x7F;
  if (sequence.starts_with("\xE2\x80")) return sequence[2] >= '\xA8' && sequence[2] <= '\xAE';
  if (sequence.starts_with("\xE2\x81")) return sequence[2] >= '\xA6' && sequence[2] <= '\xA9';
  // U+0080 to U+009F.
  return sequence.size() == 2 && byte == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    if (length == 0 || is_control(sequence))
      for (const char c : sequence)
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += sequence;
    text.remove_prefix(sequence.size());
  }
  return out;
}

}  // namespace dolibarr_backup
