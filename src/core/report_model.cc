#include "core/report_model.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/report_days.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kItsArchiveGoes = "its archive goes";

bool in_period(const ReportInput& input, Instant at) {
  const date::local_days day = local_day(at, input.time_zone);
  return input.first <= day && day <= input.last;
}

std::map<Half, std::vector<ReportSize>> sizes_of(const ReportInput& input) {
  std::map<Half, std::vector<ReportSize>> sizes;
  for (const RunRecord& record : input.records)
    for (const auto& [half, entry] : record.halves) {
      if (record.kind != RunKind::backup || entry.result != HalfResult::stored) continue;
      std::vector<ReportSize>& series = sizes[half];
      // Of what was before the period only the last counts: where it began from.
      const date::local_days day = local_day(record.started, input.time_zone);
      if (day > input.last) continue;
      if (day < input.first && !series.empty()) series.pop_back();
      series.push_back({record.started, entry.archive->archive.size});
    }
  return sizes;
}

ReportDrill drill_of(const RunRecord& record) {
  ReportDrill drill{.run = record.run,
                    .at = record.started,
                    .result = record.result,
                    .error = record.error,
                    .proofs = drill_proofs(record)};
  const auto point = record.measured.find("point");
  if (point == record.measured.end()) return drill;
  if (const auto at = point->second.find("at"); at != point->second.end())
    drill.point = parse_instant(at->second);
  if (const auto seconds = point->second.find("restore_seconds"); seconds != point->second.end())
    drill.seconds = std::strtod(seconds->second.c_str(), nullptr);
  return drill;
}

std::vector<ReportVersion> versions_of(const ReportInput& input) {
  std::map<std::string, std::vector<ReportVersion>> by_name;
  for (const RunRecord& record : input.records)
    for (const auto& [name, value] : record.versions) {
      std::vector<ReportVersion>& seen = by_name[name];
      if (seen.empty() || seen.back().value != value)
        seen.push_back({name, value, record.started, record.started});
      seen.back().last = record.started;
    }
  std::vector<ReportVersion> all;
  for (auto& [name, seen] : by_name) all.insert(all.end(), seen.begin(), seen.end());
  return all;
}

std::vector<ReportPruned> pruned_of(const ReportInput& input) {
  std::vector<ReportPruned> pruned;
  for (auto record = input.records.rbegin(); record != input.records.rend(); ++record)
    if (in_period(input, record->started))
      for (const PrunedObject& object : record->pruned)
        if (object.reason != kItsArchiveGoes)
          pruned.push_back({record->started, object.key, object.reason});
  return pruned;
}

std::vector<ReportTier> tiers_of(const ReportInput& input, const PointTimeline& timeline) {
  std::vector<ReportTier> tiers;
  for (KeptInstant& kept : kept_instants(input.retention, input.now, input.time_zone)) {
    std::optional<ReportPoint> point = timeline.at(kept.instant).point;
    tiers.push_back({std::move(kept), std::move(point)});
  }
  return tiers;
}

void add_drills(const ReportInput& input, ReportModel& model) {
  ReportCoverage& coverage = model.coverage;
  for (auto found = input.records.rbegin(); found != input.records.rend(); ++found) {
    const RunRecord& record = *found;
    if (record.kind == RunKind::verify && in_period(input, record.started))
      model.verifies.push_back(record);
    if (record.kind != RunKind::drill) continue;
    ReportDrill drill = drill_of(record);
    if (record.result == RunResult::success) {
      if (!coverage.proven) coverage.proven = drill;
    } else if (!coverage.proven && !coverage.refuted) {
      coverage.refuted = drill;
    }
    if (in_period(input, record.started)) model.drills.push_back(std::move(drill));
  }
}

// Other failures are told, but the newest state is there and can be restored.
bool denies_cover(const Finding& finding) {
  switch (finding.kind) {
    case FindingKind::unreadable:
    case FindingKind::never:
    case FindingKind::damaged:
    case FindingKind::stale:
    case FindingKind::incomplete:
    case FindingKind::torn:
    case FindingKind::no_point:
      return true;
    default:
      return false;
  }
}

void add_coverage(const ReportInput& input, const PointTimeline& timeline,
                  const std::vector<ReportDay>& all_days, ReportCoverage& coverage) {
  coverage.newest = timeline.at(input.now).point;
  coverage.confirmed = timeline.newest_good();
  coverage.first = timeline.first_good();
  coverage.fresh = coverage.confirmed && input.now - *coverage.confirmed <= input.max_age;
  coverage.covered =
      coverage.fresh && coverage.newest && coverage.newest->at == *coverage.confirmed &&
      std::none_of(input.status.findings.begin(), input.status.findings.end(), denies_cover);
  for (const Half half : kHalves) coverage.ran[half] = std::nullopt;
  for (const RunRecord& record : input.records)
    for (const auto& [half, entry] : record.halves)
      if (record.kind == RunKind::backup && entry.success()) coverage.ran[half] = record.started;
  for (auto day = all_days.rbegin(); day != all_days.rend(); ++day) {
    if (day->mark == DayMark::pending || day->mark == DayMark::future) continue;
    if (day->mark == DayMark::covered) continue;
    if (day->mark != DayMark::backed_up && day->mark != DayMark::unchanged) break;
    coverage.since = day->day;
  }
}

}  // namespace

ReportModel model_report(ReportInput input) {
  ReportModel model;
  const PointTimeline timeline(input);
  std::vector<ReportDay> all_days = days_of(input, timeline);
  add_coverage(input, timeline, all_days, model.coverage);
  model.gaps = gaps_of(all_days, input.first, input.last);
  for (ReportDay& day : all_days)
    if (input.first <= day.day && day.day <= input.last) model.days.push_back(std::move(day));
  model.sizes = sizes_of(input);
  model.tiers = tiers_of(input, timeline);
  add_drills(input, model);
  model.pruned = pruned_of(input);
  model.versions = versions_of(input);
  model.chain = {
      .records = input.records.size(), .heads = input.heads, .problems = input.chain_problems};
  if (!input.records.empty()) {
    model.chain.first = input.records.front().run;
    model.chain.newest = input.records.back().run;
  }
  input.records.clear();
  model.input = std::move(input);
  return model;
}

// Notes are "NAME: OUTCOME: TEXT", and then "NAME: CULPRIT" for each culprit (app/drill).
std::vector<DrillProof> drill_proofs(const RunRecord& record) {
  static constexpr std::array<std::string_view, 4> kOutcomes = {"proven", "warning", "FAILED",
                                                                "untold"};
  std::vector<DrillProof> proofs;
  for (const std::string& note : record.notes) {
    const size_t colon = note.find(": ");
    if (colon == std::string::npos) continue;
    const std::string name = note.substr(0, colon);
    const std::string rest = note.substr(colon + 2);
    const size_t second = rest.find(": ");
    const std::string word = rest.substr(0, second);
    const bool known = std::any_of(proofs.begin(), proofs.end(),
                                   [&](const DrillProof& proof) { return proof.name == name; });
    if (!known && second != std::string::npos &&
        std::find(kOutcomes.begin(), kOutcomes.end(), word) != kOutcomes.end())
      proofs.push_back({name, word, rest.substr(second + 2), {}});
    else if (!proofs.empty() && proofs.back().name == name)
      proofs.back().culprits.push_back(rest);
  }
  return proofs;
}

}  // namespace dolibarr_backup
