#include "store/retry.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

#include "base/log.h"
#include "base/stop.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;

// A store that asks for more than this is as good as down.
constexpr milliseconds kLongestObeyedWait = std::chrono::minutes(5);

// Returns early when a stop is requested.
void wait_for(milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never_notified;
  std::unique_lock lock(mutex);
  never_notified.wait_for(lock, stop, delay, [] { return false; });
}

bool may_try_again(const RetryPolicy& policy, const StopRule& stop, int tries,
                   int tries_before_stop) {
  if (tries > policy.retries) return false;
  return !stop.token.stop_requested() || tries <= tries_before_stop + 1;
}

double random_share() {
  static thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

milliseconds backoff(const RetryPolicy& policy, const Attempt& failed, double random) {
  const int doublings = std::clamp(failed.number - 1, 0, 30);
  const int64_t ceiling =
      std::min<int64_t>(policy.first_delay.count() << doublings, policy.greatest_delay.count());
  const milliseconds drawn(static_cast<int64_t>(static_cast<double>(ceiling) * random));
  return std::max(drawn, std::min(failed.wait_at_least, kLongestObeyedWait));
}

void retry(const RetryPolicy& policy, const StopRule& stop, const std::string& what,
           const std::function<void(Attempt&)>& body) {
  int tries_before_stop = 0;
  for (int number = 1;; ++number) {
    if (stop.on_stop == StopRule::OnStop::interrupt) throw_if_stopped(stop.token);
    if (!stop.token.stop_requested()) tries_before_stop = number;
    Attempt attempt{.number = number};
    try {
      return body(attempt);
    } catch (Error& error) {
      if (!error.transient() || !may_try_again(policy, stop, number, tries_before_stop)) {
        if (number > 1) error.add_context(fmt::format("after {} tries", number));
        throw;
      }
      const milliseconds delay = backoff(policy, attempt, random_share());
      log::warning("{}: {}; trying again in {}", what, error.what(), format_duration(delay));
      wait_for(delay, stop.token);
    }
  }
}

}  // namespace dolibarr_backup
