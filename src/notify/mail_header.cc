#include "notify/mail_header.h"

#include <fmt/chrono.h>

#include <algorithm>

#include "base/utf8.h"
#include "core/base64.h"

namespace dolibarr_backup {
namespace {

// An encoded word has at most 75 characters (RFC 2047, section 2): 12 are its frame, and 45
// bytes are 60 characters of base64.
constexpr size_t kBytesPerWord = 45;
// A line longer than 998 is forbidden, one longer than this is encoded to be folded.
constexpr size_t kLongestAsciiLine = 500;

std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0)
      out += '?';
    else if (first < 0x20 || first == 0x7f)
      out += ' ';
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

bool needs_encoding(std::string_view text) {
  return text.size() > kLongestAsciiLine || text.find("=?") != std::string_view::npos ||
         std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x7e; });
}

}  // namespace

std::string header_text(std::string_view text) {
  std::string clean = one_line(text);
  if (!needs_encoding(clean)) return clean;
  std::string out, word;
  const auto end_word = [&] {
    if (!word.empty())
      out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64(word) + "?=";
    word.clear();
  };
  for (std::string_view rest = clean; !rest.empty();) {
    const size_t length = utf8_length(rest);
    if (word.size() + length > kBytesPerWord) end_word();
    word += rest.substr(0, length);
    rest.remove_prefix(length);
  }
  end_word();
  return out;
}

std::string header_date(Instant instant) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} +0000",
                     fmt::gmtime(static_cast<std::time_t>(instant.time_since_epoch().count())));
}

}  // namespace dolibarr_backup
