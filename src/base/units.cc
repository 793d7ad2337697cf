#include "base/units.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace dolibarr_backup {

std::string format_bytes(uint64_t bytes) {
  static constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  // 999.5 would print as 1000: move on before three digits overflow.
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const int64_t ms = duration.count();
  if (ms < 0) return "-" + format_duration(-duration);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  const int64_t minutes = ms / 60'000;
  if (minutes < 60) return fmt::format("{} min {:02} s", minutes, ms / 1000 % 60);
  if (minutes < 24 * 60) return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
  if (minutes < 4 * 24 * 60) return fmt::format("{} d {} h", minutes / 1440, minutes / 60 % 24);
  return fmt::format("{} d", minutes / 1440);
}

std::string format_instant(Instant instant) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(static_cast<std::time_t>(instant.time_since_epoch().count())));
}

std::optional<Instant> parse_instant(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (!end || *end != '\0') return std::nullopt;
  const Instant instant{std::chrono::seconds(::timegm(&parts))};
  // strptime(3) takes blanks, short fields and 31 February.
  if (format_instant(instant) != text) return std::nullopt;
  return instant;
}

std::string_view trim(std::string_view text) {
  static constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace dolibarr_backup
