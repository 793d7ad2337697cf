#include "core/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <set>

namespace dolibarr_backup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Instant kNow(seconds(1'782'785'700));  // 2026-06-30T02:15:00Z
constexpr hours kDay{24};

// An environment that is well, to be made ill: daily backups, the last an hour ago, in which
// only the first uploaded; a drill and a verify of yesterday.
class World {
 public:
  explicit World(int days = 3) {
    for (int day = days; day > 0; --day) backup(kNow - day * kDay + hours(23));
    if (days == 0) return;
    RunRecord& drill = run(RunKind::drill, kNow - kDay);
    drill.result = RunResult::success;
    RunRecord& verify = run(RunKind::verify, kNow - kDay);
    verify.result = RunResult::success;
    for (const StatusArchive& archive : facts.archives)
      verify.verified.push_back(archive.stored.key);
    facts.key_location_known = true;
  }

  // Both halves are stored by the first one and unchanged afterwards.
  RunRecord& backup(Instant at) {
    const RunRecord* before = newest_backup();
    RunRecord& record = run(RunKind::backup, at);
    record.result = RunResult::success;
    record.pair = PairJudgement::quiescent;
    for (const Half half : kHalves) {
      if (before && before->halves.contains(half)) {
        record.halves[half] = before->halves.at(half);
        record.halves[half].result = HalfResult::unchanged;
      } else {
        store(record, half, 1000);
      }
    }
    return record;
  }

  void store(RunRecord& record, Half half, uint64_t size) {
    const std::string key = std::string(name_of(half)) + "/" + record.run.text();
    HalfRecord& entry = record.halves[half] = {};
    entry.result = HalfResult::stored;
    entry.archive = ArchiveEntry{{key, size, "sha"}, {}};
    entry.taken = record.run.start();
    facts.archives.push_back({{key, half, record.run.start(), size}, false, "", {Tier::daily}});
  }

  RunRecord& run(RunKind kind, Instant at) {
    const RunId id = RunId::make(at, next_++);
    records_.push_front(
        {.kind = kind, .environment = "prod", .run = id, .started = at, .finished = at});
    return records_.front();
  }

  const RunRecord* newest_backup() const {
    for (const RunRecord& record : records_)
      if (record.kind == RunKind::backup) return &record;
    return nullptr;
  }

  EnvironmentStatus judge() {
    facts.environment = "prod";
    facts.now = kNow;
    facts.records.clear();
    for (const RunRecord& record : records_) facts.records.push_back(&record);
    if (facts.instants.empty())
      for (const RunRecord& record : records_)
        if (record.good_pair() && record.run.start() <= kNow) {
          facts.instants = {{{Tier::newest, kNow, "now"},
                             PairAt{record.run.start(), "db", "docs"},
                             record.run.start()}};
          break;
        }
    std::stable_sort(facts.archives.begin(), facts.archives.end(),
                     [](const StatusArchive& one, const StatusArchive& other) {
                       return one.stored.taken < other.stored.taken;
                     });
    return judge_status(facts);
  }

  StatusFacts facts;
  std::list<RunRecord> records_;  // newest first

 private:
  uint32_t next_ = 1;
};

std::vector<std::string> words(const EnvironmentStatus& status) {
  std::vector<std::string> words;
  for (const Finding& finding : status.findings) {
    std::string word(name_of(finding.kind));
    if (finding.half) word += "/" + std::string(name_of(*finding.half));
    words.push_back(std::move(word));
  }
  return words;
}

std::string text_of(const EnvironmentStatus& status, FindingKind kind) {
  for (const Finding& finding : status.findings)
    if (finding.kind == kind) return finding.text;
  return "";
}

std::string_view verdict(const EnvironmentStatus& status, Half half) {
  return verdict_word(status.halves.at(half).verdict);
}

TEST(Status, AnEnvironmentThatIsWell) {
  World world;
  const EnvironmentStatus status = world.judge();
  EXPECT_THAT(words(status), IsEmpty());
  EXPECT_EQ(verdict_word(status.verdict), "ok");
  const HalfStatus& db = status.halves.at(Half::db);
  EXPECT_EQ(db.last_run, kNow - hours(1));
  EXPECT_EQ(db.last_success, kNow - hours(1)) << "finding it unchanged is a success";
  EXPECT_EQ(db.last_result, HalfResult::unchanged);
  EXPECT_EQ(db.unchanged_since, kNow - 3 * kDay + hours(23));
  EXPECT_EQ(db.newest->stored.taken, kNow - 3 * kDay + hours(23)) << "the last upload, apart";
  EXPECT_EQ(db.newest_verified, kNow - kDay);
  EXPECT_EQ(db.archives, 1u);
  EXPECT_EQ(db.bytes, 1000u);
  EXPECT_EQ(db.archives_by_tier.at(Tier::daily), 1u);
  EXPECT_EQ(status.next_expected, kNow + hours(23));
  EXPECT_EQ(status.last_pair, kNow - hours(1));
  EXPECT_EQ(status.skipped, 2u);
  EXPECT_EQ(status.runs.at(RunKind::drill).last_success->run.start(), kNow - kDay);
}

TEST(Status, NeverBackedUp) {
  World world(0);
  const EnvironmentStatus status = world.judge();
  EXPECT_EQ(verdict_word(status.verdict), "never");
  EXPECT_EQ(verdict(status, Half::db), "never");
  EXPECT_EQ(verdict(status, Half::docs), "never");
  EXPECT_THAT(words(status), ElementsAre("never/db", "never/docs", "never", "no-point", "no-key"));
  EXPECT_THAT(text_of(status, FindingKind::no_key), HasSubstr("key not in the backup"));
}

TEST(Status, AHalfThatNeverWas) {
  World world;
  for (RunRecord& record : world.records_) {
    if (record.kind != RunKind::backup) continue;
    record.pair = PairJudgement::none;
    record.result = RunResult::failed;
    record.halves[Half::docs] = {};
    record.halves[Half::docs].result = HalfResult::failed;
    record.halves[Half::docs].problems = {"'/var/www/documents' is not mounted"};
  }
  std::erase_if(world.facts.archives,
                [](const StatusArchive& one) { return one.stored.half == Half::docs; });
  const EnvironmentStatus status = world.judge();
  EXPECT_EQ(verdict_word(status.verdict), "never");
  EXPECT_EQ(verdict(status, Half::docs), "never");
  EXPECT_EQ(verdict(status, Half::db), "ok") << "the database has its archive of an hour ago";
  EXPECT_THAT(words(status), ElementsAre("never/docs", "no-point", "failed/docs"));
  EXPECT_THAT(text_of(status, FindingKind::failed), HasSubstr("is not mounted"));
}

TEST(Status, ThreeDaysStale) {
  World world;
  for (RunRecord& record : world.records_)
    if (record.run.start() > kNow - 2 * kDay && record.kind == RunKind::backup)
      record.kind = RunKind::prune;
  world.facts.max_age = hours(26);
  EnvironmentStatus status = world.judge();
  EXPECT_EQ(verdict_word(status.verdict), "stale");
  EXPECT_EQ(verdict(status, Half::docs), "stale");
  EXPECT_THAT(words(status), ElementsAre("stale/db", "stale/docs"));
  EXPECT_THAT(text_of(status, FindingKind::stale),
              HasSubstr("the last was at 2026-06-28T01:15:00Z"));
  world.facts.max_age = kDay * 7;
  EXPECT_THAT(words(world.judge()), IsEmpty());
}

TEST(Status, HalvesThatSucceedInTurnsAreNoPair) {
  World world(0);
  world.facts.key_location_known = true;
  for (const Half half : kHalves) {
    RunRecord& record = world.backup(kNow - hours(half == Half::db ? 3 : 2));
    record.pair = PairJudgement::none;
    record.result = RunResult::failed;
    record.halves[half == Half::db ? Half::docs : Half::db].result = HalfResult::failed;
  }
  EXPECT_THAT(words(world.judge()), Contains("no-point"));
  EXPECT_THAT(words(world.judge()), Not(Contains(HasSubstr("stale"))));
}

TEST(Status, ANewestArchiveThatIsDamagedOrGone) {
  World world;
  world.facts.archives.front().damage = "was found damaged";
  EnvironmentStatus status = world.judge();
  EXPECT_EQ(verdict_word(status.verdict), "damaged");
  EXPECT_EQ(verdict(status, Half::db), "damaged");
  EXPECT_EQ(verdict(status, Half::docs), "ok");
  EXPECT_THAT(text_of(status, FindingKind::damaged), HasSubstr("was found damaged"));

  world.facts.archives.erase(world.facts.archives.begin());
  status = world.judge();
  EXPECT_EQ(verdict(status, Half::db), "damaged");
  EXPECT_THAT(text_of(status, FindingKind::damaged), HasSubstr("is not there"));
}

TEST(Status, DamageOfAnEarlierArchiveIsAWarning) {
  World world;
  world.facts.archives.front().damage = "was found damaged";
  RunRecord& newest = world.backup(kNow - minutes(10));
  world.store(newest, Half::db, 1000);
  const EnvironmentStatus status = world.judge();
  EXPECT_THAT(words(status), ElementsAre("damaged-earlier/db"));
  EXPECT_EQ(verdict_word(status.verdict), "ok");
}

TEST(Status, ARecordOfTheFutureIsAFailureAndProvesNothing) {
  World world;
  world.backup(kNow + 300 * kDay);
  world.run(RunKind::drill, kNow + 301 * kDay).result = RunResult::success;
  RunRecord& verify = world.run(RunKind::verify, kNow + 302 * kDay);
  verify.result = RunResult::success;
  for (const StatusArchive& archive : world.facts.archives)
    verify.verified.push_back(archive.stored.key);
  world.facts.prefix = "erp/prod";
  const EnvironmentStatus status = world.judge();
  EXPECT_EQ(verdict_word(status.verdict), "clock");
  EXPECT_THAT(text_of(status, FindingKind::clock),
              HasSubstr("'erp/prod/runs/" + verify.run.text() + ".json'"));
  EXPECT_EQ(status.halves.at(Half::db).last_success, kNow - hours(1));
  EXPECT_EQ(status.halves.at(Half::db).newest_verified, kNow - kDay);
  EXPECT_EQ(status.last_pair, kNow - hours(1));
  EXPECT_EQ(status.runs.at(RunKind::drill).last_success->run.start(), kNow - kDay);
  EXPECT_EQ(status.next_expected, kNow + hours(23));
}

TEST(Status, ARecordOfTheFutureHidesNoStaleBackup) {
  World world;
  world.facts.now = kNow;
  world.facts.max_age = minutes(30);
  world.store(world.backup(kNow + 300 * kDay), Half::db, 1000);
  const EnvironmentStatus status = world.judge();
  EXPECT_THAT(words(status), Contains("stale/db"));
  EXPECT_EQ(status.halves.at(Half::db).newest->stored.taken, kNow - 3 * kDay + hours(23));
}

TEST(Status, AClockThatDiffersALittleIsNoFault) {
  World world;
  world.backup(kNow + kClockTolerance);
  EXPECT_EQ(verdict_word(world.judge().verdict), "ok");
  world.backup(kNow + kClockTolerance + seconds(1));
  EXPECT_EQ(verdict_word(world.judge().verdict), "clock");
}

TEST(Status, ABrokenChain) {
  World world;
  world.facts.chain_breaks = {"erp/prod/runs/x.json is gone, though a later record refers to it"};
  const EnvironmentStatus status = world.judge();
  EXPECT_EQ(verdict_word(status.verdict), "broken-chain");
  EXPECT_EQ(verdict(status, Half::db), "ok") << "it is of the environment";
}

TEST(Status, TornIsTheFaultOfBothHalves) {
  World world;
  RunRecord& newest = world.backup(kNow - minutes(10));
  newest.pair = PairJudgement::torn;
  newest.result = RunResult::torn;
  newest.error = "stored as torn: the documents changed";
  const EnvironmentStatus status = world.judge();
  EXPECT_THAT(words(status), ElementsAre("torn"));
  EXPECT_EQ(verdict(status, Half::db), "torn");
  EXPECT_EQ(status.halves.at(Half::db).last_success, kNow - hours(1)) << "torn is no success";
}

TEST(Status, IncompleteNamesWhatIsMissing) {
  World world;
  RunRecord& newest = world.backup(kNow - minutes(10));
  newest.result = RunResult::incomplete;
  newest.halves[Half::docs].result = HalfResult::incomplete;
  newest.halves[Half::docs].problems = {"unreadable: facture/FA1.pdf", "unreadable: b"};
  newest.halves[Half::docs].problems_omitted = 5;
  const EnvironmentStatus status = world.judge();
  EXPECT_EQ(verdict(status, Half::docs), "incomplete");
  EXPECT_EQ(verdict(status, Half::db), "ok");
  EXPECT_THAT(text_of(status, FindingKind::incomplete), HasSubstr("7 problem(s): unreadable: fac"));
}

TEST(Status, ARunThatWasRefusedIsSaidThoughTheLastSuccessIsFresh) {
  World world;
  RunRecord& refused = world.run(RunKind::backup, kNow - minutes(10));
  refused.result = RunResult::refused;
  refused.error = "identity: another Dolibarr";
  const EnvironmentStatus status = world.judge();
  EXPECT_THAT(words(status), ElementsAre("failed"));
  EXPECT_THAT(text_of(status, FindingKind::failed), HasSubstr("refused: identity"));
  EXPECT_EQ(status.halves.at(Half::db).last_run, kNow - minutes(10));
  EXPECT_EQ(status.halves.at(Half::db).last_success, kNow - hours(1));
}

TEST(Status, ADumpThatIsSuddenlyTenTimesSmallerIsAnAlarm) {
  for (const auto& [size, word] : {std::pair<uint64_t, std::string>(100, "collapsed/db"),
                                   {101, "shrunk/db"},
                                   {499, "shrunk/db"},
                                   {500, ""},
                                   {5000, ""}}) {
    World world;
    world.store(world.backup(kNow - minutes(10)), Half::db, size);
    const EnvironmentStatus status = world.judge();
    if (word.empty())
      EXPECT_THAT(words(status), IsEmpty()) << size;
    else
      EXPECT_THAT(words(status), ElementsAre(word)) << size;
    EXPECT_EQ(status.verdict.has_value(), word == "collapsed/db");
  }
}

TEST(Status, ACollapseIsForgottenAfterAMonth) {
  World world(0);
  world.store(world.backup(kNow - 40 * kDay), Half::db, 1000);
  world.store(world.backup(kNow - hours(1)), Half::db, 10);
  EXPECT_THAT(words(world.judge()), Not(Contains("collapsed/db")));
  EXPECT_EQ(world.judge().halves.at(Half::db).growth_bytes, -990);
}

// Only the newest records are read: of the others nothing is said.
TEST(Status, AProofBeforeTheRecordsThatWereReadIsNotDenied) {
  World world(0);
  world.backup(kNow - hours(25));
  world.backup(kNow - hours(1));
  const auto overdue = [&] {
    for (const Finding& finding : world.judge().findings)
      if (finding.kind == FindingKind::drill_overdue) return finding.text;
    return std::string();
  };
  EXPECT_EQ(overdue(), "no drill has succeeded yet");
  world.facts.earlier_records = true;
  EXPECT_EQ(overdue(), "no drill has succeeded since 2026-06-29T01:15:00Z");
}

TEST(Status, DrillsAndVerifies) {
  World world;
  world.facts.proof_max_age = hours(23);
  EXPECT_THAT(words(world.judge()), ElementsAre("drill-overdue", "verify-overdue"));
  world.facts.proof_max_age = kDay * 35;

  RunRecord& stopped = world.run(RunKind::drill, kNow - hours(2));
  stopped.result = RunResult::interrupted;
  EXPECT_THAT(words(world.judge()), IsEmpty()) << "an interrupted drill proves nothing";
  RunRecord& drill = world.run(RunKind::drill, kNow - hours(1));
  drill.error = "legal log: a row is gone";
  RunRecord& verify = world.run(RunKind::verify, kNow - hours(1));
  verify.error = "findings in the backups of prod";
  EnvironmentStatus status = world.judge();
  EXPECT_THAT(words(status), ElementsAre("unproven", "verify-failed"));
  EXPECT_THAT(text_of(status, FindingKind::unproven), HasSubstr("a row is gone"));
  EXPECT_EQ(status.runs.at(RunKind::drill).last_success->run.start(), kNow - kDay);

  // A quick verify that succeeds reads nothing.
  std::erase_if(world.records_, [](const RunRecord& one) { return one.kind == RunKind::verify; });
  world.run(RunKind::verify, kNow - minutes(1)).result = RunResult::success;
  EXPECT_THAT(words(world.judge()), ElementsAre("unproven", "verify-overdue"));
}

// ---- coverage --------------------------------------------------------------------------

InstantFact instant(int days_ago, std::optional<hours> pair_before,
                    std::optional<hours> recorded_before) {
  const Instant at = kNow - days_ago * kDay;
  InstantFact fact{{Tier::daily, at, "day " + std::to_string(days_ago)}, {}, {}};
  if (pair_before) fact.pair = PairAt{at - *pair_before, "db", "docs"};
  if (recorded_before) fact.recorded = at - *recorded_before;
  return fact;
}

TEST(Status, CoverageSaysWhichKeptInstantsAreNotWhatTheyShouldBe) {
  World world;
  world.facts.instants = {
      {{Tier::newest, kNow, "now"}, PairAt{kNow - hours(1), "db", "docs"}, kNow - hours(1)},
      instant(1, hours(5), hours(5)),     // well
      instant(2, hours(50), hours(2)),    // what was recorded is gone: an older one
      instant(3, std::nullopt, hours(2))  // ... nothing
  };
  world.facts.instants.push_back(instant(0, hours(27), hours(27)));  // no run for 27 hours
  world.facts.instants.push_back(instant(9, std::nullopt, std::nullopt));
  const EnvironmentStatus status = world.judge();
  EXPECT_EQ(status.kept_instants, 5u) << "now is not one of them";
  std::vector<std::string> gaps;
  for (const CoverageGap& gap : status.gaps)
    gaps.push_back(gap.kept.label + ": " + std::string(name_of(gap.reason)));
  EXPECT_THAT(gaps, ElementsAre("day 2: lost", "day 3: lost", "day 0: missed",
                                "day 9: before the first backup"));
  EXPECT_EQ(status.gaps.at(0).pair, kNow - 2 * kDay - hours(50));
  EXPECT_THAT(words(status), ElementsAre("gap"));
  EXPECT_THAT(text_of(status, FindingKind::gap), HasSubstr("3 of 5 kept instants"));
  EXPECT_EQ(verdict_word(status.verdict), "ok") << "what is past cannot be mended";
}

TEST(Status, WhatTheEarlierScriptTookCoversAnInstant) {
  World world;
  for (const Half half : kHalves)
    world.facts.archives.push_back(
        {{std::string(name_of(half)) + "/old", half, kNow - 9 * kDay, 1}, true, "", {}});
  world.facts.instants = {
      {{Tier::newest, kNow, "now"}, PairAt{kNow - hours(1), "db", "docs"}, kNow - hours(1)},
      instant(8, std::nullopt, std::nullopt)};
  EXPECT_THAT(world.judge().gaps, IsEmpty());
}

TEST(Status, OnlyTheEarlierScriptRanSoFar) {
  World world(0);
  world.facts.key_location_known = true;
  for (const Half half : kHalves)
    world.facts.archives.push_back(
        {{std::string(name_of(half)) + "/old", half, kNow - hours(2), 1}, true, "", {}});
  const EnvironmentStatus status = world.judge();
  EXPECT_EQ(status.halves.at(Half::db).last_success, kNow - hours(2));
  EXPECT_THAT(words(status), ElementsAre("never", "no-point")) << "it recorded nothing";
}

// ---- what lies around ------------------------------------------------------------------

TEST(Status, SurroundingsAreSaid) {
  World world;
  world.facts.on_this_machine = true;
  world.facts.key_location_known = false;
  world.facts.orphans = 2;
  world.facts.foreign = 1;
  world.facts.not_ours = 3;
  world.facts.uploads = 1;
  world.facts.oldest_upload = kNow - kDay;
  world.facts.prune_refusals = {"prune: refused, too many"};
  EnvironmentStatus status = world.judge();
  EXPECT_THAT(words(status), ElementsAre("prune-refused", "two-tools", "not-off-site", "no-key",
                                         "orphans", "uploads", "not-ours"));
  EXPECT_EQ(verdict_word(status.verdict), "ok");
  world.facts.broken_restore = "a restore is at work or was broken off";
  status = world.judge();
  EXPECT_EQ(verdict_word(status.verdict), "broken-restore");
}

TEST(Status, EveryKindHasAWordOfItsOwnAndFailuresComeFirst) {
  std::set<std::string_view> seen;
  Severity before = Severity::failure;
  for (const FindingKind kind : finding_kinds()) {
    EXPECT_TRUE(seen.insert(name_of(kind)).second) << name_of(kind);
    EXPECT_LE(severity_of(kind), before) << name_of(kind);
    before = severity_of(kind);
  }
  EXPECT_EQ(finding_kinds().front(), FindingKind::unreadable);
}

TEST(Status, TheWorstEnvironmentDecides) {
  EXPECT_EQ(verdict_word(worst_verdict({})), "ok");
  World well, never(0);
  EXPECT_EQ(verdict_word(worst_verdict({well.judge(), never.judge()})), "never");
  EXPECT_EQ(verdict_word(worst_verdict(
                {never.judge(), unreadable_status("x", "erp/x", kNow, "no"), well.judge()})),
            "unreadable");
}

}  // namespace
}  // namespace dolibarr_backup
