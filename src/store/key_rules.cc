#include "store/key_rules.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace dolibarr_backup {
namespace {

// The folder in which a directory store keeps unfinished uploads.
constexpr std::string_view kReservedSegment = ".uploads";

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
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
