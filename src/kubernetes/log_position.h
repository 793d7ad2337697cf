#pragma once

#include <string>
#include <string_view>

namespace dolibarr_backup {

/// Where in a container's log a reader stands. A stream that was cut is read anew from its
/// beginning, and what was given before is passed over: the lines are known by their times, since
/// the beginning moves. A node keeps a log in files and gives the newest one only (the kubelet
/// begins another at 10 MiB); what is gone with an older one is noticed. Pure.
class LogPosition {
 public:
  enum class Line {
    passed,     ///< it was given before
    next,       ///< it follows the last one that was given
    after_gap,  ///< it is new, and lines between are gone
  };

  /// The log is read anew.
  void begin();
  /// What the next line is; each of a reading is asked about, in order. `time`: as `kubectl logs
  /// --timestamps` writes it, so that an earlier one is less.
  Line next(std::string_view time);
  /// The reading has not come to the last line that was given: at the end of the log that line is
  /// gone, and with it what may have followed.
  bool is_passing() const { return passing_; }

 private:
  std::string last_, newest_;      // times of what was given
  size_t count_ = 0, passed_ = 0;  // lines of the time `last_`: given, and passed in this reading
  bool passing_ = false;
};

/// A line of `kubectl logs --timestamps`.
struct StampedLine {
  std::string_view time;  ///< "" for a line that is not the container's, but the node's own words
  std::string_view text;
};
StampedLine read_stamp(std::string_view line);

}  // namespace dolibarr_backup
