#include "page/report_parts.h"

#include "base/error.h"
#include "base/secret.h"

namespace dolibarr_backup {

void write_section(Html& html, const char* id, const Text& heading,
                   const std::function<void()>& body) {
  const std::string heading_id = std::string(id) + "-heading";
  html.element("section", {{"id", id}, {"aria-labelledby", heading_id}}, [&] {
    html.element("h2", {{"id", heading_id}}, heading.text);
    body();
  });
}

void write_table(Html& html, std::string_view caption, const std::vector<std::string_view>& columns,
                 const std::function<void()>& rows) {
  html.element("table", {{"class", "data"}}, [&] {
    html.element("caption", {{"class", "unseen"}}, caption);
    html.element("thead", [&] {
      html.element("tr", [&] {
        for (const std::string_view column : columns)
          html.element("th", {{"scope", "col"}}, column);
      });
    });
    html.element("tbody", rows);
  });
}

void write_recorded(Html& html, std::string_view text) {
  html.element("span", {{"class", "recorded"}, {"lang", "en"}}, mask_secrets(text));
}

void write_badge(Html& html, const char* kind, std::string_view word) {
  const std::string_view name = kind;
  const char* sign = name == "good" ? "✓" : name == "bad" ? "✕" : name == "warn" ? "!" : "–";
  html.element("span", {{"class", std::string("badge ") + kind}}, [&] {
    html.element("span", {{"aria-hidden", "true"}, {"class", "sign"}}, sign);
    html.text(" ").text(word);
  });
}

std::string_view sign_of(DayMark mark) {
  switch (mark) {
    case DayMark::backed_up:
      return "●";
    case DayMark::unchanged:
      return "○";
    case DayMark::failed:
      return "!";
    case DayMark::covered:
      return "‒";
    case DayMark::missing:
      return "✕";
    case DayMark::pending:
      return "…";
    case DayMark::before:
      return "·";
    case DayMark::future:
      return "";
  }
  throw Error(Errc::bug, "a day's mark without a sign");
}

std::string_view words_of(DayMark mark, const Texts& texts) {
  switch (mark) {
    case DayMark::before:
      return texts.mark_before.text;
    case DayMark::backed_up:
      return texts.mark_backed_up.text;
    case DayMark::unchanged:
      return texts.mark_unchanged.text;
    case DayMark::failed:
      return texts.mark_failed.text;
    case DayMark::covered:
      return texts.mark_covered.text;
    case DayMark::missing:
      return texts.mark_missing.text;
    case DayMark::pending:
      return texts.mark_pending.text;
    case DayMark::future:
      return texts.mark_future.text;
  }
  throw Error(Errc::bug, "a day's mark without words");
}

std::string anchor_of(date::local_days day) {
  return "d-" + date::format("%F", day);
}

}  // namespace dolibarr_backup
