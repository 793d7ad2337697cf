#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

constexpr std::chrono::milliseconds kInterval{250};
constexpr size_t kBarCells = 10;
constexpr size_t kDefaultWidth = 80;

constexpr const char* kWipe = "\r\x1b[K";

std::mutex screen;
bool line_is_shown = false;  // guarded by screen

size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kDefaultWidth;
}

std::string bar_of(double share) {
  const auto full = static_cast<size_t>(share * static_cast<double>(kBarCells));
  return "[" + std::string(full, '#') + std::string(kBarCells - full, '.') + "]";
}

}  // namespace

std::string progress_line(const Progress& progress, double seconds, size_t width) {
  const uint64_t docs = progress.docs_read_bytes, total = progress.docs_total_bytes;
  const uint64_t db = progress.db_read_bytes;
  std::vector<std::string> parts;  // the most wanted first; what does not fit whole is left out
  if (docs == 0 && db == 0) {
    parts.push_back(fmt::format("looking: {}/{} tables", progress.db_tables_done.load(),
                                progress.db_tables_total.load()));
    parts.push_back(fmt::format("{} files", progress.docs_files_walked.load()));
  } else {
    // Until a capture's own walk is done, the first one's total is what is expected.
    const double share =
        total == 0 ? 0 : std::min(1.0, static_cast<double>(docs) / static_cast<double>(total));
    const double rate = static_cast<double>(docs + db) / std::max(seconds, 0.001);
    const std::string percent =
        total > 0 && docs > 0 ? fmt::format("{} {:3.0f} %  ", bar_of(share), share * 100) : "";
    parts.push_back(percent + format_bytes(static_cast<uint64_t>(rate)) + "/s");
    if (share > 0.02 && share < 1) {
      const double left = seconds * (1 - share) / share;
      parts.push_back(
          format_duration(std::chrono::milliseconds(static_cast<int64_t>(left * 1000))) + " left");
    }
    if (db > 0) parts.push_back("db " + format_bytes(db));
    if (docs > 0) parts.push_back("docs " + format_bytes(docs));
    parts.push_back("stored " + format_bytes(progress.stored_bytes));
  }
  std::string line;
  for (const std::string& part : parts) {
    const std::string separator = line.empty() ? "" : ", ";
    if (line.size() + separator.size() + part.size() > width) break;
    line += separator + part;
  }
  return line;
}

ProgressBar::ProgressBar(const Progress& progress, bool quiet) : progress_(progress) {
  if (quiet || isatty(STDERR_FILENO) == 0) return;
  log::before_each_line(leave_progress_line);
  thread_ = std::thread([this] { draw_until_stopped(); });
}

ProgressBar::~ProgressBar() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  leave_progress_line();
}

void leave_progress_line() {
  const std::lock_guard lock(screen);
  if (line_is_shown) std::fputs(kWipe, stderr);
  line_is_shown = false;
}

void ProgressBar::draw_until_stopped() {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return stopping_; })) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const std::string line =
        progress_line(progress_, elapsed.count(), std::max<size_t>(terminal_width(), 2) - 1);
    const std::lock_guard drawing(screen);
    line_is_shown = true;
    std::fputs((kWipe + line).c_str(), stderr);
  }
}

}  // namespace dolibarr_backup
