#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dolibarr_backup {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

/// A point in time, whole seconds, UTC. Files' own times stay in nanoseconds.
using Instant = std::chrono::sys_seconds;

/// "47.7 MiB": three significant digits and an IEC unit; "0 B".
std::string format_bytes(uint64_t bytes);
/// "2 h 05 min", "3.2 s", "12 d": two units at most.
std::string format_duration(std::chrono::milliseconds duration);
/// "2026-06-30T02:15:00Z".
std::string format_instant(Instant instant);
/// Reads exactly what format_instant() writes; nullopt for anything else.
std::optional<Instant> parse_instant(const std::string& text);
/// `text` without blanks at either end.
std::string_view trim(std::string_view text);
/// Lower-case hexadecimal of a byte string.
std::string to_hex(std::string_view bytes);

}  // namespace dolibarr_backup
