#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

namespace dolibarr_backup {

/// How often and how patiently a transient failure is tried again.
struct RetryPolicy {
  int retries = 5;                             ///< further tries after the first
  std::chrono::milliseconds first_delay{500};  ///< ceiling before the 2nd try; doubles
  std::chrono::milliseconds greatest_delay{30'000};
};

/// What a requested stop does to an operation.
struct StopRule {
  enum class OnStop {
    interrupt,     ///< ends it with Errc::interrupted
    one_more_try,  ///< cleaning up: it goes on, but a failure is tried again once at most
  };
  std::stop_token token;
  OnStop on_stop = OnStop::interrupt;

  /// What a transfer inside the operation obeys: no token while cleaning up.
  std::stop_token transfer_token() const {
    return on_stop == OnStop::interrupt ? token : std::stop_token();
  }
};

/// One try, as the retried body sees it.
struct Attempt {
  int number = 1;
  /// Set by the body before it throws: what the store asked for in Retry-After.
  std::chrono::milliseconds wait_at_least{0};
};

/// Delay before try `number` (2 is the first repetition): exponential with full
/// jitter, `random` in [0, 1) (Brooker, "Exponential Backoff And Jitter", AWS
/// Architecture Blog, 2015). Never below `wait_at_least`.
std::chrono::milliseconds backoff(const RetryPolicy& policy, const Attempt& failed, double random);

/// Runs `body` until it returns, and again when it throws a transient Error, as
/// `policy` allows: the only retry loop of the program. The last Error leaves as
/// it came, with the number of tries as context. `what` names the operation.
void retry(const RetryPolicy& policy, const StopRule& stop, const std::string& what,
           const std::function<void(Attempt&)>& body);

}  // namespace dolibarr_backup
