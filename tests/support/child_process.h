#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <map>
#include <string>
#include <vector>

/// Child processes of the tests. Apart from src/stream/process, which is itself
/// under test.
namespace dolibarr_backup {

struct Command {
  std::vector<std::string> argv;                   ///< argv[0] is searched in PATH
  std::map<std::string, std::string> environment;  ///< added to ours
  std::string user;                                ///< "" for ours; root may name another
  std::string stdin_text;
};

struct CommandResult {
  int status = 0;  ///< exit code, or 128 + signal
  std::string output;
  std::string errors;
};

/// Runs to the end. Throws only if the program cannot be started.
CommandResult run_command(const Command& command);
/// The same; throws Errc::source with all it said unless it exited with 0. Returns stdout.
std::string run_or_throw(const Command& command);

/// A server in the foreground whose stdout and stderr go to a file. It is ended
/// at destruction, and by the kernel when the thread that started it ends, a
/// crash included: start it from the main thread.
class ServerProcess {
 public:
  ServerProcess(const Command& command, std::string log_path, int stop_signal = SIGTERM);
  ~ServerProcess() { stop(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// Sends the stop signal, waits ten seconds, kills. Repeatable.
  void stop();
  /// False once it has ended by itself.
  bool running();
  pid_t pid() const { return pid_; }
  /// The last lines it wrote, for error messages.
  std::string log_tail() const;

 private:
  std::string log_path_;
  int stop_signal_;
  pid_t pid_ = -1;
};

/// The command lines of all processes of this machine, as anybody can read them.
std::string all_command_lines();
/// The last `lines` lines of a file; "" if it cannot be read.
std::string file_tail(const std::string& path, size_t lines = 40);
/// A user that servers which refuse root can run as: "" unless we are root, else
/// the first of `candidates` that exists. Throws Errc::source if none does.
std::string unprivileged_user(const std::vector<std::string>& candidates);
/// Gives a path to a user; nothing if `user` is "".
void give_to(const std::string& path, const std::string& user);
/// Loopback TCP ports that are free at this moment, all different. They are taken
/// from below the range the kernel hands out by itself, and a lock file per port
/// keeps other test processes off them until this process ends.
std::vector<int> reserve_ports(size_t count);

}  // namespace dolibarr_backup
