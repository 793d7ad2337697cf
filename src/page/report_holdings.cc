#include <algorithm>

#include "page/report_parts.h"
#include "page/size_plot.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kUnpaired = ", unpaired";

// The label of a kept instant: a day, a month or a year.
std::string words_of_instant(const KeptInstant& kept, const Wording& wording) {
  const date::local_days day = local_day(kept.instant, wording.time_zone());
  const date::year_month_day date(day);
  switch (kept.tier) {
    case Tier::newest:
      return wording.instant(kept.instant);
    case Tier::monthly:
      return wording.month(date.year() / date.month());
    case Tier::daily:
    case Tier::yearly:
      return wording.day(day);
  }
  return {};
}

// "2026-03" as a month.
std::string month_words(const std::string& label, const Wording& wording) {
  return wording.month(date::year_month_day(parse_day(label + "-01")).year() /
                       date::year_month_day(parse_day(label + "-01")).month());
}

// The reasons that core/retention gives, in the page's language; days only by their count.
std::string kept_for(const ReportArchive& archive, const Wording& wording) {
  const Texts& texts = wording.texts();
  std::vector<std::string> words;
  uint64_t days = 0, single_days = 0;
  for (std::string reason : archive.reasons) {
    const bool single = reason.ends_with(kUnpaired);
    if (single) reason.erase(reason.size() - kUnpaired.size());
    std::string said;
    if (reason.starts_with("daily ")) {
      ++(single ? single_days : days);
      continue;
    } else if (reason.starts_with("monthly ")) {
      said = wording.say(texts.kept_monthly, month_words(reason.substr(8), wording));
    } else if (reason.starts_with("yearly fiscal year ")) {
      said = wording.say(texts.kept_yearly, reason.substr(19));
    } else if (reason == "in force now") {
      said = texts.kept_in_force.text;
    } else if (reason.starts_with("newest ")) {
      said = texts.kept_newest.text;
    } else if (reason == "held: the last drill proved it") {
      said = texts.kept_drilled.text;
    } else if (reason.starts_with("held: ")) {
      said = wording.say(texts.kept_held, reason.substr(6));
    } else {
      said = reason;
    }
    words.push_back(single ? wording.say(texts.kept_unpaired, said) : said);
  }
  if (days > 0) words.push_back(wording.count(days, texts.kept_daily));
  if (single_days > 0)
    words.push_back(wording.say(texts.kept_unpaired, wording.count(single_days, texts.kept_daily)));
  std::string text;
  for (const std::string& one : words) text += (text.empty() ? "" : ", ") + one;
  return text;
}

std::string_view words_of_tier(Tier tier, const Texts& texts) {
  switch (tier) {
    case Tier::newest:
      return texts.tier_newest.text;
    case Tier::daily:
      return texts.tier_daily.text;
    case Tier::monthly:
      return texts.tier_monthly.text;
    case Tier::yearly:
      return texts.tier_yearly.text;
  }
  return {};
}

void write_tiers(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_table(html, texts.retention.text, {texts.column_tier.text, texts.column_covered.text}, [&] {
    for (const Tier tier : {Tier::newest, Tier::daily, Tier::monthly, Tier::yearly}) {
      uint64_t wanted = 0, covered = 0;
      for (const ReportTier& one : model.tiers) {
        if (one.kept.tier != tier) continue;
        ++wanted;
        if (one.point) ++covered;
      }
      if (wanted == 0) continue;
      html.element("tr", [&] {
        html.element("th", {{"scope", "row"}}, words_of_tier(tier, texts));
        html.element("td", wording.say(texts.covered_of, covered, wanted));
      });
    }
  });
  html.element("details", [&] {
    html.element("summary", texts.instants_detail.text);
    write_table(html, texts.instants_detail.text,
                {texts.column_tier.text, texts.column_instant.text, texts.column_state.text}, [&] {
                  for (const ReportTier& one : model.tiers)
                    html.element("tr", [&] {
                      html.element("td", words_of_tier(one.kept.tier, texts));
                      html.element("th", {{"scope", "row"}}, words_of_instant(one.kept, wording));
                      html.element("td", one.point ? wording.instant(one.point->at)
                                                   : std::string(texts.state_none.text));
                    });
                });
  });
}

void write_archive(Html& html, const ReportArchive& archive, const Wording& wording) {
  const Texts& texts = wording.texts();
  html.element("tr", [&] {
    html.element("th", {{"scope", "row"}}, [&] {
      html.text(wording.half(archive.half)).text(", ").text(wording.instant(archive.taken));
      if (archive.damaged) {
        html.text(" ");
        write_badge(html, "bad", texts.damaged.text);
      }
      html.element("span", {{"class", "digest"}}, [&] {
        html.element("code", archive.key);
        if (archive.sha256.empty())
          html.text(texts.no_manifest.text);
        else
          html.element("code", archive.sha256);
      });
    });
    html.element("td", {{"class", "number"}}, wording.bytes(archive.size));
    html.element("td", kept_for(archive, wording));
  });
}

void write_archives(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  if (model.input.archives.empty()) return;
  uint64_t bytes = 0;
  for (const ReportArchive& archive : model.input.archives) bytes += archive.size;
  html.element("h3", texts.archives.text);
  html.element("details", [&] {
    html.element("summary", wording.count(model.input.archives.size(), texts.archives_count,
                                          wording.bytes(bytes)));
    write_table(html, texts.archives.text,
                {texts.column_archive.text, texts.column_size.text, texts.column_kept.text}, [&] {
                  for (const ReportArchive& archive : model.input.archives)
                    write_archive(html, archive, wording);
                });
  });
}

struct MonthOfSizes {
  uint64_t stored = 0, last = 0;
};

void write_figures(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  for (const auto& [half, sizes] : model.sizes) {
    std::map<date::year_month, MonthOfSizes> months;
    for (const ReportSize& size : sizes) {
      const date::year_month_day date(local_day(size.at, wording.time_zone()));
      MonthOfSizes& month = months[date.year() / date.month()];
      ++month.stored;
      month.last = size.bytes;
    }
    html.element("h3", wording.half(half));
    write_table(html, fmt::format("{}, {}", texts.figures.text, wording.half(half)),
                {texts.column_month.text, texts.column_stored.text, texts.column_last_size.text},
                [&] {
                  for (const auto& [month, figures] : months)
                    html.element("tr", [&] {
                      html.element("th", {{"scope", "row"}}, wording.month(month));
                      html.element("td", {{"class", "number"}}, wording.number(figures.stored));
                      html.element("td", {{"class", "number"}}, wording.bytes(figures.last));
                    });
                });
  }
}

std::string reason_words(const std::string& reason, const Texts& texts) {
  if (reason == "no kept instant needs it") return std::string(texts.reason_not_needed.text);
  if (reason.starts_with("orphan")) return std::string(texts.reason_orphan.text);
  if (reason == "its archive is gone") return std::string(texts.reason_manifest.text);
  if (reason.starts_with("unfinished upload")) return std::string(texts.reason_upload.text);
  return reason;
}

}  // namespace

void write_retention(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "retention", texts.retention, [&] {
    const RetentionPolicy& policy = model.input.retention;
    html.element("p", wording.say(texts.retention_lead, policy.days, policy.months, policy.years,
                                  wording.day_of_year(policy.fiscal_year_end_month,
                                                      policy.fiscal_year_end_day)));
    write_tiers(html, model, wording);
    write_archives(html, model, wording);
  });
}

void write_sizes(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "sizes", texts.sizes, [&] {
    if (model.sizes.empty()) {
      html.element("p", texts.sizes_none.text);
      return;
    }
    html.element("p", texts.sizes_lead.text);
    const Instant from =
        parse_as_of(date::format("%F", model.input.first - date::days(1)), wording.time_zone());
    const Instant to = std::min(
        model.input.now, parse_as_of(date::format("%F", model.input.last), wording.time_zone()));
    html.element("div", {{"class", "plots"}}, [&] {
      for (const auto& [half, sizes] : model.sizes)
        write_size_plot(html, wording, half, sizes, from, to);
    });
    html.element("details", [&] {
      html.element("summary", texts.figures.text);
      write_figures(html, model, wording);
    });
  });
}

void write_pruned(Html& html, const ReportModel& model, const Wording& wording) {
  const Texts& texts = wording.texts();
  write_section(html, "pruned", texts.pruned, [&] {
    if (model.pruned.empty()) {
      html.element("p", texts.pruned_none.text);
      return;
    }
    html.element("p", texts.pruned_lead.text);
    html.element("details", [&] {
      html.element("summary", wording.count(model.pruned.size(), texts.pruned_count));
      write_table(
          html, texts.pruned.text,
          {texts.column_when.text, texts.column_archive.text, texts.column_reason.text}, [&] {
            for (const ReportPruned& pruned : model.pruned)
              html.element("tr", [&] {
                html.element("td", wording.instant(pruned.at));
                html.element("th", {{"scope", "row"}}, [&] { html.element("code", pruned.key); });
                html.element("td", reason_words(pruned.reason, texts));
              });
          });
    });
  });
}

}  // namespace dolibarr_backup
