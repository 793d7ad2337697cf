#include "stream/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/stop.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kTailBytes = 4 * kKiB;
constexpr int kGraceMs = 2000;
constexpr int kStopPollMs = 100;

[[noreturn]] void throw_errno(const std::string& what, int error_number) {
  throw Error(Errc::source, what + ": " + errno_text(error_number));
}

struct Pipe {
  UniqueFd reader, writer;
};

Pipe open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("cannot make a pipe", errno);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Calls `call` until it is not interrupted by a signal.
template <typename Call>
auto retry_on_signal(Call&& call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

std::vector<std::string> child_environment(const ProcessSpec& spec) {
  std::vector<std::string> variables;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view variable = *entry;
    const std::string name(variable.substr(0, variable.find('=')));
    if (spec.environment.contains(name)) continue;
    if (!spec.hidden_variables.empty() && name.starts_with(spec.hidden_variables)) continue;
    variables.emplace_back(variable);
  }
  for (const auto& [name, value] : spec.environment)
    variables.push_back(fmt::format("{}={}", name, value));
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// posix_spawn's two argument objects, freed on every way out.
struct SpawnArguments {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnArguments() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnArguments() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  SpawnArguments(const SpawnArguments&) = delete;
  SpawnArguments& operator=(const SpawnArguments&) = delete;

  void reset_signals_and_session() {
    sigset_t defaults, none;
    sigemptyset(&defaults);
    sigemptyset(&none);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD})
      sigaddset(&defaults, number);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
};

}  // namespace

std::string ExitStatus::describe() const {
  if (signal != 0) return "was killed by signal " + std::to_string(signal);
  return "exited with status " + std::to_string(code);
}

/// The end of stderr, gathered by a thread of its own so that a talkative child
/// never blocks. `ended` wakes that thread once the child is gone: a grandchild
/// that keeps the pipe open must not hold us.
struct Process::Tail {
  UniqueFd ended{::eventfd(0, EFD_CLOEXEC)};
  mutable std::mutex mutex;
  std::string text;  // guarded by mutex

  void append(std::string_view more) {
    const std::lock_guard lock(mutex);
    text += more;
    if (text.size() > kTailBytes) text.erase(0, text.size() - kTailBytes);
  }

  /// Returns false at the end of the pipe, or when nothing is there to be read.
  bool read_once(int fd) {
    std::array<char, 4096> buffer;
    const ssize_t got = retry_on_signal([&] { return ::read(fd, buffer.data(), buffer.size()); });
    if (got <= 0) return false;
    append({buffer.data(), static_cast<size_t>(got)});
    return true;
  }

  void gather(int fd) {
    for (;;) {
      std::array<pollfd, 2> polled = {{{fd, POLLIN, 0}, {ended.get(), POLLIN, 0}}};
      if (retry_on_signal([&] { return ::poll(polled.data(), polled.size(), -1); }) < 0) return;
      if (polled[1].revents != 0) break;
      if (!read_once(fd)) return;
    }
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return;
    while (read_once(fd)) {
    }
  }
};

Process::Process(const ProcessSpec& spec)
    : program_(spec.argv.at(0)), tail_(std::make_unique<Tail>()) {
  if (!tail_->ended) throw_errno("cannot make an event descriptor", errno);
  Pipe in, out = open_pipe(), err = open_pipe();
  if (spec.pipe_stdin) {
    in = open_pipe();
  } else {
    in.reader = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!in.reader) throw_errno("cannot open /dev/null", errno);
  }
  stdin_ = std::move(in.writer);
  stdout_ = std::move(out.reader);
  stderr_ = std::move(err.reader);
  start(spec, in.reader.get(), out.writer.get(), err.writer.get());
  try {
    stderr_reader_ = std::thread([this] { tail_->gather(stderr_.get()); });
  } catch (...) {
    terminate();
    throw;
  }
}

void Process::start(const ProcessSpec& spec, int in, int out, int err) {
  std::vector<std::string> arguments = spec.argv;
  std::vector<std::string> variables = child_environment(spec);
  SpawnArguments spawn;
  spawn.reset_signals_and_session();
  ::posix_spawn_file_actions_adddup2(&spawn.actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, err, STDERR_FILENO);
  const int failure = ::posix_spawnp(&pid_, program_.c_str(), &spawn.actions, &spawn.attributes,
                                     pointers_to(arguments).data(), pointers_to(variables).data());
  if (failure != 0) {
    throw Error(Errc::source, "cannot start " + program_ + ": " + errno_text(failure))
        .with_hint("install the program, or put its folder on PATH");
  }
  running_ = true;
}

Process::~Process() {
  if (running_) terminate();
  join_stderr();
}

size_t Process::read(MutableBytes buffer, const std::stop_token& stop) {
  while (stop.stop_possible()) {
    throw_if_stopped(stop);
    pollfd polled = {stdout_.get(), POLLIN, 0};
    const int ready = retry_on_signal([&] { return ::poll(&polled, 1, kStopPollMs); });
    if (ready < 0) throw_errno("cannot wait for " + program_, errno);
    if (ready > 0) break;
  }
  const ssize_t got =
      retry_on_signal([&] { return ::read(stdout_.get(), buffer.data(), buffer.size()); });
  if (got < 0) throw_errno("cannot read from " + program_, errno);
  return static_cast<size_t>(got);
}

void Process::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t put =
        retry_on_signal([&] { return ::write(stdin_.get(), bytes.data(), bytes.size()); });
    if (put < 0) {
      const int failure = errno;
      close_stdin();
      std::string message = "cannot write to " + program_ + ": " + errno_text(failure);
      // Its own last words say more than "Broken pipe"; they are whole once it is gone.
      if (failure == EPIPE) message = program_ + " stopped reading and " + wait().describe();
      if (!stderr_tail().empty()) message += ": " + std::string(trim(stderr_tail()));
      throw Error(Errc::source, message);
    }
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
}

void Process::reap() {
  int raw = 0;
  if (retry_on_signal([&] { return ::waitpid(pid_, &raw, 0); }) < 0)
    throw_errno("cannot wait for " + program_, errno);
  running_ = false;
  if (WIFSIGNALED(raw)) {
    status_ = {128 + WTERMSIG(raw), WTERMSIG(raw)};
  } else {
    status_ = {WEXITSTATUS(raw), 0};
  }
}

void Process::join_stderr() {
  if (!stderr_reader_.joinable()) return;
  // Cannot fail: the counter is far from its limit.
  static_cast<void>(::eventfd_write(tail_->ended.get(), 1));
  stderr_reader_.join();
}

ExitStatus Process::wait() {
  if (running_) {
    close_stdin();
    reap();
    join_stderr();
  }
  return status_;
}

/// Runs in the destructor: whatever fails here is final, and nothing is thrown.
void Process::terminate() {
  stdin_.reset();
  stdout_.reset();
  ::kill(pid_, SIGTERM);
  // By number: glibc 2.36 declares pidfd_open() for C only.
  const UniqueFd gone(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd polled = {gone.get(), POLLIN, 0};
  if (!gone || retry_on_signal([&] { return ::poll(&polled, 1, kGraceMs); }) <= 0)
    ::kill(pid_, SIGKILL);
  int raw = 0;
  retry_on_signal([&] { return ::waitpid(pid_, &raw, 0); });
  running_ = false;
}

std::string Process::stderr_tail() const {
  const std::lock_guard lock(tail_->mutex);
  return tail_->text;
}

namespace {

void require_success(Process& process) {
  const ExitStatus status = process.wait();
  if (status.success()) return;
  std::string message = process.program() + " " + status.describe();
  const std::string tail = process.stderr_tail();
  if (!trim(tail).empty()) message += ": " + std::string(trim(tail));
  throw Error(Errc::source, message);
}

}  // namespace

ProcessSource::ProcessSource(const ProcessSpec& spec, std::stop_token stop)
    : process_(spec), stop_(std::move(stop)) {}

size_t ProcessSource::read(MutableBytes buffer) {
  if (ended_) return 0;
  const size_t got = process_.read(buffer, stop_);
  if (got > 0 || buffer.empty()) return got;
  require_success(process_);
  ended_ = true;
  return 0;
}

std::string run_and_read(const ProcessSpec& spec, uint64_t limit_bytes) {
  ProcessSource source(spec, {});
  return with_context("while running " + spec.argv.at(0),
                      [&] { return read_all(source, limit_bytes); });
}

}  // namespace dolibarr_backup
