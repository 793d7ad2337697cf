#include "cli/signals.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/error.h"
#include "base/log.h"
#include "cli/progress_bar.h"

namespace dolibarr_backup {
namespace {

sigset_t watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

// timeout(1) sends one signal to us and one to our group, a terminal and a service
// manager may both send theirs: what comes this soon after the first is the first.
constexpr std::chrono::seconds kEcho{1};

// Waits without waking in between, so that the end of a command is not delayed.
void watch(int signals, int ended, std::stop_source& stop) {
  std::chrono::steady_clock::time_point first;
  pollfd polled[] = {{signals, POLLIN, 0}, {ended, POLLIN, 0}};
  for (;;) {
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) return;
    if (polled[1].revents != 0) return;
    signalfd_siginfo caught;
    if (::read(signals, &caught, sizeof caught) != sizeof caught) continue;
    if (stop.stop_requested()) {
      if (std::chrono::steady_clock::now() - first < kEcho) continue;
      _exit(exit_code_of(Errc::interrupted));
    }
    first = std::chrono::steady_clock::now();
    leave_progress_line();
    log::warning("interrupted; cleaning up (once more to leave at once)");
    stop.request_stop();
  }
}

UniqueFd checked(int descriptor) {
  if (descriptor < 0) throw Error(Errc::bug, "cannot watch for signals: " + errno_text(errno));
  return UniqueFd(descriptor);
}

}  // namespace

SignalWatch::SignalWatch(std::stop_source& stop) {
  signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_ = checked(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  ended_ = checked(::eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this, &stop] { watch(signals_.get(), ended_.get(), stop); });
}

SignalWatch::~SignalWatch() {
  ::eventfd_write(ended_.get(), 1);
  thread_.join();
}

}  // namespace dolibarr_backup
