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
#include "app/list.h"
#include "app/prune.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/stop.h"
#include "cli/config_commands.h"
#include "cli/progress_bar.h"
#include "cli/report_json.h"
#include "cli/report_text.h"
#include "cli/settings_reader.h"
#include "store/make_store.h"

namespace dolibarr_backup {
namespace {

Instant now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// What every command needs to work on one environment.
struct Session {
  explicit Session(const EnvironmentSettings& settings, const std::stop_source& stop_source)
      : environment(settings),
        stop(stop_source.get_token()),
        store(make_store(settings.store, settings.upload_memory_bytes, progress, stop)) {
    require_store_apart(settings);
  }
  Catalog catalog() { return {*store, KeySpace(environment.prefix), stop}; }

  const EnvironmentSettings& environment;
  Progress progress;
  std::stop_token stop;
  std::unique_ptr<ObjectStore> store;
};

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error(Errc::bug, "standard output cannot be written: " + errno_text(errno));
}

std::string who() {
  const passwd* entry = getpwuid(getuid());
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return fmt::format("{}@{}", entry ? entry->pw_name : std::to_string(getuid()), host);
}

int run_backup(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access();
  const BackupReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return back_up(environment, *session.store,
                   {.force = line.force, .reread = line.reread, .prune = !line.no_prune}, now,
                   session.progress, session.stop);
  }();
  print(line.json ? backup_json(report) : backup_text(report, line.quiet));
  if (!report.failure) return 0;
  report_error(*report.failure);
  return exit_code_of(report.failure->code());
}

int run_list(const CommandLine& line, const std::stop_source& stop) {
  std::vector<Listing> listings;
  for (const EnvironmentSettings& environment : chosen_environments(line, true)) {
    Session session(environment, stop);
    session.store->check_access();
    Catalog catalog = session.catalog();
    listings.push_back(list_environment(catalog, environment, now()));
  }
  print(line.json ? listing_json(listings) : listing_text(listings));
  return 0;
}

int run_prune(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access();
  Catalog catalog = session.catalog();
  const PruneReport report = prune(catalog, environment,
                                   {.dry_run = line.dry_run,
                                    .force = line.force,
                                    .release = line.release,
                                    .uploads_older_than = line.uploads_older_than},
                                   now, session.stop);
  print(line.json ? prune_json(environment.name, report, line.dry_run)
                  : prune_text(environment.name, report, line.dry_run));
  return 0;
}

int run_adopt(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  const std::vector<std::string> keys = adopt(catalog, environment, line.dry_run, now());
  print(line.json ? keys_json("adopted", keys) : adopt_text(keys, line.dry_run));
  return 0;
}

int run_hold(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  if (line.command == Command::hold_list) {
    const std::map<std::string, Hold> holds = list_holds(catalog);
    print(line.json ? holds_json(holds) : holds_text(holds));
    return 0;
  }
  const bool add = line.command == Command::hold_add;
  const std::string key = add ? add_hold(catalog, line.archive, line.why, who(), now())
                              : remove_hold(catalog, line.archive);
  print(line.json ? keys_json(add ? "held" : "released", {key})
                  : fmt::format("{} {}\n", add ? "held" : "released", key));
  return 0;
}

int run_identity(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  const IdentityReport report = line.command == Command::identity_accept
                                    ? accept_identity(catalog, environment, now())
                                    : show_identity(catalog, environment);
  print(line.json ? identity_json(environment.name, report)
                  : identity_text(environment.name, report));
  return 0;
}

}  // namespace

int run_command(const CommandLine& line, const std::stop_source& stop) {
  switch (line.command) {
    case Command::backup:
      return run_backup(line, stop);
    case Command::list:
      return run_list(line, stop);
    case Command::prune:
      return run_prune(line, stop);
    case Command::adopt:
      return run_adopt(line, stop);
    case Command::hold_add:
    case Command::hold_remove:
    case Command::hold_list:
      return run_hold(line, stop);
    case Command::identity_show:
    case Command::identity_accept:
      return run_identity(line, stop);
    case Command::config_show: {
      const SettingsResult result = read_settings(line);
      print(config_show(result, line.json));
      return result.problems.empty() ? 0 : exit_code_of(Errc::config);
    }
    case Command::config_init:
      print(config_init(line.target));
      return 0;
    case Command::completion:
      print(completion_script(line.target));
      return 0;
  }
  throw Error(Errc::bug, "a command without an implementation");
}

void report_error(const Error& error) {
  log::error("{}", error.what());
  if (error.hint().empty()) return;
  const OwnWords unmasked;
  log::error("hint: {}", error.hint());
}

}  // namespace dolibarr_backup
