#include "support/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"

extern char** environ;

namespace dolibarr_backup {
namespace {

Error system_error(const std::string& what) {
  return Error(Errc::source, what + ": " + errno_text(errno));
}

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};

Account account_of(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) throw Error(Errc::source, "no such user: " + user);
  return {entry->pw_uid, entry->pw_gid};
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

struct Streams {
  int in, out, err;
};

/// In the child: only async-signal-safe calls, since we may have threads.
[[noreturn]] void become(char* const* argv, char* const* environment, const Streams& streams,
                         const Account* account, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (account != nullptr &&
      (::setgroups(0, nullptr) != 0 || ::setgid(account->gid) != 0 || ::setuid(account->uid) != 0))
    ::_exit(126);
  // After setuid, which clears it. A parent that is gone already sends nothing more.
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || ::getppid() != parent) ::_exit(126);
  if (::dup2(streams.in, 0) < 0 || ::dup2(streams.out, 1) < 0 || ::dup2(streams.err, 2) < 0)
    ::_exit(126);
  ::execvpe(argv[0], argv, environment);
  ::_exit(127);
}

pid_t start(const Command& command, const Streams& streams) {
  std::vector<std::string> argv_texts = command.argv;
  std::vector<std::string> environment_texts = merged_environment(command.environment);
  const std::vector<char*> argv = pointers(argv_texts);
  const std::vector<char*> environment = pointers(environment_texts);
  Account account;
  const bool change_user = !command.user.empty();
  if (change_user) account = account_of(command.user);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw system_error("cannot fork for " + command.argv.at(0));
  if (child == 0)
    become(argv.data(), environment.data(), streams, change_user ? &account : nullptr, parent);
  return child;
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/// An unnamed file in memory: no pipe to drain, no deadlock.
UniqueFd memory_file(const std::string& content = "") {
  UniqueFd file(::memfd_create("child", MFD_CLOEXEC));
  if (!file) throw system_error("memfd_create");
  for (size_t done = 0; done < content.size();) {
    const ssize_t count = ::write(file.get(), content.data() + done, content.size() - done);
    if (count < 0) throw system_error("cannot write to a memory file");
    done += static_cast<size_t>(count);
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) throw system_error("lseek");
  return file;
}

std::string read_from_start(const UniqueFd& file) {
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t count =
        ::pread(file.get(), buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (count < 0) throw system_error("cannot read a child's output");
    if (count == 0) return text;
    text.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace

CommandResult run_command(const Command& command) {
  const UniqueFd in = memory_file(command.stdin_text);
  const UniqueFd out = memory_file();
  const UniqueFd err = memory_file();
  const pid_t child = start(command, {in.get(), out.get(), err.get()});
  int wait_status = 0;
  while (::waitpid(child, &wait_status, 0) < 0) {
    if (errno != EINTR) throw system_error("cannot wait for " + command.argv.at(0));
  }
  return {status_of(wait_status), read_from_start(out), read_from_start(err)};
}

std::string run_or_throw(const Command& command) {
  CommandResult result = run_command(command);
  if (result.status == 0) return std::move(result.output);
  std::string line;
  for (const std::string& word : command.argv) line += word + ' ';
  throw Error(Errc::source, line + "exited with status " + std::to_string(result.status) + ":\n" +
                                result.errors + result.output);
}

ServerProcess::ServerProcess(const Command& command, std::string log_path, int stop_signal)
    : log_path_(std::move(log_path)), stop_signal_(stop_signal) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd log(::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!null || !log) throw system_error("cannot open " + log_path_);
  pid_ = start(command, {null.get(), log.get(), log.get()});
}

bool ServerProcess::running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

void ServerProcess::stop() {
  if (!running()) return;
  ::kill(pid_, stop_signal_);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (running() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string ServerProcess::log_tail() const {
  return file_tail(log_path_);
}

std::string all_command_lines() {
  std::ostringstream all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    // A process may end while it is looked at: nothing is read then, and the state forgotten.
    all << std::ifstream(entry.path() / "cmdline", std::ios::binary).rdbuf();
    all.clear();
    all << '\n';
  }
  return all.str();
}

std::string file_tail(const std::string& path, size_t lines) {
  std::ifstream file(path);
  std::deque<std::string> kept;
  for (std::string line; std::getline(file, line);) {
    kept.push_back(line);
    if (kept.size() > lines) kept.pop_front();
  }
  std::string text;
  for (const std::string& line : kept) text += line + '\n';
  return text;
}

std::string unprivileged_user(const std::vector<std::string>& candidates) {
  if (::geteuid() != 0) return "";
  for (const std::string& name : candidates) {
    if (::getpwnam(name.c_str()) != nullptr) return name;
  }
  throw Error(Errc::source, "none of the users that a server could run as exists");
}

void give_to(const std::string& path, const std::string& user) {
  if (user.empty()) return;
  const Account account = account_of(user);
  if (::chown(path.c_str(), account.uid, account.gid) != 0)
    throw system_error("cannot give " + path + " to " + user);
}

}  // namespace dolibarr_backup
