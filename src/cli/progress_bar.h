#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/progress.h"

namespace dolibarr_backup {

/// One line on stderr that is rewritten while it lives: what was read and stored,
/// the rate, the time left. Only where stderr is a terminal and `quiet` is false.
class ProgressBar {
 public:
  ProgressBar(const Progress& progress, bool quiet);
  /// Wipes the line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

 private:
  void draw_until_stopped();
  const Progress& progress_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

/// If a bar's line is on the screen, wipes it, so that what is written to stderr next
/// begins a line of its own; the bar draws itself anew below it. From any thread.
void leave_progress_line();

/// The line, without control characters, at most `width` columns. Pure.
std::string progress_line(const Progress& progress, double seconds, size_t width);

}  // namespace dolibarr_backup
