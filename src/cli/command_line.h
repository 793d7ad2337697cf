#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"

namespace dolibarr_backup {

enum class Command {
  backup,
  list,
  status,
  prune,
  adopt,
  hold_add,
  hold_remove,
  hold_list,
  identity_show,
  identity_accept,
  verify,
  restore,
  refresh,
  show,
  find,
  diff,
  drill,
  report,
  serve,
  notify_test,
  config_show,
  config_init,
  completion,
};

/// The command line, parsed: what main dispatches on.
struct CommandLine {
  Command command = Command::list;
  std::string config_file;                            ///< --config; "" for the default places
  std::string environment;                            ///< --env
  std::map<std::string, std::string> settings_flags;  ///< as SettingsInput::flags wants them
  log::Options log;
  bool json = false;
  bool kubectl_dry_run = false;
  bool quiet = false;

  bool force = false, dry_run = false, reread = false, no_prune = false;
  std::optional<std::chrono::hours> uploads_older_than;
  std::set<std::string> release;
  std::string archive, why;  ///< hold add|rm
  std::string who;           ///< hold add; "" for who runs this program
  std::string as_of;         ///< restore, show, drill: "2026-03-31" or a time; "" for now
  std::string until;         ///< diff: the later of two
  std::string half;          ///< restore: "db", "docs", "" for both
  std::string into, into_database, into_documents;  ///< restore
  std::string confirm;                              ///< a protected environment's name
  std::vector<std::string> sql_files;               ///< refresh: run after the default steps
  bool scale_down = false;                          ///< restore, refresh in a cluster
  bool discard_old = false;                         ///< restore: remove what was kept aside
  std::string path, folder;                         ///< show, find, restore --path ... --to
  std::string work_folder;                          ///< drill, restore, refresh
  std::string conf_key_file;                        ///< drill
  std::string share;                                ///< verify: "1/30", "10%"
  bool all = false, discover = false;               ///< status
  std::optional<std::chrono::seconds> max_age;      ///< status
  std::string prometheus;                           ///< status: a file, "-" for standard output
  std::string from, to, html;                       ///< report: two dates, a file
  std::string listen, token_file;                   ///< serve: "127.0.0.1:8790", a file
  bool no_token = false;                            ///< serve
  std::string language = "en";                      ///< report: "en", "fr"
  bool accept_unproven = false, quick = false;
  std::string target;  ///< config init FILE; completion SHELL
};

/// A command line to run, unless there is a text that was asked for (--help, --version)
/// or an error; `line` then still says how to tell it (--json, --log-format).
struct ParsedCommandLine {
  CommandLine line;
  std::optional<std::string> text;
  std::optional<Error> error;
};

ParsedCommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace dolibarr_backup
