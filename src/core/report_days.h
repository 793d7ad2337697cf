#pragma once

#include <vector>

#include "core/report_model.h"

namespace dolibarr_backup {

/// Which state was in force when, and which of them can still be brought back.
class PointTimeline {
 public:
  explicit PointTimeline(const ReportInput& input);

  struct At {
    std::optional<ReportPoint> point;  ///< the newest at or before the time that is still there
    bool thinned = false;              ///< a newer one had been made by then, and is gone
    std::optional<Instant> made;       ///< of the newest that had been made by then
  };
  At at(Instant instant) const;
  std::optional<Instant> first_good() const;
  /// The newest record of a good pair, whether its archives are still there or not.
  std::optional<Instant> newest_good() const;

 private:
  struct Good {
    ReportPoint point;
    std::optional<size_t> there;  ///< the newest one up to this that can be brought back
  };
  std::vector<Good> good_;  ///< oldest first
};

/// Every day from the first backup run, or the period's first day if that is earlier, to
/// the period's last day or today, whichever is later.
std::vector<ReportDay> days_of(const ReportInput& input, const PointTimeline& timeline);

/// The gaps of `days` that touch the period from `first` to `last`.
std::vector<ReportGap> gaps_of(const std::vector<ReportDay>& days, date::local_days first,
                               date::local_days last);

}  // namespace dolibarr_backup
