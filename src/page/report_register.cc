#include <algorithm>

#include "page/report_parts.h"

namespace dolibarr_backup {
namespace {

void write_event(Html& html, const ReportDay& day, const Wording& wording) {
  const Texts& texts = wording.texts();
  html.element("td", [&] {
    html.element("span",
                 {{"class", "key m-" + std::string(name_of(day.mark))}, {"aria-hidden", "true"}},
                 sign_of(day.mark));
    html.text(" ").text(words_of(day.mark, texts));
    if (day.runs > 1) html.text(" (" + wording.count(day.runs, texts.runs) + ")");
    // Which half it was, where it was only one.
    if (day.mark == DayMark::backed_up)
      for (const auto& [half, result] : day.halves)
        if (result == HalfResult::unchanged)
          html.text(" · ").text(wording.half(half == Half::db ? Half::docs : Half::db));
    if (day.mark == DayMark::failed && day.result)
      html.text(" · ").text(wording.result(*day.result));
    if (!day.error.empty()) {
      html.empty_element("br");
      write_recorded(html, day.error);
    }
    if (day.drilled) html.text(" · ◆ ").text(texts.mark_drilled.text);
    if (day.drill_failed) html.text(" · ◇ ").text(texts.mark_drill_failed.text);
  });
}

std::string state_of(const ReportDay& day, const Wording& wording) {
  const Texts& texts = wording.texts();
  if (!day.point) return std::string((day.thinned ? texts.state_gone : texts.state_none).text);
  const bool that_day = local_day(day.point->at, wording.time_zone()) == day.day;
  return wording.say(day.thinned ? texts.state_thinned
                     : that_day  ? texts.state_exact
                                 : texts.state_carried,
                     wording.instant(day.point->at));
}

void write_row(Html& html, const ReportDay& day, const Wording& wording) {
  html.element("tr", {{"id", anchor_of(day.day)}, {"class", "m-" + std::string(name_of(day.mark))}},
               [&] {
                 html.element("th", {{"scope", "row"}}, wording.long_day(day.day));
                 write_event(html, day, wording);
                 html.element("td", {{"class", day.point && !day.thinned ? "exact" : "near"}},
                              state_of(day, wording));
               });
}

// "20 backed up, 9 checked, unchanged, 2 missing"
std::string tally(std::span<const ReportDay> days, const Texts& texts) {
  std::string text;
  for (const DayMark mark : {DayMark::backed_up, DayMark::unchanged, DayMark::failed,
                             DayMark::covered, DayMark::missing}) {
    const auto count = std::count_if(days.begin(), days.end(),
                                     [&](const ReportDay& day) { return day.mark == mark; });
    if (count > 0)
      text += fmt::format("{}{} {}\u00a0{}", text.empty() ? "" : " · ", sign_of(mark), count,
                          words_of(mark, texts));
  }
  return text;
}

}  // namespace

void write_register(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "register", texts.register_title, [&] {
    html.element("p", texts.register_lead.text);
    const auto months = months_of(model.days);
    for (auto month = months.rbegin(); month != months.rend(); ++month) {
      if (std::none_of(month->begin(), month->end(), has_line)) continue;
      const date::year_month_day first(month->front().day);
      const std::string name = wording.month(first.year() / first.month());
      html.element("details", [&] {
        html.element("summary", [&] {
          html.element("span", {{"class", "month-name"}}, name);
          html.text(" ");
          html.element("span", {{"class", "quiet"}}, tally(*month, texts));
        });
        write_table(html, fmt::format("{}, {}", texts.register_title.text, name),
                    {texts.column_day.text, texts.column_event.text, texts.column_state.text}, [&] {
                      for (const ReportDay& day : *month)
                        if (has_line(day)) write_row(html, day, wording);
                    });
      });
    }
  });
}

void write_gaps(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "gaps", texts.gaps, [&] {
    if (model.gaps.empty()) {
      if (model.coverage.first)
        html.element("p", texts.gaps_none.text);
      else
        html.element("p", texts.never.text);
      return;
    }
    html.element("ul", {{"class", "gaps"}}, [&] {
      for (const ReportGap& gap : model.gaps)
        html.element("li", [&] {
          const auto days = static_cast<uint64_t>((gap.last - gap.first).count()) + 1;
          html.element("strong", gap.first == gap.last
                                     ? wording.long_day(gap.first)
                                     : wording.say(texts.gap_days, wording.day(gap.first),
                                                   wording.day(gap.last)));
          html.text(" (" + wording.count(days, texts.gap_length) + ")");
          for (const ReportGap::Reason& reason : gap.reasons)
            html.element("p", [&] {
              if (reason.mark == DayMark::missing) {
                html.text(texts.gap_no_run.text);
                return;
              }
              html.text(wording.say(texts.gap_failed,
                                    wording.result(reason.result.value_or(RunResult::failed))));
              if (reason.error.empty()) return;
              html.text(" ");
              write_recorded(html, reason.error);
            });
        });
    });
  });
}

}  // namespace dolibarr_backup
