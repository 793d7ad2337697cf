#include "page/size_plot.h"

#include <algorithm>
#include <cmath>

namespace dolibarr_backup {
namespace {

// One user unit is about a pixel on a phone, so that the labels stay readable.
constexpr double kWidth = 360, kHeight = 170;
constexpr double kLeft = 62, kRight = 8, kTop = 10, kBottom = 24;

class Scale {
 public:
  Scale(Instant from, Instant to, uint64_t greatest)
      : from_(from), span_(std::max<double>(1, static_cast<double>((to - from).count()))) {
    // A step that is a power of two, as the units are, and at most four of them.
    while (step_ * 4 < static_cast<double>(greatest)) step_ *= 2;
    lines_ = std::ceil(static_cast<double>(greatest) / step_);
    if (lines_ < 1) lines_ = 1;
  }
  double x(Instant at) const {
    const double share = static_cast<double>((at - from_).count()) / span_;
    return kLeft + std::clamp(share, 0.0, 1.0) * (kWidth - kLeft - kRight);
  }
  double y(double bytes) const {
    return kHeight - kBottom - bytes / (lines_ * step_) * (kHeight - kTop - kBottom);
  }
  double step() const { return step_; }
  int lines() const { return static_cast<int>(lines_); }

 private:
  Instant from_;
  double span_, step_ = 1, lines_ = 1;
};

std::string coordinate(double value) {
  return fmt::format("{:.1f}", value);
}

void write_label(Html& html, double x, double y, const char* anchor, std::string_view text) {
  html.element("text",
               {{"x", coordinate(x)},
                {"y", coordinate(y)},
                {"text-anchor", anchor},
                {"class", "plot-label"}},
               text);
}

void write_grid(Html& html, const Wording& wording, const Scale& scale, Instant from, Instant to) {
  for (int line = 0; line <= scale.lines(); ++line) {
    const double bytes = line * scale.step(), y = scale.y(bytes);
    html.element("path",
                 {{"d", fmt::format("M{:.1f} {:.1f}H{:.1f}", kLeft, y, kWidth - kRight)},
                  {"class", line == 0 ? "plot-axis" : "plot-grid"}},
                 "");
    write_label(html, kLeft - 6, y + 3.5, "end", wording.bytes(static_cast<uint64_t>(bytes)));
  }
  const auto month_of = [&](Instant instant) {
    const date::year_month_day date(local_day(instant, wording.time_zone()));
    return fmt::format("{:02}/{}", static_cast<unsigned>(date.month()),
                       static_cast<int>(date.year()));
  };
  const Instant middle = from + (to - from) / 2;
  write_label(html, kLeft, kHeight - 6, "start", month_of(from));
  write_label(html, scale.x(middle), kHeight - 6, "middle", month_of(middle));
  write_label(html, kWidth - kRight, kHeight - 6, "end", month_of(to));
}

}  // namespace

void write_size_plot(Html& html, const Wording& wording, Half half,
                     const std::vector<ReportSize>& sizes, Instant from, Instant to) {
  if (sizes.empty()) return;
  const uint64_t greatest =
      std::max_element(sizes.begin(), sizes.end(), [](const ReportSize& a, const ReportSize& b) {
        return a.bytes < b.bytes;
      })->bytes;
  const Scale scale(from, to, greatest);
  std::string line;
  for (const ReportSize& size : sizes) {
    const double x = scale.x(size.at), y = scale.y(static_cast<double>(size.bytes));
    line +=
        line.empty() ? fmt::format("M{:.1f} {:.1f}", x, y) : fmt::format("H{:.1f}V{:.1f}", x, y);
  }
  line += fmt::format("H{:.1f}", scale.x(to));
  const std::string label =
      wording.say(wording.texts().plot_label, wording.half(half),
                  wording.bytes(sizes.front().bytes), wording.bytes(sizes.back().bytes));
  html.element("figure", {{"class", "plot"}}, [&] {
    html.element("svg",
                 {{"viewBox", fmt::format("0 0 {} {}", kWidth, kHeight)},
                  {"role", "img"},
                  {"aria-label", label}},
                 [&] {
                   write_grid(html, wording, scale, from, to);
                   html.element("path", {{"d", line}, {"class", "plot-line"}}, "");
                 });
    html.element("figcaption", label);
  });
}

}  // namespace dolibarr_backup
