// Years of simulated runs: what retention drops is never missed (docs/format.md,
// "Retention"). Two worlds live side by side: one is pruned after each run, in the
// other nothing ever goes, and both must answer alike.
#include <date/tz.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <unordered_set>

#include "core/half_decision.h"
#include "core/object_keys.h"
#include "core/prune_plan.h"
#include "core/retention.h"

namespace dolibarr_backup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

struct Scenario {
  std::string name;
  std::string zone = "UTC";
  RetentionPolicy policy;
  double db_changes = 1, docs_changes = 1;  ///< chance that a half changes within a day
  double missed = 0;                        ///< chance that a day has no run
  double trouble = 0;                       ///< chance that a run fails in some way
  double held = 0;                          ///< chance that some archive is held after a run
  unsigned seed = 1;
};

std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  return out << scenario.name;
}

/// A record, as far as restoring goes.
struct Run {
  Instant at;
  std::optional<PairAt> good;
};

class Simulation {
 public:
  explicit Simulation(Scenario scenario, Instant start)
      : scenario_(std::move(scenario)), now_(start), random_(scenario_.seed) {}

  /// One day of the company's life, with its run, if it is not missed.
  void live_a_day() {
    const Instant day = date::floor<date::days>(now_) + days(1);
    for (const Half half : kHalves)
      if (chance(half == Half::db ? scenario_.db_changes : scenario_.docs_changes))
        ++state(half).content;
    // A server that is off for a while, now and then.
    if (scenario_.missed > 0 && away_days_ == 0 && chance(1.0 / 1000))
      away_days_ = between(10, 200);
    now_ = day + hours(2) + minutes(15 + between(0, 40));
    if (away_days_ > 0) {
      --away_days_;
    } else if (!chance(scenario_.missed)) {
      run_and_prune();
      if (scenario_.trouble > 0 && chance(0.1)) {
        now_ += hours(between(1, 18));
        run_and_prune();
      }
    }
  }

  /// All that must hold at any time.
  void check() const {
    for (const Instant instant : required_instants()) {
      const std::optional<PairAt> wanted = pair_at(instant, false);
      ASSERT_EQ(pair_at(instant, true), wanted) << "as of " << format_instant(instant);
      if (!wanted) continue;
      ASSERT_FALSE(dropped_.contains(*wanted->db)) << *wanted->db;
      ASSERT_FALSE(dropped_.contains(*wanted->docs)) << *wanted->docs;
    }
    for (const HalfState& state : states_)
      ASSERT_TRUE(state.newest.empty() || present_.contains(state.newest)) << state.newest;
    for (const auto& [key, why] : held_) ASSERT_TRUE(present_.contains(key)) << key;
    check_decision();
  }

  /// How many archives of a half a kept instant needs.
  size_t kept_by_instants(Half half) const { return kept_by_instants(decide(), half); }

  size_t stored(Half half) const {
    return static_cast<size_t>(
        std::count_if(stored_.begin(), stored_.end(),
                      [&](const StoredArchive& archive) { return archive.half == half; }));
  }
  Instant now() const { return now_; }
  size_t made() const { return made_; }
  size_t dropped() const { return dropped_.size(); }
  size_t runs() const { return runs_.size(); }
  size_t refused_prunes() const { return refused_prunes_; }

 private:
  struct HalfState {
    int content = 0;  ///< grows with each change
    std::string newest;
    struct Success {
      std::string key;
      PreviousCapture capture;
    };
    std::optional<Success> success;
  };

  enum class Trouble { none, everything, db, docs, incomplete, torn };

  bool chance(double probability) {
    return std::uniform_real_distribution<>(0, 1)(random_) < probability;
  }
  int between(int least, int greatest) {
    return std::uniform_int_distribution<>(least, greatest)(random_);
  }
  HalfState& state(Half half) { return states_.at(static_cast<size_t>(half)); }
  const HalfState& state(Half half) const { return states_.at(static_cast<size_t>(half)); }

  void run_and_prune() {
    const Trouble trouble =
        chance(scenario_.trouble) ? static_cast<Trouble>(between(1, 5)) : Trouble::none;
    runs_.push_back({now_, trouble == Trouble::everything ? std::nullopt : capture(trouble)});
    now_ += minutes(20);
    if (chance(scenario_.held) && !stored_.empty())
      held_[stored_[static_cast<size_t>(between(0, static_cast<int>(stored_.size()) - 1))].key] =
          "audit";
    prune();
  }

  // The pair that the run's record names, if it is a good one.
  std::optional<PairAt> capture(Trouble trouble) {
    const RunId run = RunId::make(now_, static_cast<uint32_t>(random_()));
    std::array<bool, 2> take{};
    for (const Half half : kHalves) take[static_cast<size_t>(half)] = must_take(half);
    // A pair moves only while something is uploaded; then both are taken anew.
    const bool torn = trouble == Trouble::torn && (take[0] || take[1]);
    bool good = !torn;
    for (const Half half : kHalves) {
      const bool fails = trouble == (half == Half::db ? Trouble::db : Trouble::docs);
      const bool incomplete = trouble == Trouble::incomplete && half == Half::docs;
      if (fails || incomplete) good = false;
      if (fails || !(take[static_cast<size_t>(half)] || torn || incomplete)) continue;
      const std::string key = store(run, half);
      if (!torn && !incomplete) state(half).success = {key, {fingerprint_of(half), run.start()}};
    }
    if (!good) return std::nullopt;
    return PairAt{now_, state(Half::db).success->key, state(Half::docs).success->key};
  }

  Fingerprint fingerprint_of(Half half) const {
    return {"exact-1", "", std::to_string(state(half).content)};
  }

  bool must_take(Half half) const {
    const auto& success = state(half).success;
    const bool intact = success && present_.contains(success->key);
    return decide_half(intact ? std::optional(success->capture) : std::nullopt,
                       fingerprint_of(half), now_, 30)
        .take;
  }

  std::string store(const RunId& run, Half half) {
    const std::string key = keys_.archive(run, half);
    stored_.push_back({key, half, run.start(), 1000});
    present_.insert(key);
    state(half).newest = key;
    ++made_;
    return key;
  }

  // What a reader of the bucket finds; `pruned`: of this one, else of the one where
  // nothing went.
  std::optional<PairAt> pair_at(Instant instant, bool pruned) const {
    auto run = std::partition_point(runs_.begin(), runs_.end(),
                                    [&](const Run& one) { return one.at <= instant; });
    while (run != runs_.begin()) {
      --run;
      if (!run->good) continue;
      if (!pruned || (present_.contains(*run->good->db) && present_.contains(*run->good->docs)))
        return run->good;
    }
    return std::nullopt;
  }

  Retention decide() const {
    RetentionInput input{.archives = stored_, .holds = held_};
    for (KeptInstant& kept : kept_instants(scenario_.policy, now_, scenario_.zone)) {
      const std::optional<PairAt> pair = pair_at(kept.instant, true);
      input.kept.emplace_back(std::move(kept), pair);
    }
    return decide_retention(input);
  }

  PrunePlan plan(bool force) const {
    PruneInput input{.now = now_, .force = force};
    for (const Retention::Decision& one : decide().decisions) {
      ++(one.archive.half == Half::db ? input.archives_db : input.archives_docs);
      if (!one.keep)
        input.dropped.push_back(
            {one.archive, one.reasons.front(), keys_.manifest_of(one.archive.key), 1});
    }
    return plan_prune(input);
  }

  // After a long absence more than the allowed share may go; an operator who reads
  // that for some days running forces it.
  void prune() {
    const PrunePlan plan = this->plan(refused_in_a_row_ >= 5);
    refused_ = !plan.refusals.empty();
    refused_in_a_row_ = refused_ ? refused_in_a_row_ + 1 : 0;
    refused_prunes_ += refused_;
    if (refused_) return;
    for (const PruneStep& step : plan.steps)
      if (present_.erase(step.key)) dropped_.insert(step.key);
    std::erase_if(stored_,
                  [&](const StoredArchive& archive) { return dropped_.contains(archive.key); });
  }

  void check_decision() const {
    if (refused_ || runs_.empty()) return;
    const Retention retention = decide();
    // Just pruned: nothing more may go, except by the passing of time.
    if (now_ - runs_.back().at < hours(1)) {
      for (const Retention::Decision& one : retention.decisions)
        ASSERT_TRUE(one.keep) << "pruning again drops " << one.archive.key;
    }
    for (const Half half : kHalves) ASSERT_LE(kept_by_instants(retention, half), most_kept());
  }

  static size_t kept_by_instants(const Retention& retention, Half half) {
    size_t count = 0;
    for (const Retention::Decision& one : retention.decisions)
      count += one.archive.half == half &&
               std::any_of(one.reasons.begin(), one.reasons.end(), [](const std::string& reason) {
                 return !reason.starts_with("newest ") && !reason.starts_with("held: ") &&
                        reason != "no kept instant needs it";
               });
    return count;
  }

  // Now, and each period's end; a month's end or a year's is often a day's as well.
  size_t most_kept() const {
    const RetentionPolicy& policy = scenario_.policy;
    const auto instants = static_cast<size_t>(1 + policy.days + policy.months + policy.years);
    return std::min<size_t>(instants, 53);
  }

  // Found in another way than kept_instants() does: by walking back over the days.
  // Midnight is there once in the zones used here, or to_sys() throws.
  std::vector<Instant> required_instants() const {
    const date::time_zone& zone = *date::locate_zone(scenario_.zone);
    const RetentionPolicy& policy = scenario_.policy;
    std::vector<Instant> instants = {now_};
    int days_left = policy.days, months_left = policy.months, years_left = policy.years;
    auto day = date::floor<date::days>(zone.to_local(now_));
    while (days_left > 0 || months_left > 0 || years_left > 0) {
      const date::year_month_day next(day);  // what ends is the day before
      day -= date::days(1);
      const date::year_month_day ended(day);
      const bool month_end = next.day() == date::day(1);
      const bool year_end = ended.month() == date::month(policy.fiscal_year_end_month) &&
                            (ended.day() == date::day(policy.fiscal_year_end_day) ||
                             (month_end && ended.day() < date::day(policy.fiscal_year_end_day)));
      const bool wanted =
          (days_left-- > 0) | (month_end && months_left-- > 0) | (year_end && years_left-- > 0);
      if (wanted)
        instants.push_back(zone.to_sys(date::local_seconds(day + date::days(1))) -
                           std::chrono::seconds(1));
    }
    return instants;
  }

  Scenario scenario_;
  Instant now_;
  std::mt19937 random_;
  KeySpace keys_{"erp/prod"};
  std::array<HalfState, 2> states_;
  std::vector<Run> runs_;
  std::vector<StoredArchive> stored_;
  std::unordered_set<std::string> present_, dropped_;
  std::map<std::string, std::string> held_;
  int away_days_ = 0;
  bool refused_ = false;
  int refused_in_a_row_ = 0;
  size_t made_ = 0, refused_prunes_ = 0;
};

Instant day(int year, unsigned month, unsigned day_of_month) {
  return date::sys_days(date::year(year) / month / day_of_month);
}

class TwelveYears : public testing::TestWithParam<Scenario> {};

TEST_P(TwelveYears, OfRunsLoseNothingThatAKeptInstantNeeds) {
  Simulation simulation(GetParam(), day(2026, 1, 1));
  const Instant end = day(2038, 1, 1);
  for (int count = 0; simulation.now() < end; ++count) {
    simulation.live_a_day();
    if (count % 10 != 0) continue;
    simulation.check();
    if (HasFatalFailure()) FAIL() << "on " << format_instant(simulation.now());
  }
  // The years were lived and archives went: the checks above had something to say.
  EXPECT_GT(simulation.runs(), 1500u);
  EXPECT_GT(simulation.dropped(), simulation.made() / 3);
  EXPECT_LT(simulation.refused_prunes(), simulation.runs() / 20);
}

std::vector<Scenario> twelve_years() {
  const RetentionPolicy december, june{.fiscal_year_end_month = 6, .fiscal_year_end_day = 30},
      february{.fiscal_year_end_month = 2, .fiscal_year_end_day = 29};
  return {
      {"EveryDayChanges", "UTC", december, 1, 1, 0, 0, 0.002, 1},
      {"QuietCompany", "Europe/Paris", june, 0.02, 0.02, 0, 0, 0.002, 2},
      {"QuietDocuments", "Europe/Paris", december, 0.6, 0.05, 0.05, 0.05, 0.002, 3},
      {"HalfTheRunsMissed", "America/New_York", february, 0.5, 0.3, 0.5, 0.05, 0.002, 4},
      {"MuchTrouble", "Pacific/Auckland", june, 0.7, 0.4, 0.1, 0.4, 0.002, 5},
      {"WorkingDays", "Pacific/Auckland", december, 0.71, 0.71, 0.29, 0.02, 0.002, 6},
      {"QuietAndMissed", "America/New_York", december, 0.1, 0.02, 0.3, 0.1, 0.002, 7},
      {"BusyAndTroubled", "UTC", february, 1, 1, 0.2, 0.2, 0.002, 8},
  };
}

INSTANTIATE_TEST_SUITE_P(Simulation, TwelveYears, testing::ValuesIn(twelve_years()),
                         [](const auto& one) { return one.param.name; });

// Whatever a policy asks for, down to nothing at all, and wherever a year ends.
TEST(Simulation, AnyPolicyLosesNothing) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto between = [&](int least, int greatest) {
      return std::uniform_int_distribution<>(least, greatest)(random);
    };
    Scenario scenario{.name = fmt::format("seed {}", seed), .zone = "Europe/Paris"};
    scenario.policy = {.days = between(0, 9),
                       .months = between(0, 5),
                       .years = between(0, 2),
                       .fiscal_year_end_month = static_cast<unsigned>(between(1, 12)),
                       .fiscal_year_end_day = static_cast<unsigned>(between(1, 28))};
    scenario.db_changes = between(2, 100) / 100.0;
    scenario.docs_changes = between(2, 100) / 100.0;
    scenario.missed = between(0, 50) / 100.0;
    scenario.trouble = between(0, 30) / 100.0;
    scenario.held = 0.01;
    scenario.seed = seed;
    Simulation simulation(scenario, day(2026, 1, 1) + days(seed * 11));
    for (int count = 0; count < 500; ++count) {
      simulation.live_a_day();
      simulation.check();
      if (HasFatalFailure()) FAIL() << scenario.name << " on " << format_instant(simulation.now());
    }
    EXPECT_GT(simulation.dropped(), 0u) << scenario.name;
  }
}

TEST(Simulation, ElevenHundredDailyArchivesLeaveFortyFour) {
  Simulation simulation({.name = "EveryDay"}, day(2026, 1, 1));
  for (int count = 0; count < 1100; ++count) simulation.live_a_day();
  for (const Half half : kHalves) {
    EXPECT_EQ(simulation.stored(half), 44u);
    EXPECT_EQ(simulation.kept_by_instants(half), 44u);
  }
}

}  // namespace
}  // namespace dolibarr_backup
