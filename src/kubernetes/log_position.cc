#include "kubernetes/log_position.h"

#include <algorithm>
#include <cctype>

namespace dolibarr_backup {

void LogPosition::begin() {
  passing_ = count_ > 0;
  passed_ = 0;
}

LogPosition::Line LogPosition::next(std::string_view time) {
  Line line = Line::next;
  if (passing_) {
    if (time == last_ && ++passed_ == count_) passing_ = false;
    // The two streams of a container may change places by a moment: only what is newer than all
    // that was given tells that the last of it is gone.
    if (time <= newest_) return Line::passed;
    passing_ = false;
    line = Line::after_gap;
  }
  count_ = time == last_ && line == Line::next ? count_ + 1 : 1;
  last_ = time;
  newest_ = std::max(newest_, last_);
  return line;
}

StampedLine read_stamp(std::string_view line) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  const size_t end = line.find(' ');
  const std::string_view time = line.substr(0, end);
  const bool is_time =
      end != std::string_view::npos && time.size() > kShape.size() &&
      std::equal(kShape.begin(), kShape.end(), time.begin(), [](char shape, char c) {
        return shape == '0' ? std::isdigit(static_cast<unsigned char>(c)) != 0 : shape == c;
      });
  return is_time ? StampedLine{time, line.substr(end + 1)} : StampedLine{"", line};
}

}  // namespace dolibarr_backup
