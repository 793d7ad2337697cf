#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

namespace dolibarr_backup {
namespace {

constexpr timespec kWakeInterval{0, 100'000'000};

sigset_t watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

void watch(const std::stop_token& ended, std::stop_source& stop) {
  const sigset_t signals = watched_signals();
  while (!ended.stop_requested()) {
    if (sigtimedwait(&signals, nullptr, &kWakeInterval) < 0) continue;
    if (stop.stop_requested()) _exit(exit_code_of(Errc::interrupted));
    log::warning("interrupted; cleaning up (once more to leave at once)");
    stop.request_stop();
  }
}

}  // namespace

SignalWatch::SignalWatch(std::stop_source& stop) {
  signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::jthread([&stop](const std::stop_token& ended) { watch(ended, stop); });
}

SignalWatch::~SignalWatch() = default;

}  // namespace dolibarr_backup
