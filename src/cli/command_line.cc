#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/units.h"
#include "cli/parser.h"
#include "core/did_you_mean.h"
#include "core/setting_values.h"

namespace dolibarr_backup {
namespace {

std::string exit_code_table() {
  std::string text = "Exit codes:\n";
  for (const ExitCode& row : exit_codes())
    text += fmt::format("  {:>3}  {:<12} {}\n", row.code, row.name, row.meaning);
  return text;
}

std::chrono::hours hours_of(const std::string& text) {
  size_t end = 0;
  long number = -1;
  try {
    number = std::stol(text, &end);
  } catch (const std::exception&) {
  }
  const std::string unit = text.substr(std::min(end, text.size()));
  if (number < 0 || number > 100'000 || (unit != "" && unit != "h" && unit != "d"))
    throw CLI::ValidationError("--uploads-older-than",
                               "'" + text + "' is no time such as 12h or 2d");
  return unit == "d" ? std::chrono::days(number) : std::chrono::hours(number);
}

void add_settings_flag(CLI::App& app, CommandLine& line, const char* name, const char* help,
                       const char* type = "TEXT") {
  app.add_option_function<std::string>(
         "--" + std::string(name),
         [&line, name](const std::string& value) { line.settings_flags[name] = value; }, help)
      ->group("Settings, instead of the file's")
      ->type_name(type);
}

void add_global_options(CLI::App& app, CommandLine& line) {
  app.add_option("-c,--config", line.config_file,
                 "Settings file (default: $DOLIBARR_BACKUP_CONFIG, then "
                 "/etc/dolibarr-backup/settings.yaml)")
      ->type_name("FILE");
  app.add_option("-e,--env", line.environment, "Environment, e.g. prod or sandbox")
      ->type_name("NAME");
  app.add_flag("--json", line.json, "Print the result as JSON (docs/json.md)");
  app.add_flag("-q,--quiet", line.quiet, "Only warnings and errors; no progress");
  app.add_flag_callback(
      "-v,--verbose", [&line] { line.log.level = log::Level::debug; },
      "Say what is done, request by request");
  app.add_option_function<std::string>(
         "--log-format",
         [&line](const std::string& value) {
           line.log.format = value == "json" ? log::Format::json : log::Format::text;
         },
         "Diagnostics on stderr as text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  app.add_flag("--kubectl-dry-run", line.kubectl_dry_run,
               "For an environment in a cluster: print the objects that would be made, secrets\n"
               "masked, and contact nothing");
  add_settings_flag(app, line, "bucket", "S3 bucket");
  add_settings_flag(app, line, "endpoint", "S3 endpoint, e.g. https://storage.googleapis.com");
  add_settings_flag(app, line, "region", "S3 region");
  add_settings_flag(app, line, "directory", "Directory store instead of S3", "FOLDER");
  add_settings_flag(app, line, "prefix", "Prefix in the store (default erp/<env>)");
  add_settings_flag(app, line, "documents", "Documents tree", "FOLDER");
  add_settings_flag(app, line, "database", "Database name");
  add_settings_flag(app, line, "host", "Database host or socket folder");
  add_settings_flag(app, line, "port", "Database port");
  add_settings_flag(app, line, "user", "Database user");
}

CLI::App* add_command(CLI::App& parent, CommandLine& line, Command command, const char* name,
                      const char* help) {
  CLI::App* sub = parent.add_subcommand(name, help);
  sub->fallthrough();
  sub->callback([&line, command] { line.command = command; });
  return sub;
}

void add_backup(CLI::App& app, CommandLine& line) {
  CLI::App* backup =
      add_command(app, line, Command::backup, "backup",
                  "Store each half that changed, as one consistent pair, then prune");
  backup->add_flag("--force", line.force, "Take both halves even if they are unchanged");
  backup->add_flag("--reread", line.reread,
                   "Read every document again and compare it with the last manifest");
  backup->add_flag("--no-prune", line.no_prune, "Leave out the prune that follows a success");
}

void add_prune(CLI::App& app, CommandLine& line) {
  CLI::App* prune =
      add_command(app, line, Command::prune, "prune", "Remove what the retention no longer keeps");
  prune->add_flag("-n,--dry-run", line.dry_run, "Print the plan with its reasons, remove nothing");
  prune->add_flag("--force", line.force,
                  "Override the guard on the share that goes, and on a year without runs;\n"
                  "a clock behind the newest record stays refused");
  prune
      ->add_option_function<std::string>(
          "--uploads-older-than",
          [&line](const std::string& value) { line.uploads_older_than = hours_of(value); },
          "Abort unfinished uploads and remove orphans (archives that no run recorded)\n"
          "older than this, e.g. 12h, 2d (default 1d, orphans 3d); 0 also takes what\n"
          "a run going on now has uploaded and not yet recorded")
      ->type_name("TIME");
  prune
      ->add_option_function<std::vector<std::string>>(
          "--release",
          [&line](const std::vector<std::string>& keys) {
            line.release.insert(keys.begin(), keys.end());
          },
          "Let a docs archive go although it alone still has an issued document")
      ->type_name("ARCHIVE");
}

void add_hold(CLI::App& app, CommandLine& line) {
  CLI::App* hold = app.add_subcommand("hold", "Archives that prune must keep");
  hold->fallthrough();
  hold->require_subcommand(1);
  CLI::App* add = add_command(*hold, line, Command::hold_add, "add", "Keep an archive");
  add->add_option("archive", line.archive, "Its key or file name")->required();
  add->add_option("--why", line.why, "The reason, for whoever finds it")
      ->required()
      ->check([](const std::string& why) {
        return trim(why).empty() ? std::string("must not be empty") : std::string();
      });
  add->add_option("--who", line.who, "Who keeps it (default: who runs this)")->type_name("NAME");
  CLI::App* remove = add_command(*hold, line, Command::hold_remove, "rm", "Let it go again");
  remove->add_option("archive", line.archive, "Its key or file name")->required();
  add_command(*hold, line, Command::hold_list, "list", "Show the holds");
}

void add_as_of(CLI::App& command, CommandLine& line) {
  command
      .add_option(
          "--as-of", line.as_of,
          "The state at this time: 2026-03-31 (its end, in time_zone) or 2026-03-31T12:00:00Z")
      ->type_name("TIME");
}

void add_work_folder(CLI::App& command, CommandLine& line) {
  command
      .add_option("--work-dir", line.work_folder,
                  "Where there is room (default: $TMPDIR, /var/tmp)")
      ->type_name("FOLDER");
}

void add_point_options(CLI::App& command, CommandLine& line) {
  add_as_of(command, line);
  command.add_option("--half", line.half, "Only the database, or only the documents")
      ->check(CLI::IsMember({"db", "docs"}))
      ->type_name("HALF");
  command.add_flag("--accept-unproven", line.accept_unproven,
                   "Take a torn pair, or single halves, if there is nothing better");
  command.add_flag("-n,--dry-run", line.dry_run, "Say what would be done, change nothing");
}

void add_scale_down(CLI::App& command, CommandLine& line) {
  command.add_flag("--scale-down", line.scale_down,
                   "In a cluster: what uses the target's documents stands at 0 replicas meanwhile");
}

void add_restore(CLI::App& app, CommandLine& line) {
  CLI::App* restore = add_command(app, line, Command::restore, "restore",
                                  "Bring a point back, proven equal before anything is replaced");
  add_point_options(*restore, line);
  restore->add_option("--into", line.into, "The environment whose places are replaced")
      ->type_name("NAME");
  restore
      ->add_option("--into-database", line.into_database,
                   "Another database on the environment's server, or elsewhere by its URI")
      ->type_name("NAME|URI");
  restore->add_option("--into-documents", line.into_documents, "Another folder")
      ->type_name("FOLDER");
  restore->add_option("--confirm", line.confirm, "Replace a protected environment: its name")
      ->type_name("NAME");
  add_scale_down(*restore, line);
  restore->add_flag("--discard-old", line.discard_old,
                    "Restore nothing: remove what earlier restores of the target kept aside");
  restore->add_option("--path", line.path, "Only these documents, e.g. 'facture/FA2412-0001/*'")
      ->type_name("PATTERN");
  restore->add_option("--to", line.folder, "Where to put them")->type_name("FOLDER");
  add_work_folder(*restore, line);
}

void add_refresh(CLI::App& app, CommandLine& line) {
  CLI::App* refresh =
      add_command(app, line, Command::refresh, "refresh",
                  "Fill an environment with another one's backup, made harmless before its use");
  refresh->add_option("--from", line.environment, "The environment whose backup is taken")
      ->required()
      ->type_name("NAME");
  refresh
      ->add_option("--into", line.into, "The environment that is replaced, never a protected one")
      ->required()
      ->type_name("NAME");
  add_point_options(*refresh, line);
  add_scale_down(*refresh, line);
  refresh
      ->add_option("--sql", line.sql_files,
                   "SQL of your own, run in the new database after the default steps")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_work_folder(*refresh, line);
}

void add_readers(CLI::App& app, CommandLine& line) {
  CLI::App* verify = add_command(app, line, Command::verify, "verify",
                                 "Check that the store still holds what was stored");
  verify->add_flag("--quick", line.quick, "Names, sizes and the chain of records; read no archive");
  verify->add_option("--share", line.share, "Read this share a run, the longest unread first")
      ->type_name("1/30");
  add_restore(app, line);
  add_refresh(app, line);
  CLI::App* show = add_command(app, line, Command::show, "show",
                               "Write one document out of a backup to standard output");
  add_as_of(*show, line);
  show->add_option("path", line.path, "Relative to the documents folder")->required();
  CLI::App* find =
      add_command(app, line, Command::find, "find", "Show the versions of documents over time");
  find->add_option("pattern", line.path, "A path, folder or pattern")->required();
  CLI::App* diff =
      add_command(app, line, Command::diff, "diff", "Say what changed between two points");
  diff->add_option("from", line.as_of, "The earlier time")->required();
  diff->add_option("to", line.until, "The later time (default: now)");
  CLI::App* drill = add_command(app, line, Command::drill, "drill",
                                "Restore a point on trial and prove what it holds");
  add_as_of(*drill, line);
  add_work_folder(*drill, line);
  drill
      ->add_option("--conf-key-file", line.conf_key_file,
                   "A file with conf.php's key, to try it on an encrypted value")
      ->type_name("FILE");
}

void add_status(CLI::App& app, CommandLine& line) {
  CLI::App* status =
      add_command(app, line, Command::status, "status",
                  "Say whether the backups are as they should be (all environments without --env)");
  status->add_flag("--all", line.all, "All environments of the settings, as without --env");
  status
      ->add_option_function<std::string>(
          "--max-age",
          [&line](const std::string& value) {
            line.max_age = read_duration(value);
            if (!line.max_age)
              throw CLI::ValidationError("--max-age", "'" + value + "' is no time such as 26h");
          },
          "A last success older than this is stale (default: max_age of the settings, 26h)")
      ->type_name("TIME");
  status->add_flag(
      "--discover", line.discover,
      "Also look for databases and documents of Dolibarr that no environment backs up");
  status
      ->add_option("--prometheus", line.prometheus,
                   "Write the metrics to this file, in one step, or to standard output (-)")
      ->type_name("FILE");
}

void add_report(CLI::App& app, CommandLine& line) {
  CLI::App* report =
      add_command(app, line, Command::report, "report",
                  "Write a page on what was backed up, when, and what can be restored");
  report->add_option("--from", line.from, "First day (default: a year before the last)")
      ->type_name("DATE");
  report->add_option("--to", line.to, "Last day (default: today)")->type_name("DATE");
  report
      ->add_option("--html", line.html,
                   "Where the page goes, a file that needs no other; - for standard output")
      ->type_name("FILE");
  report->add_option("--lang", line.language, "Language of the page (default: en)")
      ->check(CLI::IsMember({"en", "fr"}))
      ->type_name("LANGUAGE");
}

void add_serve(CLI::App& app, CommandLine& line) {
  CLI::App* serve =
      add_command(app, line, Command::serve, "serve",
                  "Show reports and a search for documents in a browser (all environments without "
                  "--env)");
  serve->add_option("--listen", line.listen, "Where (default: 127.0.0.1:8790); port 0: any")
      ->type_name("HOST:PORT");
  CLI::Option* token = serve
                           ->add_option("--token-file", line.token_file,
                                        "A file with the token that every reader must send")
                           ->type_name("FILE");
  serve->add_flag("--no-token", line.no_token, "Nobody needs one, though other machines can ask")
      ->excludes(token);
}

void add_commands(CLI::App& app, CommandLine& line) {
  add_backup(app, line);
  add_command(app, line, Command::list, "list",
              "Show points, archives and what is missing (all environments without --env)");
  add_status(app, line);
  add_prune(app, line);
  CLI::App* adopt = add_command(app, line, Command::adopt, "adopt",
                                "Take over the archives of the reference script under the prefix");
  adopt->add_flag("-n,--dry-run", line.dry_run, "Only name them");
  add_hold(app, line);

  add_readers(app, line);
  add_report(app, line);
  add_serve(app, line);

  CLI::App* identity =
      app.add_subcommand("identity", "Which Dolibarr instance the prefix holds the backups of");
  identity->fallthrough();
  identity->require_subcommand(1);
  add_command(*identity, line, Command::identity_show, "show",
              "Compare the prefix's with the database's");
  add_command(*identity, line, Command::identity_accept, "accept",
              "Make the database's the prefix's from now on");

  CLI::App* notify = app.add_subcommand("notify", "Who is told of runs");
  notify->fallthrough();
  notify->require_subcommand(1);
  add_command(*notify, line, Command::notify_test, "test",
              "Send one message of each kind and say what came of it");

  CLI::App* config = app.add_subcommand("config", "The settings");
  config->fallthrough();
  config->require_subcommand(1);
  add_command(*config, line, Command::config_show, "show",
              "Print every setting with where it came from; secrets masked");
  CLI::App* init =
      add_command(*config, line, Command::config_init, "init", "Write a commented settings file");
  init->add_option("file", line.target, "Where (default: standard output)")->type_name("FILE");

  CLI::App* completion =
      add_command(app, line, Command::completion, "completion", "Print a shell completion script");
  completion->add_option("shell", line.target, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace

std::unique_ptr<CLI::App> make_parser(CommandLine& line) {
  auto app = std::make_unique<CLI::App>(
      "Backs up a Dolibarr ERP: its PostgreSQL database and its documents, as one pair.",
      "dolibarr-backup");
  app->set_version_flag("--version", "dolibarr-backup " DOLIBARR_BACKUP_VERSION);
  app->require_subcommand(1);
  app->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_global_options(*app, line);
  add_commands(*app, line);
  app->footer(exit_code_table() + "\nStart with: dolibarr-backup config init");
  return app;
}

namespace {

// What a command line that is wrong says of how its error is to be told.
void scan_for_form(int argc, const char* const* argv, CommandLine& line) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view next = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--json") line.json = true;
    if (word == "--log-format=json" || (word == "--log-format" && next == "json"))
      line.log.format = log::Format::json;
  }
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const std::optional<std::string> meant = did_you_mean(word, candidates);
  return meant ? "; did you mean '" + *meant + "'?" : "";
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;  // the innermost that was recognised
  std::string path;
  for (; !command->get_subcommands().empty(); path += command->get_name() + " ")
    command = command->get_subcommands().back();
  const std::vector<std::string> commands = command_names(*command);
  const std::string list = fmt::format("commands: {}{}", path, fmt::join(commands, ", " + path));
  const std::string help = "see: dolibarr-backup " + path + "--help";

  const std::vector<std::string> extra = app.remaining(true);
  const std::string word = extra.empty() ? "" : extra.front().substr(0, extra.front().find('='));
  if (word.starts_with("-")) {
    std::vector<std::string> known = option_names(app);
    const std::vector<std::string> own = option_names(*command);
    known.insert(known.end(), own.begin(), own.end());
    return Error(Errc::usage, "unknown option '" + word + "'" + suggestion(word, known))
        .with_hint(help);
  }
  if (!commands.empty() && !word.empty())
    return Error(Errc::usage, "unknown command '" + path + word + "'" + suggestion(word, commands))
        .with_hint(list);
  if (!commands.empty() && dynamic_cast<const CLI::RequiredError*>(&error))
    return Error(Errc::usage, path.empty() ? "a command is required"
                                           : "'" + command->get_name() + "' needs a command")
        .with_hint(list);
  if (!word.empty()) return Error(Errc::usage, "'" + word + "' was not expected").with_hint(help);
  return Error(Errc::usage, error.what()).with_hint(help);
}

}  // namespace

ParsedCommandLine parse_command_line(int argc, const char* const* argv) {
  ParsedCommandLine parsed;
  CommandLine& line = parsed.line;
  const std::unique_ptr<CLI::App> app = make_parser(line);
  try {
    app->parse(argc, argv);
    if (line.quiet && line.log.level == log::Level::info) line.log.level = log::Level::warning;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    if (app->exit(error, out, out) == 0) {
      parsed.text = out.str();
    } else {
      scan_for_form(argc, argv, line);
      parsed.error = usage_error(*app, error);
    }
  }
  return parsed;
}

}  // namespace dolibarr_backup
