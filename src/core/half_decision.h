#pragma once

#include <optional>
#include <string>

#include "base/units.h"
#include "core/fingerprint.h"

namespace dolibarr_backup {

/// What is known of a half's last successful capture.
struct PreviousCapture {
  Fingerprint fingerprint;
  Instant taken;
};

struct HalfDecision {
  bool take = true;
  std::string reason;  ///< for people: "rows or schema changed since 2026-06-29T02:15:00Z"
};

/// Whether a half must be taken: no capture yet, another fingerprint, another
/// way of making it, or older than `max_unchanged_days` (taken anew although
/// unchanged, so that no archive is the only copy for too long). Pure.
HalfDecision decide_half(const std::optional<PreviousCapture>& previous, const Fingerprint& seen,
                         Instant now, int max_unchanged_days);

}  // namespace dolibarr_backup
