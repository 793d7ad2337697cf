#include "core/half_decision.h"

#include <fmt/format.h>

namespace dolibarr_backup {

HalfDecision decide_half(const std::optional<PreviousCapture>& previous, const Fingerprint& seen,
                         Instant now, int max_unchanged_days) {
  if (!previous) return {true, "no successful capture yet"};
  const std::string since = format_instant(previous->taken);
  if (previous->fingerprint.algorithm != seen.algorithm)
    return {true, fmt::format("fingerprint algorithm is {} now, was {}", seen.algorithm,
                              previous->fingerprint.algorithm)};
  if (previous->fingerprint.volatile_list != seen.volatile_list)
    return {true, "what counts as volatile is defined differently now"};
  if (previous->fingerprint.value != seen.value) return {true, "changed since " + since};
  if (now - previous->taken >= std::chrono::days(max_unchanged_days))
    return {true,
            fmt::format("unchanged, but its archive is {} days old",
                        std::chrono::floor<std::chrono::days>(now - previous->taken).count())};
  return {false, "unchanged since " + since};
}

}  // namespace dolibarr_backup
