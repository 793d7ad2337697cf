#include "cli/commands.h"

#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "app/adopt.h"
#include "app/backup.h"
#include "app/containment.h"
#include "app/identity.h"
#include "app/prune.h"
#include "app/status.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/stop.h"
#include "cli/cluster_commands.h"
#include "cli/completion.h"
#include "cli/config_commands.h"
#include "cli/notify_commands.h"
#include "cli/progress_bar.h"
#include "cli/report_commands.h"
#include "cli/report_json.h"
#include "cli/report_text.h"
#include "cli/restore_commands.h"
#include "cli/session.h"
#include "cli/settings_reader.h"
#include "cli/status_commands.h"

namespace dolibarr_backup {
namespace {

// Measured by a clock that nobody sets.
class Stopwatch {
 public:
  std::chrono::seconds seconds() const {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

int run_backup(const CommandLine& line, const std::stop_source& stop, const Stopwatch& watch,
               CommandOutcome& outcome) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  outcome.environment = environment.name;
  Session session(environment, stop);
  session.store->check_access(Access::write);
  const BackupReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return back_up(environment, *session.store,
                   {.force = line.force, .reread = line.reread, .prune = !line.no_prune}, now,
                   session.progress, session.stop);
  }();
  return tell_result(line, outcome, backup_text(report, watch.seconds(), line.quiet),
                     backup_json(report, watch.seconds()), report.failure);
}

int run_list(const CommandLine& line, const std::stop_source& stop) {
  std::vector<JudgedListing> listings;
  for (const EnvironmentSettings& environment : chosen_environments(line, true)) {
    Session session(environment, stop);
    session.store->check_access(Access::read);
    Catalog catalog = session.catalog();
    listings.push_back(judge_environment(catalog, environment, now()));
  }
  return print_result(line.json ? listing_json(listings) : listing_text(listings));
}

int run_prune(const CommandLine& line, const std::stop_source& stop, CommandOutcome& outcome) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access(Access::read);
  Catalog catalog = session.catalog();
  const PruneReport report = prune(catalog, environment,
                                   {.dry_run = line.dry_run,
                                    .force = line.force,
                                    .release = line.release,
                                    .uploads_older_than = line.uploads_older_than},
                                   now, session.stop);
  return tell_result(line, outcome, prune_text(environment.name, report, line.dry_run),
                     prune_json(environment.name, report, line.dry_run), std::nullopt);
}

int run_adopt(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  const std::vector<std::string> keys = adopt(catalog, environment, line.dry_run, now());
  return print_result(line.json ? keys_json("adopted", keys) : adopt_text(keys, line.dry_run));
}

int run_hold(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  if (line.command == Command::hold_list) {
    const std::map<std::string, Hold> holds = list_holds(catalog);
    return print_result(line.json ? holds_json(holds) : holds_text(holds));
  }
  const bool add = line.command == Command::hold_add;
  const std::string key = add ? add_hold(catalog, line.archive, line.why, who(line), now())
                              : remove_hold(catalog, line.archive);
  return print_result(line.json ? keys_json(add ? "held" : "released", {key})
                                : fmt::format("{} {}\n", add ? "held" : "released", key));
}

int run_identity(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  const IdentityReport report = line.command == Command::identity_accept
                                    ? accept_identity(catalog, environment, now())
                                    : show_identity(catalog, environment);
  return print_result(line.json ? identity_json(environment.name, report)
                                : identity_text(environment.name, report));
}

int dispatch(const CommandLine& line, const std::stop_source& stop, const Stopwatch& watch,
             CommandOutcome& outcome) {
  if (const std::optional<int> code = run_command_in_cluster(line, stop, outcome)) return *code;
  switch (line.command) {
    case Command::backup:
      return run_backup(line, stop, watch, outcome);
    case Command::list:
      return run_list(line, stop);
    case Command::status:
      return run_status(line, stop);
    case Command::prune:
      return run_prune(line, stop, outcome);
    case Command::adopt:
      return run_adopt(line, stop);
    case Command::hold_add:
    case Command::hold_remove:
    case Command::hold_list:
      return run_hold(line, stop);
    case Command::identity_show:
    case Command::identity_accept:
      return run_identity(line, stop);
    case Command::verify:
      return run_verify(line, stop, outcome);
    case Command::restore:
      return run_restore(line, stop);
    case Command::refresh:
      return run_refresh(line, stop);
    case Command::show:
      return run_show(line, stop);
    case Command::find:
      return run_find(line, stop);
    case Command::diff:
      return run_diff(line, stop);
    case Command::drill:
      return run_drill(line, stop, outcome);
    case Command::report:
      return run_report(line, stop);
    case Command::serve:
      return run_serve(line, stop);
    case Command::notify_test:
      return run_notify_test(line, stop);
    case Command::config_show: {
      SettingsResult result = read_settings(line);
      check_credential_files(result);
      const int printed = print_result(config_show(result, line.json));
      return result.problems.empty() ? printed : exit_code_of(Errc::config);
    }
    case Command::config_init:
      return print_result(config_init(line.target));
    case Command::completion:
      return print_result(completion_script(line.target));
  }
  throw Error(Errc::bug, "a command without an implementation");
}

void keep_error(CommandOutcome& outcome, const Error& error) {
  outcome.error = mask_secrets(error.what());
  outcome.hint = error.hint();
}

// A backup that could not begin is told like one that failed: a summary, or its document.
int tell_failure_of(const CommandLine& line, CommandOutcome& outcome, const Stopwatch& watch,
                    const Error& error) {
  if (line.command == Command::backup)
    return tell_result(line, outcome,
                       unbegun_backup_text(outcome.environment, watch.seconds(), error),
                       unbegun_backup_json(outcome.environment, watch.seconds(), error), error);
  keep_error(outcome, error);
  return tell_failure(line, error);
}

}  // namespace

std::string who(const CommandLine& line) {
  if (!line.who.empty()) return line.who;
  const passwd* entry = getpwuid(getuid());
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return fmt::format("{}@{}", entry ? entry->pw_name : std::to_string(getuid()), host);
}

namespace {

int run_and_tell(const CommandLine& line, const std::stop_source& stop, CommandOutcome& outcome) {
  const Stopwatch watch;
  outcome.environment = line.environment;
  try {
    return dispatch(line, stop, watch, outcome);
  } catch (const Error& error) {
    return tell_failure_of(line, outcome, watch, error);
  } catch (const std::exception& error) {
    return tell_failure_of(line, outcome, watch,
                           Error(Errc::bug, std::string("internal error: ") + error.what()));
  }
}

}  // namespace

int run_command(const CommandLine& line, const std::stop_source& stop) {
  const RunNotices notices(line, stop);
  CommandOutcome outcome;
  const int code = run_and_tell(line, stop, outcome);
  notices.tell(outcome, code);
  tell_metrics_of(line, stop);
  return code;
}

int tell_result(const CommandLine& line, CommandOutcome& outcome, std::string text,
                std::string json, const std::optional<Error>& failure) {
  if (failure) {
    keep_error(outcome, *failure);
    report_error(*failure);
  }
  const int printed = print_result(line.json ? json : text);
  outcome.text = std::move(text);
  outcome.json = std::move(json);
  return failure ? exit_code_of(failure->code()) : printed;
}

int tell_failure(const CommandLine& line, const Error& error) {
  report_error(error);
  if (line.json) print_result(error_json(error));
  return exit_code_of(error.code());
}

int print_result(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return 0;
  // The redirection is part of the command line, and all that is wrong.
  const Error error =
      Error(Errc::usage, "the result cannot be written to standard output: " + errno_text(errno))
          .with_hint("look at what standard output leads to; what the command did stands");
  report_error(error);
  return exit_code_of(error.code());
}

void report_error(const Error& error) {
  log::error("{}", error.what());
  if (error.hint().empty()) return;
  const OwnWords unmasked;
  log::error("hint: {}", error.hint());
}

}  // namespace dolibarr_backup
