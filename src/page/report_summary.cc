#include "page/report_parts.h"

namespace dolibarr_backup {
namespace {

void write_answer(Html& html, const char* id, const Text& question, const char* kind,
                  std::string_view answer, const std::function<void()>& body) {
  const std::string heading = std::string(id) + "-question";
  html.element("section", {{"class", std::string("answer ") + kind}, {"aria-labelledby", heading}},
               [&] {
                 html.element("h2", {{"id", heading}}, question.text);
                 if (!answer.empty())
                   html.element("p", {{"class", "word"}}, [&] { write_badge(html, kind, answer); });
                 body();
               });
}

std::chrono::milliseconds age(const ReportModel& model, Instant then) {
  return std::max(model.input.now - then, std::chrono::seconds(0));
}

void write_covered(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  const ReportCoverage& coverage = model.coverage;
  const char* kind = coverage.covered ? "good" : "bad";
  write_answer(
      html, "covered", texts.covered_question, kind, (coverage.covered ? texts.yes : texts.no).text,
      [&] {
        if (!coverage.confirmed) {
          html.element("p", texts.never.text);
        } else {
          html.element("p", wording.say(coverage.fresh ? texts.covered : texts.stale,
                                        wording.instant(*coverage.confirmed),
                                        wording.duration(age(model, *coverage.confirmed))));
          if (!coverage.newest)
            html.element("p", texts.nothing_restorable.text);
          else if (coverage.newest->at != *coverage.confirmed)
            html.element("p",
                         wording.say(texts.content_since, wording.instant(coverage.newest->at)));
        }
        for (const auto& [half, ran] : coverage.ran)
          if (!ran) html.element("p", wording.say(texts.half_never, wording.half(half)));
      });
}

void write_since(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  const ReportCoverage& coverage = model.coverage;
  write_answer(html, "since", texts.since_question, coverage.since ? "good" : "bad",
               coverage.since
                   ? wording.day(*coverage.since)
                   : std::string((coverage.first ? texts.interrupted_word : texts.never_word).text),
               [&] {
                 if (coverage.since)
                   html.element("p", wording.say(texts.since, wording.day(*coverage.since)));
                 else if (coverage.first)
                   html.element("p", texts.no_series.text);
                 if (coverage.first)
                   html.element("p",
                                wording.say(texts.first_backup, wording.instant(*coverage.first)));
               });
}

void write_restorable(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  const ReportCoverage& coverage = model.coverage;
  const bool proven = coverage.proven && !coverage.refuted && coverage.newest;
  const char* kind = proven ? "good" : coverage.refuted || !coverage.newest ? "bad" : "warn";
  const Text& word = proven ? texts.yes : !coverage.newest ? texts.no : texts.unproven;
  write_answer(html, "restore", texts.restore_question, kind, word.text, [&] {
    if (coverage.refuted)
      html.element("p", [&] {
        html.text(wording.say(texts.refuted, wording.instant(coverage.refuted->at)) + " ");
        write_recorded(html, coverage.refuted->error);
      });
    if (const auto& drill = coverage.proven; drill && drill->point)
      html.element(
          "p", wording.say(texts.proven, wording.instant(drill->at), wording.instant(*drill->point),
                           wording.duration(std::chrono::milliseconds(
                               static_cast<int64_t>(drill->seconds.value_or(0) * 1000)))));
    if (!coverage.newest)
      html.element("p", (coverage.first ? texts.nothing_restorable : texts.never).text);
    if (coverage.newest && !coverage.proven && !coverage.refuted)
      html.element("p", texts.never_drilled.text);
  });
}

// The ends of the last quarters: what is asked for most.
void write_days(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_answer(html, "day", texts.day_question, "plain", "", [&] {
    html.element("p", [&] { html.element("a", {{"href", "#register"}}, texts.day_answer.text); });
    html.element("ul", {{"class", "ends"}}, [&] {
      size_t told = 0;
      for (auto day = model.days.rbegin(); day != model.days.rend() && told < 4; ++day) {
        const date::year_month_day next(day->day + date::days(1));
        if (next.day() != date::day(1) || (static_cast<unsigned>(next.month()) - 1) % 3 != 0)
          continue;
        if (day->mark == DayMark::future || !day->point) continue;
        ++told;
        html.element("li", [&] {
          html.element("a", {{"href", "#" + anchor_of(day->day)}}, wording.day(day->day));
          html.text(" → ").text(wording.instant(day->point->at));
        });
      }
    });
  });
}

void write_finding(Html& html, const Finding& finding, const Wording& wording) {
  const Texts& texts = wording.texts();
  html.element("li", [&] {
    switch (severity_of(finding.kind)) {
      case Severity::failure:
        write_badge(html, "bad", texts.severity_failure.text);
        break;
      case Severity::warning:
        write_badge(html, "warn", texts.severity_warning.text);
        break;
      case Severity::note:
        write_badge(html, "plain", texts.severity_note.text);
        break;
    }
    html.text(" ");
    html.element("strong", [&] {
      html.text(texts.found(finding.kind).text);
      if (finding.half) html.text(" · ").text(wording.half(*finding.half));
    });
    html.empty_element("br");
    write_recorded(html, finding.text);
  });
}

}  // namespace

void write_attention(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "attention", texts.attention, [&] {
    const std::vector<Finding>& findings = model.input.status.findings;
    html.element("p", (findings.empty() ? texts.attention_none : texts.attention_lead).text);
    if (findings.empty()) return;
    html.element("ul", {{"class", "findings"}}, [&] {
      for (const Finding& finding : findings) write_finding(html, finding, wording);
    });
  });
}

void write_summary(Html& html, const ReportModel& model, const Wording& wording) {
  html.element("div", {{"class", "answers"}}, [&] {
    write_covered(html, model, wording);
    write_since(html, model, wording);
    write_restorable(html, model, wording);
    write_days(html, model, wording);
  });
}

}  // namespace dolibarr_backup
