#include "core/report_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "page/simulated_year.h"

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

date::local_days day(int year, unsigned month, unsigned day_of_month) {
  return date::local_days(date::year(year) / date::month(month) / date::day(day_of_month));
}

ReportDay on(const ReportModel& model, date::local_days wanted) {
  for (const ReportDay& one : model.days)
    if (one.day == wanted) return one;
  throw Error(Errc::usage, "the day is not in the period");
}

TEST(ReportModel, SaysOfEachDayWhatBecameOfIt) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).good(false, false).good(true, false).none();
  runs.bad(RunResult::failed, "no connection").good(false, true);
  const ReportModel model = model_report(runs.input());
  std::vector<DayMark> marks;
  for (date::local_days one = day(2026, 3, 1); one <= day(2026, 3, 7); one += date::days(1))
    marks.push_back(on(model, one).mark);
  EXPECT_THAT(marks, ElementsAre(DayMark::before, DayMark::backed_up, DayMark::unchanged,
                                 DayMark::backed_up, DayMark::missing, DayMark::failed,
                                 DayMark::backed_up));
  EXPECT_EQ(on(model, day(2026, 3, 4)).halves.at(Half::docs), HalfResult::unchanged);
  EXPECT_EQ(on(model, day(2026, 3, 6)).error, "no connection");
}

TEST(ReportModel, ADayIsOneOfTheTimeZone) {
  SimulatedRuns runs(day(2026, 3, 2));
  ReportInput input = runs.good(true, true).input();
  input.time_zone = "America/New_York";  // 02:15 UTC is the evening before
  EXPECT_EQ(on(model_report(input), day(2026, 3, 1)).mark, DayMark::backed_up);
  input.time_zone = "Mars/Olympus";
  EXPECT_THROW(model_report(input), Error);
}

TEST(ReportModel, ALaterFailureDoesNotUndoADay) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).good(true, true);
  ReportInput input = runs.input();
  RunRecord late = input.records.back();
  late.result = RunResult::failed;
  late.error = "too late";
  late.pair = PairJudgement::none;
  late.started += std::chrono::minutes(10);
  input.records.push_back(late);
  const ReportDay last = model_report(input).days.back();
  EXPECT_EQ(last.mark, DayMark::backed_up);
  EXPECT_EQ(last.runs, 2u);
  EXPECT_EQ(last.error, "");
}

TEST(ReportModel, NamesTheStateThatCanBeRestoredForADay) {
  SimulatedRuns runs(day(2025, 11, 1));
  for (int i = 0; i < 240; ++i) runs.good(true, true);
  const ReportModel model = model_report(runs.input());
  // The end of a month is kept for a year: the very state of that day.
  const ReportDay march = on(model, day(2026, 3, 31));
  ASSERT_TRUE(march.point);
  EXPECT_EQ(format_instant(march.point->at), "2026-03-31T02:15:00Z");
  EXPECT_FALSE(march.thinned);
  // In mid-month the nearest earlier state that was kept.
  const ReportDay middle = on(model, day(2026, 3, 17));
  ASSERT_TRUE(middle.point);
  EXPECT_EQ(format_instant(middle.point->at), "2026-02-28T02:15:00Z");
  EXPECT_TRUE(middle.thinned);
  // Before the first kept one there is none, though there was a backup.
  EXPECT_FALSE(on(model, day(2025, 11, 5)).point);
  EXPECT_TRUE(on(model, day(2025, 11, 5)).thinned);
}

TEST(ReportModel, AnUnchangedDayIsRestoredFromTheArchiveBefore) {
  SimulatedRuns runs(day(2026, 3, 2));
  const ReportModel model = model_report(runs.good(true, true).good(false, false).input());
  const ReportDay quiet = on(model, day(2026, 3, 3));
  ASSERT_TRUE(quiet.point);
  EXPECT_EQ(format_instant(quiet.point->at), "2026-03-03T02:15:00Z");
  EXPECT_FALSE(quiet.thinned);
}

TEST(ReportModel, CoveredMeansFreshAndRestorable) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).good(true, true).good(true, false);
  ReportCoverage coverage = model_report(runs.input()).coverage;
  EXPECT_TRUE(coverage.covered);
  EXPECT_EQ(coverage.since, day(2026, 3, 2));
  ReportInput stale = runs.input();
  stale.now += std::chrono::hours(27);
  EXPECT_FALSE(model_report(stale).coverage.covered);
  EXPECT_FALSE(model_report(stale).coverage.fresh);
  ReportInput judged = runs.input();
  judged.status.findings = {{FindingKind::torn, std::nullopt, "torn"}};
  EXPECT_FALSE(model_report(judged).coverage.covered);
  judged.status.findings = {{FindingKind::no_key, std::nullopt, "no key"}};
  EXPECT_TRUE(model_report(judged).coverage.covered);
}

TEST(ReportModel, ADamagedNewestArchiveIsNoCover) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).good(true, false);
  runs.damage(runs.newest(Half::db));
  const ReportCoverage coverage = model_report(runs.input()).coverage;
  EXPECT_TRUE(coverage.fresh);
  EXPECT_FALSE(coverage.covered);
  ASSERT_TRUE(coverage.newest);
  EXPECT_EQ(format_instant(coverage.newest->at), "2026-03-02T02:15:00Z");
}

TEST(ReportModel, NeverBackedUpIsToldAsSuch) {
  SimulatedRuns runs(day(2026, 3, 2));
  const ReportModel model = model_report(runs.none().input());
  EXPECT_FALSE(model.coverage.covered);
  EXPECT_FALSE(model.coverage.first);
  EXPECT_FALSE(model.coverage.since);
  EXPECT_THAT(model.gaps, IsEmpty());
  for (const ReportDay& one : model.days) EXPECT_EQ(one.mark, DayMark::before);
}

TEST(ReportModel, AHalfThatNeverWasIsNamed) {
  SimulatedRuns runs(day(2026, 3, 2));
  const ReportModel model = model_report(runs.database_only().database_only().input());
  EXPECT_TRUE(model.coverage.ran.at(Half::db));
  EXPECT_FALSE(model.coverage.ran.at(Half::docs));
  EXPECT_FALSE(model.coverage.newest);
  EXPECT_EQ(model.days.back().mark, DayMark::failed);
}

TEST(ReportModel, GapsAreDaysInARowWithTheirReasons) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).none().none().bad(RunResult::refused, "another instance");
  runs.good(true, true).none().good(true, true);
  const ReportModel model = model_report(runs.input());
  ASSERT_EQ(model.gaps.size(), 2u);
  EXPECT_EQ(model.gaps[0].first, day(2026, 3, 3));
  EXPECT_EQ(model.gaps[0].last, day(2026, 3, 5));
  EXPECT_THAT(
      model.gaps[0].reasons,
      ElementsAre(ReportGap::Reason{DayMark::missing, std::nullopt, ""},
                  ReportGap::Reason{DayMark::failed, RunResult::refused, "another instance"}));
  EXPECT_EQ(model.coverage.since, day(2026, 3, 8));
}

TEST(ReportModel, ADayThatRunsADayApartLeaveOutIsNoGap) {
  // At 22:30 UTC: 23:30 in Paris, and 00:30 once it has summer time, on 2026-03-29.
  SimulatedRuns runs(day(2026, 3, 26));
  for (int i = 0; i < 6; ++i) runs.good(true, true);
  ReportInput input = runs.input();
  for (RunRecord& record : input.records) {
    record.started += std::chrono::minutes(20 * 60 + 15);
    record.run = RunId::make(record.started, 7);
  }
  input.now += std::chrono::hours(21);
  input.last = local_day(input.now, input.time_zone);
  const ReportModel model = model_report(input);
  EXPECT_EQ(on(model, day(2026, 3, 28)).mark, DayMark::backed_up);
  EXPECT_EQ(on(model, day(2026, 3, 29)).mark, DayMark::covered);
  EXPECT_EQ(on(model, day(2026, 3, 30)).mark, DayMark::backed_up);
  EXPECT_THAT(model.gaps, IsEmpty());
  EXPECT_EQ(model.coverage.since, day(2026, 3, 26));
  input.max_age = std::chrono::hours(24);  // 29 March ended 23.5 hours after
  EXPECT_THAT(model_report(input).gaps, IsEmpty());
  input.max_age = std::chrono::hours(23);
  EXPECT_EQ(model_report(input).gaps.size(), 1u);
}

TEST(ReportModel, TodayWithoutARunIsNoGapYet) {
  SimulatedRuns runs(day(2026, 3, 2));
  ReportInput input = runs.good(true, true).input();
  input.now += std::chrono::hours(22);  // past midnight, before the next run
  input.last += date::days(1);
  const ReportModel model = model_report(input);
  EXPECT_EQ(model.days.back().mark, DayMark::pending);
  EXPECT_THAT(model.gaps, IsEmpty());
  EXPECT_TRUE(model.coverage.covered);
  EXPECT_EQ(model.coverage.since, day(2026, 3, 2));
}

TEST(ReportModel, SizesBeginWithWhatWasInForceBefore) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).good(true, false).good(true, false).good(true, false);
  ReportInput input = runs.input();
  input.first = day(2026, 3, 4);
  const ReportModel model = model_report(input);
  ASSERT_EQ(model.sizes.at(Half::db).size(), 3u);
  EXPECT_EQ(format_instant(model.sizes.at(Half::db).front().at), "2026-03-03T02:15:00Z");
  ASSERT_EQ(model.sizes.at(Half::docs).size(), 1u);
  EXPECT_EQ(format_instant(model.sizes.at(Half::docs).front().at), "2026-03-02T02:15:00Z");
}

TEST(ReportModel, TheNewestDrillDecidesWhetherARestoreIsProven) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).drill(true).good(true, true);
  EXPECT_TRUE(model_report(runs.input()).coverage.proven);
  EXPECT_FALSE(model_report(runs.input()).coverage.refuted);
  const ReportModel model = model_report(runs.drill(false).input());
  EXPECT_TRUE(model.coverage.proven);
  ASSERT_TRUE(model.coverage.refuted);
  ASSERT_EQ(model.drills.size(), 2u);
  EXPECT_EQ(model.drills.front().seconds, 125.4);
  EXPECT_TRUE(on(model, day(2026, 3, 3)).drill_failed);
  EXPECT_TRUE(on(model, day(2026, 3, 2)).drilled);
}

TEST(ReportModel, ReadsTheProofsOfADrillFromItsNotes) {
  RunRecord record{.run = RunId::make(Instant{}, 1)};
  record.notes = {"database: proven: 3 tables: all", "legal log: FAILED: 1 KO",
                  "legal log: row 417: KO", "a note", "key: untold: not tried"};
  EXPECT_THAT(drill_proofs(record),
              ElementsAre(DrillProof{"database", "proven", "3 tables: all", {}},
                          DrillProof{"legal log", "FAILED", "1 KO", {"row 417: KO"}},
                          DrillProof{"key", "untold", "not tried", {}}));
}

TEST(ReportModel, ListsVersionsWithTheTimeTheyWereSeen) {
  SimulatedRuns runs(day(2026, 3, 2));
  ReportInput input = runs.good(true, true).good(true, true).good(true, true).input();
  input.records[2].versions["dolibarr"] = "21.0.0";
  std::vector<std::string> seen;
  for (const ReportVersion& version : model_report(input).versions)
    if (version.name == "dolibarr") seen.push_back(version.value + format_instant(version.last));
  EXPECT_THAT(seen, ElementsAre("20.0.22026-03-03T02:15:00Z", "21.0.02026-03-04T02:15:00Z"));
}

TEST(ReportModel, CountsRemovedArchivesWithoutTheirManifests) {
  SimulatedRuns runs(day(2026, 1, 1));
  const ReportModel model = model_report(runs.company(60).input());
  ASSERT_FALSE(model.pruned.empty());
  for (const ReportPruned& pruned : model.pruned)
    EXPECT_EQ(pruned.reason, "no kept instant needs it");
}

TEST(ReportModel, ReadsDatesStrictly) {
  EXPECT_EQ(parse_day("2026-03-31"), day(2026, 3, 31));
  for (const char* wrong : {"", "2026-3-31", "2026-02-30", "31/03/2026", "2026-03-31T00:00:00Z"})
    EXPECT_THROW(parse_day(wrong), Error) << wrong;
}

}  // namespace
}  // namespace dolibarr_backup
