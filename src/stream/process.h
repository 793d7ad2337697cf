#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "stream/source_sink.h"

namespace dolibarr_backup {

/// How to start a child: argv only, never a shell; secrets go in `environment`
/// or in a 0600 file, never in argv.
struct ProcessSpec {
  std::vector<std::string> argv;                   ///< argv[0] is searched in PATH
  std::map<std::string, std::string> environment;  ///< added to ours
  /// Variables of ours with this prefix are not passed on ("PG"); "" passes all.
  std::string hidden_variables;
  bool pipe_stdin = false;  ///< else /dev/null
};

struct ExitStatus {
  int code = 0;    ///< exit code, or 128 + signal
  int signal = 0;  ///< 0 if it exited
  bool success() const { return code == 0 && signal == 0; }
  std::string describe() const;  ///< "exited with status 1", "was killed by signal 9"
};

/// One child process and its pipes; stdout is readable, stderr's last lines are
/// kept for error messages. Destruction of a running child: SIGTERM, two seconds
/// of grace, SIGKILL, reaped. One thread uses it.
///
/// The child is in a session of its own: a terminal's Ctrl-C reaches only us and we end it in
/// order; and it has no terminal, so that one which would ask there for a password fails at once
/// and does not wait unseen. Its signals are as if nobody had touched them.
class Process {
 public:
  /// Throws Errc::source if the program cannot be started.
  explicit Process(const ProcessSpec& spec);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Reads stdout; 0 at its end, which proves nothing yet. Throws
  /// Errc::interrupted when stopped, also while nothing comes.
  size_t read(MutableBytes buffer, const std::stop_token& stop = {});
  /// Writes all to stdin; throws Errc::source with stderr's tail if it is closed.
  /// The program must ignore SIGPIPE, as main does.
  void write(Bytes bytes);
  void close_stdin() { stdin_.reset(); }
  /// Waits for the end and reaps; later calls return the same. Read stdout to its
  /// end first.
  ExitStatus wait();
  /// Up to the last 4 KiB of stderr, whole after wait().
  std::string stderr_tail() const;
  const std::string& program() const { return program_; }
  pid_t pid() const { return pid_; }

 private:
  void start(const ProcessSpec& spec, int in, int out, int err);
  void reap();
  void join_stderr();
  void terminate();
  std::string program_;
  pid_t pid_ = -1;
  bool running_ = false;
  ExitStatus status_;
  UniqueFd stdin_, stdout_, stderr_;
  struct Tail;
  std::unique_ptr<Tail> tail_;
  std::thread stderr_reader_;
};

/// A child's stdout as a source whose end is proven: the last read returns 0 only
/// after the child exited with status 0, else it throws Errc::source with the
/// exit status and the tail of stderr.
class ProcessSource : public Source {
 public:
  ProcessSource(const ProcessSpec& spec, std::stop_token stop);
  size_t read(MutableBytes buffer) override;
  pid_t pid() const { return process_.pid(); }

 private:
  Process process_;
  std::stop_token stop_;
  bool ended_ = false;
};

/// Runs to the end and returns stdout; throws Errc::source unless it exited with 0.
std::string run_and_read(const ProcessSpec& spec, uint64_t limit_bytes);

}  // namespace dolibarr_backup
