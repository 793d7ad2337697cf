#include <algorithm>

#include "page/report_parts.h"

namespace dolibarr_backup {
namespace {

void write_legend(Html& html, const Texts& texts) {
  html.element("ul", {{"class", "legend"}, {"aria-label", std::string(texts.legend.text)}}, [&] {
    const auto entry = [&](std::string_view kind, std::string_view sign, std::string_view words) {
      html.element("li", [&] {
        html.element("span", {{"class", "key m-" + std::string(kind)}, {"aria-hidden", "true"}},
                     sign);
        html.text(" ").text(words);
      });
    };
    for (const DayMark mark : {DayMark::backed_up, DayMark::unchanged, DayMark::failed,
                               DayMark::covered, DayMark::missing})
      entry(name_of(mark), sign_of(mark), words_of(mark, texts));
    entry("drilled", "◆", texts.mark_drilled.text);
    entry("drill-failed", "◇", texts.mark_drill_failed.text);
  });
}

void write_day(Html& html, const ReportDay& day, const Texts& texts) {
  const date::year_month_day date(day.day);
  const std::string number = std::to_string(static_cast<unsigned>(date.day()));
  html.element("td", {{"class", "m-" + std::string(name_of(day.mark))}}, [&] {
    if (!has_line(day)) {
      html.element("span", {{"class", "day"}}, number);
      return;
    }
    html.element("a", {{"class", "day"}, {"href", "#" + anchor_of(day.day)}}, [&] {
      html.text(number);
      std::string signs(sign_of(day.mark));
      if (day.drilled) signs += "◆";
      if (day.drill_failed) signs += "◇";
      html.element("span", {{"class", "sign"}, {"aria-hidden", "true"}}, signs);
      std::string words = ": " + std::string(words_of(day.mark, texts));
      if (day.drilled) words += ", " + std::string(texts.mark_drilled.text);
      if (day.drill_failed) words += ", " + std::string(texts.mark_drill_failed.text);
      html.element("span", {{"class", "unseen"}}, words);
    });
  });
}

// `days`: of one month.
void write_month(Html& html, std::span<const ReportDay> days, const Wording& wording) {
  const date::year_month_day first(days.front().day);
  html.element("table", {{"class", "month"}}, [&] {
    html.element("caption", wording.month(first.year() / first.month()));
    html.element("thead", [&] {
      html.element("tr", [&] {
        for (unsigned i = 0; i < 7; ++i)
          html.element("th",
                       {{"scope", "col"}, {"abbr", std::string(wording.texts().weekdays[i].text)}},
                       wording.texts().weekday_initials[i].text);
      });
    });
    html.element("tbody", [&] {
      size_t next = 0;
      while (next < days.size()) {
        html.element("tr", [&] {
          for (unsigned column = 1; column <= 7; ++column) {
            const bool here =
                next < days.size() && date::weekday(days[next].day).iso_encoding() == column;
            if (here)
              write_day(html, days[next++], wording.texts());
            else
              html.element("td", "");
          }
        });
      }
    });
  });
}

}  // namespace

void write_calendar(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "calendar", texts.calendar, [&] {
    std::vector<std::span<const ReportDay>> months = months_of(model.days);
    // A month before the first backup has nothing to show.
    std::erase_if(months, [](const std::span<const ReportDay>& month) {
      return std::none_of(month.begin(), month.end(), has_line);
    });
    if (months.empty()) {
      html.element("p", texts.never.text);
      return;
    }
    html.element("p", texts.calendar_lead.text);
    html.element("a", {{"class", "skip"}, {"href", "#register"}}, texts.skip_calendar.text);
    write_legend(html, texts);
    html.element("div", {{"class", "months"}}, [&] {
      for (const std::span<const ReportDay> month : months) write_month(html, month, wording);
    });
  });
}

bool has_line(const ReportDay& day) {
  return day.mark != DayMark::future && day.mark != DayMark::before;
}

std::vector<std::span<const ReportDay>> months_of(const std::vector<ReportDay>& days) {
  std::vector<std::span<const ReportDay>> months;
  const auto month = [](const ReportDay& day) {
    const date::year_month_day date(day.day);
    return date.year() / date.month();
  };
  for (size_t begin = 0; begin < days.size();) {
    size_t end = begin;
    while (end < days.size() && month(days[end]) == month(days[begin])) ++end;
    months.push_back(std::span(days).subspan(begin, end - begin));
    begin = end;
  }
  return months;
}

}  // namespace dolibarr_backup
