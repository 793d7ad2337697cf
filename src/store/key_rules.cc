#include "store/key_rules.h"

#include <algorithm>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

// The folder in which a directory store keeps unfinished uploads.
constexpr std::string_view kReservedSegment = ".uploads";

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Bytes of the UTF-8 sequence that `text` begins with; 0 if it begins with none.
size_t utf8_length(std::string_view text) {
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

std::string_view fault_of_segment(std::string_view segment) {
  if (segment.empty()) return "has an empty segment";
  if (segment.size() > kMaxSegmentBytes) return "has a segment of more than 255 bytes";
  if (segment == "." || segment == "..") return "has a segment '.' or '..'";
  return "";
}

std::string_view fault_of(std::string_view key) {
  if (key.size() > kMaxKeyBytes) return "is longer than 1024 bytes";
  if (std::any_of(key.begin(), key.end(), is_control)) return "has control characters";
  if (!is_utf8(key)) return "is not UTF-8";
  if (key.substr(0, key.find('/')) == kReservedSegment) return "begins with '.uploads'";
  for (size_t begin = 0;;) {
    const size_t end = std::min(key.find('/', begin), key.size());
    const std::string_view fault = fault_of_segment(key.substr(begin, end - begin));
    if (!fault.empty()) return fault;
    if (end == key.size()) return "";
    begin = end + 1;
  }
}

[[noreturn]] void refuse(std::string_view kind, const std::string& text, std::string_view fault) {
  throw Error(Errc::refused, std::string(kind) + " '" + text + "' " + std::string(fault))
      .with_hint("keys are relative paths such as 'erp/prod/db/...'; look at the setting 'prefix'");
}

}  // namespace

void require_valid_key(const std::string& key) {
  const std::string_view fault = fault_of(key);
  if (!fault.empty()) refuse("the key", key, fault);
}

void require_valid_prefix(const std::string& prefix) {
  if (prefix.empty()) return;
  // A prefix that ends in '/' or inside a segment becomes a key with one more letter,
  // unless it is as long as a key can be.
  const size_t last_segment = prefix.size() - (prefix.rfind('/') + 1);
  const bool full = last_segment == kMaxSegmentBytes || prefix.size() == kMaxKeyBytes;
  const std::string_view fault = fault_of(full ? prefix : prefix + "x");
  if (!fault.empty()) refuse("the prefix", prefix, fault);
}

}  // namespace dolibarr_backup
