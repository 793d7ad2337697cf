#include "core/report_days.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using date::local_days;

ReportDay empty_day(local_days day, local_days today, std::optional<local_days> first_run) {
  ReportDay empty{.day = day};
  if (day > today)
    empty.mark = DayMark::future;
  else if (!first_run || day < *first_run)
    empty.mark = DayMark::before;
  else
    empty.mark = day == today ? DayMark::pending : DayMark::missing;
  return empty;
}

void add_backup(const RunRecord& record, ReportDay& day) {
  ++day.runs;
  const bool good = record.good_pair();
  const bool had_good = day.mark == DayMark::backed_up || day.mark == DayMark::unchanged;
  // A later failure does not undo what the day already has.
  if (had_good && !good) return;
  const bool stored = std::any_of(record.halves.begin(), record.halves.end(), [](const auto& half) {
    return half.second.result == HalfResult::stored;
  });
  if (!good)
    day.mark = DayMark::failed;
  else if (day.mark != DayMark::backed_up)
    day.mark = stored ? DayMark::backed_up : DayMark::unchanged;
  for (const auto& [half, entry] : record.halves)
    if (!had_good || entry.result == HalfResult::stored) day.halves[half] = entry.result;
  day.result = record.result;
  day.error = record.error;
}

}  // namespace

PointTimeline::PointTimeline(const ReportInput& input) {
  std::set<std::string> restorable;
  for (const ReportArchive& archive : input.archives)
    if (archive.restorable) restorable.insert(archive.key);
  std::optional<size_t> there;
  for (const RunRecord& record : input.records) {
    if (!record.good_pair()) continue;
    const std::string& db = record.halves.at(Half::db).archive->archive.key;
    const std::string& docs = record.halves.at(Half::docs).archive->archive.key;
    if (restorable.contains(db) && restorable.contains(docs)) there = good_.size();
    good_.push_back({{record.run.start(), record.run, db, docs}, there});
  }
}

PointTimeline::At PointTimeline::at(Instant instant) const {
  const auto after = std::partition_point(
      good_.begin(), good_.end(), [&](const Good& good) { return good.point.at <= instant; });
  if (after == good_.begin()) return {};
  const auto newest = static_cast<size_t>(after - good_.begin()) - 1;
  const std::optional<size_t> there = good_[newest].there;
  const Instant made = good_[newest].point.at;
  if (!there) return {std::nullopt, true, made};
  return {good_[*there].point, *there != newest, made};
}

std::optional<Instant> PointTimeline::first_good() const {
  return good_.empty() ? std::nullopt : std::optional(good_.front().point.at);
}

std::optional<Instant> PointTimeline::newest_good() const {
  return good_.empty() ? std::nullopt : std::optional(good_.back().point.at);
}

std::vector<ReportDay> days_of(const ReportInput& input, const PointTimeline& timeline) {
  const local_days today = local_day(input.now, input.time_zone);
  std::optional<local_days> first_run;
  for (const RunRecord& record : input.records)
    if (record.kind == RunKind::backup) {
      first_run = local_day(record.started, input.time_zone);
      break;
    }
  const local_days begin = std::min(input.first, first_run.value_or(input.first));
  const local_days end = std::max(input.last, today);
  std::vector<ReportDay> days;
  for (local_days day = begin; day <= end; day += date::days(1))
    days.push_back(empty_day(day, today, first_run));
  for (const RunRecord& record : input.records) {
    const local_days day = local_day(record.started, input.time_zone);
    if (day < begin || day > end) continue;
    ReportDay& entry = days[static_cast<size_t>((day - begin).count())];
    if (record.kind == RunKind::backup) add_backup(record, entry);
    if (record.kind != RunKind::drill) continue;
    (record.result == RunResult::success ? entry.drilled : entry.drill_failed) = true;
  }
  for (ReportDay& day : days) {
    if (day.mark == DayMark::future) continue;
    const Instant day_end = parse_as_of(date::format("%F", day.day), input.time_zone);
    const PointTimeline::At at = timeline.at(std::min(day_end, input.now));
    day.point = at.point;
    day.thinned = at.thinned;
    // As for a kept instant (core/status): runs a day apart may leave out a local day.
    if (day.mark == DayMark::missing && at.made && day_end - *at.made <= input.max_age)
      day.mark = DayMark::covered;
  }
  return days;
}

std::vector<ReportGap> gaps_of(const std::vector<ReportDay>& days, local_days first,
                               local_days last) {
  std::vector<ReportGap> gaps;
  for (const ReportDay& day : days) {
    if (day.mark != DayMark::missing && day.mark != DayMark::failed) continue;
    if (gaps.empty() || gaps.back().last + date::days(1) != day.day)
      gaps.push_back({day.day, day.day, {}});
    ReportGap& gap = gaps.back();
    gap.last = day.day;
    const ReportGap::Reason reason{day.mark, day.result, day.error};
    if (std::find(gap.reasons.begin(), gap.reasons.end(), reason) == gap.reasons.end())
      gap.reasons.push_back(reason);
  }
  std::erase_if(gaps, [&](const ReportGap& gap) { return gap.last < first || gap.first > last; });
  return gaps;
}

std::string_view name_of(DayMark mark) {
  switch (mark) {
    case DayMark::before:
      return "before";
    case DayMark::backed_up:
      return "backed_up";
    case DayMark::unchanged:
      return "unchanged";
    case DayMark::failed:
      return "failed";
    case DayMark::covered:
      return "covered";
    case DayMark::missing:
      return "missing";
    case DayMark::pending:
      return "pending";
    case DayMark::future:
      return "future";
  }
  throw Error(Errc::bug, "a day's mark without a name");
}

local_days parse_day(const std::string& text) {
  std::istringstream in(text);
  local_days day;
  // date::parse() takes short fields as well.
  if ((in >> date::parse("%F", day)) && date::format("%F", day) == text) return day;
  throw Error(Errc::usage, "'" + text + "' is no date").with_hint("write it as 2026-03-31");
}

}  // namespace dolibarr_backup
