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
  std::vector<std::string> argv;                    ///< argv[0] is searched in PATH
  std::map<std::string, std::string> environment;   ///< added to ours
  bool pipe_stdin = false;                          ///< else /dev/null
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
class Process {
 public:
  explicit Process(const ProcessSpec& spec);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Reads stdout; 0 at its end, which proves nothing yet.
  size_t read(MutableBytes buffer);
  /// Writes all to stdin; throws Errc::source with stderr's tail if it is closed.
  void write(Bytes bytes);
  void close_stdin() { stdin_.reset(); }
  /// Waits for the end and reaps. Read stdout to its end first.
  ExitStatus wait();
  /// Up to the last 4 KiB of stderr, whole after wait().
  std::string stderr_tail() const;
  const std::string& program() const { return program_; }

 private:
  void terminate();
  std::string program_;
  pid_t pid_ = -1;
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

 private:
  Process process_;
  std::stop_token stop_;
  bool ended_ = false;
};

/// Runs to the end and returns stdout; throws Errc::source unless it exited with 0.
std::string run_and_read(const ProcessSpec& spec, uint64_t limit_bytes);

}  // namespace dolibarr_backup
