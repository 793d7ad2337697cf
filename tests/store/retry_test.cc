#include "store/retry.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr RetryPolicy kQuick{
    .retries = 3, .first_delay = milliseconds(1), .greatest_delay = milliseconds(2)};

Error transient() {
  return Error(Errc::store, "busy").mark_transient();
}

/// Runs `body` under retry() and returns how often it ran.
struct Outcome {
  int tries = 0;
  std::optional<Error> error;
};
Outcome run(const RetryPolicy& policy, const StopRule& rule,
            const std::function<void(Attempt&)>& body) {
  Outcome outcome;
  try {
    retry(policy, rule, "the test", [&](Attempt& attempt) {
      EXPECT_EQ(attempt.number, ++outcome.tries);
      body(attempt);
    });
  } catch (const Error& error) {
    outcome.error = error;
  }
  return outcome;
}

TEST(Retry, ReturnsAtTheFirstSuccess) {
  const Outcome outcome = run(kQuick, {}, [](Attempt& attempt) {
    if (attempt.number < 3) throw transient();
  });
  EXPECT_EQ(outcome.tries, 3);
  EXPECT_FALSE(outcome.error);
}

TEST(Retry, GivesUpAfterTheRetriesOfThePolicy) {
  const Outcome outcome = run(kQuick, {}, [](Attempt&) { throw transient(); });
  EXPECT_EQ(outcome.tries, 4);
  ASSERT_TRUE(outcome.error);
  EXPECT_STREQ(outcome.error->what(), "after 4 tries: busy");
}

TEST(Retry, NeverRepeatsWhatIsNotTransient) {
  const Outcome outcome = run(kQuick, {}, [](Attempt&) { throw Error(Errc::store, "forbidden"); });
  EXPECT_EQ(outcome.tries, 1);
  EXPECT_STREQ(outcome.error->what(), "forbidden");
}

TEST(Retry, ZeroRetriesIsOneTry) {
  EXPECT_EQ(run({.retries = 0}, {}, [](Attempt&) { throw transient(); }).tries, 1);
}

TEST(Retry, AStopBeforeTheFirstTryInterrupts) {
  std::stop_source stop;
  stop.request_stop();
  const Outcome outcome = run(kQuick, {.token = stop.get_token()}, [](Attempt&) {});
  EXPECT_EQ(outcome.tries, 0);
  EXPECT_EQ(outcome.error->code(), Errc::interrupted);
}

TEST(Retry, AStopEndsTheWait) {
  std::stop_source stop;
  const RetryPolicy patient{.retries = 3};
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = run(patient, {.token = stop.get_token()}, [&](Attempt& attempt) {
    attempt.wait_at_least = std::chrono::minutes(1);
    stop.request_stop();
    throw transient();
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(outcome.tries, 1);
  EXPECT_TRUE(outcome.error);
}

TEST(Retry, CleaningUpTriesOnceMoreAfterAStop) {
  std::stop_source stop;
  stop.request_stop();
  const StopRule rule{.token = stop.get_token(), .on_stop = StopRule::OnStop::one_more_try};
  const Outcome failed = run(kQuick, rule, [](Attempt&) { throw transient(); });
  EXPECT_EQ(failed.tries, 2);
  EXPECT_EQ(failed.error->code(), Errc::store);
  EXPECT_FALSE(run(kQuick, rule, [](Attempt&) {}).error);
  EXPECT_FALSE(rule.transfer_token().stop_possible());
}

TEST(Retry, DelaysDoubleUpToTheGreatest) {
  const RetryPolicy policy{.first_delay = milliseconds(500),
                           .greatest_delay = milliseconds(30'000)};
  const auto ceiling = [&](int number) { return backoff(policy, {.number = number}, 1.0); };
  EXPECT_EQ(ceiling(1), milliseconds(500));
  EXPECT_EQ(ceiling(2), milliseconds(1000));
  EXPECT_EQ(ceiling(6), milliseconds(16'000));
  EXPECT_EQ(ceiling(7), milliseconds(30'000));
  EXPECT_EQ(ceiling(1'000'000), milliseconds(30'000));
}

TEST(Retry, JitterIsFull) {
  const RetryPolicy policy{.first_delay = milliseconds(1000)};
  EXPECT_EQ(backoff(policy, {.number = 1}, 0.0), milliseconds(0));
  EXPECT_EQ(backoff(policy, {.number = 1}, 0.25), milliseconds(250));
  EXPECT_EQ(backoff(policy, {.number = 2}, 0.5), milliseconds(1000));
}

TEST(Retry, ObeysTheStoreWithinReason) {
  const RetryPolicy policy{.first_delay = milliseconds(10)};
  const auto asked = [&](milliseconds wait) {
    return backoff(policy, {.number = 1, .wait_at_least = wait}, 0.5);
  };
  EXPECT_EQ(asked(std::chrono::seconds(7)), std::chrono::seconds(7));
  EXPECT_EQ(asked(std::chrono::hours(9)), std::chrono::minutes(5));
  EXPECT_EQ(asked(milliseconds(1)), milliseconds(5));
}

}  // namespace
}  // namespace dolibarr_backup
