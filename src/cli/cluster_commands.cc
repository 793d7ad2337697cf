#include "cli/cluster_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/units.h"
#include "cli/commands.h"
#include "cli/restore_commands.h"
#include "cli/settings_reader.h"
#include "core/base64.h"
#include "core/setting_values.h"
#include "core/settings_keys.h"
#include "dolibarr/pg_connection.h"
#include "kubernetes/cluster_objects.h"
#include "kubernetes/pod_settings.h"
#include "kubernetes/pod_state.h"
#include "kubernetes/run_in_cluster.h"

namespace dolibarr_backup {
namespace {

// They only read the store, and what they bring is for this machine: its bytes go neither through
// a log nor through `kubectl exec`, which may cut them short and say nothing.
bool reads_store_from_here(const CommandLine& line) {
  return line.command == Command::show || line.command == Command::report ||
         (line.command == Command::restore && !line.path.empty());
}

// The settings themselves, who is told of runs, and a shell's completion.
bool needs_no_environment(Command command) {
  return command == Command::config_show || command == Command::config_init ||
         command == Command::completion || command == Command::notify_test;
}

bool replaces_something(Command command) {
  return command == Command::restore || command == Command::refresh;
}

void refuse(bool given, const char* option, const char* why) {
  if (given)
    throw Error(Errc::usage,
                fmt::format("{} cannot be given for an environment in a cluster: {}", option, why));
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

// The words of the command, without its options.
std::vector<std::string> words_of(const CommandLine& line) {
  switch (line.command) {
    case Command::backup:
      return {"backup"};
    case Command::list:
      return {"list"};
    case Command::status:
      return {"status"};
    case Command::prune:
      return {"prune"};
    case Command::verify:
      return {"verify"};
    case Command::drill:
      return {"drill"};
    case Command::adopt:
      return {"adopt"};
    case Command::hold_list:
      return {"hold", "list"};
    case Command::identity_show:
      return {"identity", "show"};
    case Command::identity_accept:
      return {"identity", "accept"};
    case Command::diff:
      return {"diff"};
    case Command::find:
      return {"find"};
    case Command::hold_add:
      return {"hold", "add", line.archive};
    case Command::hold_remove:
      return {"hold", "rm", line.archive};
    case Command::restore:
      return {"restore"};
    case Command::refresh:
      return {"refresh"};
    default:
      break;
  }
  throw Error(Errc::refused, "this command does not run in a cluster")
      .with_hint("use a settings file without `kubernetes`, with the store's credentials");
}

// They keep their order and, for the report, their names.
std::string sql_name(const std::vector<std::string>& files, size_t index) {
  return fmt::format("{}-{}", index + 1, std::filesystem::path(files[index]).filename().string());
}

// One object of a cluster holds 1 MiB; the store's keys need some of it.
constexpr size_t kMostSqlBytes = 1000 * kKiB;

std::vector<PodFile> read_sql_files(const std::vector<std::string>& files) {
  std::vector<PodFile> read;
  size_t bytes = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    const OwnSql sql = read_sql(files[i]);
    bytes += sql.text.size();
    read.push_back({sql_name(files, i), base64(sql.text)});
  }
  if (bytes > kMostSqlBytes)
    throw Error(Errc::usage, fmt::format("the files of --sql have {}; for a cluster {} is the most",
                                         format_bytes(bytes), format_bytes(kMostSqlBytes)))
        .with_hint("they go into one Secret; after the refresh, run the rest with psql");
  return read;
}

// The options of restore and refresh, and what their pod is allowed.
void add_restore(const CommandLine& line, const EnvironmentSettings& target, PodCommand& command) {
  refuse(!line.folder.empty(), "--to", "it goes with --path");
  refuse(!line.into_documents.empty(), "--into-documents",
         "the folder would be in its pod; --path and --to bring documents to this machine");
  refuse(is_connection_string(line.into_database), "--into-database with a URI",
         "a password would stand in the Job; name a database");
  std::vector<std::string>& arguments = command.arguments;
  const auto option = [&](const char* name, const std::string& value) {
    if (!value.empty()) arguments.push_back(fmt::format("{}={}", name, value));
  };
  if (line.command == Command::refresh) option("--from", line.environment);
  option("--into", line.into);
  option("--into-database", line.into_database);
  option("--as-of", line.as_of);
  option("--half", line.half);
  if (line.accept_unproven) arguments.push_back("--accept-unproven");
  if (line.discard_old) arguments.push_back("--discard-old");
  for (size_t i = 0; i < line.sql_files.size(); ++i)
    option("--sql", fmt::format("{}/{}", kPodSql, sql_name(line.sql_files, i)));
  // Asked here already: a pod has no terminal.
  const bool asked = target.is_protected && !line.into.empty();
  option("--confirm", asked ? target.name : line.confirm);
  command.writes_documents = !line.into.empty() && !line.dry_run;
  command.replaces = command.writes_documents && !line.discard_old;
  command.scale_down = line.scale_down;
}

}  // namespace

PodCommand pod_command(const CommandLine& line, const EnvironmentSettings& environment) {
  PodCommand command;
  std::vector<std::string>& arguments = command.arguments = words_of(line);
  command.component = arguments.front();
  command.reads_sources = command.component == "backup" || command.component == "identity" ||
                          replaces_something(line.command);
  refuse(!line.work_folder.empty(), "--work-dir", "a drill works in the pod's /tmp");
  refuse(!line.conf_key_file.empty(), "--conf-key-file",
         "kubernetes.conf_key_secret names a Secret with the key");

  const auto flag = [&](bool given, const char* name) {
    if (given) arguments.push_back(name);
  };
  const auto option = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) arguments.push_back(name + "=" + value);
  };
  flag(line.force, "--force");
  flag(line.reread, "--reread");
  flag(line.no_prune, "--no-prune");
  flag(line.dry_run, "--dry-run");
  flag(line.quick, "--quick");
  option("--share", line.share);
  if (line.max_age) option("--max-age", duration_text(*line.max_age));
  if (line.uploads_older_than)
    option("--uploads-older-than", fmt::format("{}h", line.uploads_older_than->count()));
  for (const std::string& key : line.release) option("--release", key);
  if (line.command == Command::drill) {
    option("--as-of", line.as_of);
    option("--work-dir", "/tmp");
    if (!environment.kubernetes.conf_key_secret.empty())
      option("--conf-key-file", fmt::format("{}/conf-key/key", kPodSecrets));
  }
  flag(line.json, "--json");
  flag(line.quiet, "--quiet");
  flag(line.log.level == log::Level::debug, "--verbose");
  option("--log-format", "json");
  option("--why", line.why);
  if (line.command == Command::hold_add) option("--who", who(line));
  if (replaces_something(line.command)) add_restore(line, environment, command);
  if (line.command == Command::diff || line.command == Command::find) {
    arguments.push_back("--");  // what begins with '-' is no option
    arguments.push_back(line.command == Command::diff ? line.as_of : line.path);
    if (!line.until.empty()) arguments.push_back(line.until);
  }
  return command;
}

namespace {

// What leads elsewhere would part the command line from what the settings say of the cluster.
void refuse_location_flags(const CommandLine& line) {
  for (const SettingKey& key : setting_keys())
    if (!key.flag.empty() && line.settings_flags.contains(key.flag))
      throw Error(Errc::usage, "--" + key.flag + " cannot be given for an environment in a cluster")
          .with_hint("set " + key.name + " in the settings file");
}

// Tells the pod's diagnostics from its result.
class PodOutput {
 public:
  explicit PodOutput(CommandOutcome& outcome) : outcome_(outcome) {}

  void line(const std::string& text) {
    if (const std::optional<PodDiagnostic> diagnostic = read_diagnostic(text)) {
      log::write(diagnostic->level, diagnostic->message);
      if (diagnostic->level == log::Level::error) keep_error(diagnostic->message);
      return;
    }
    has_result_ = true;
    if (outcome_.text.size() < kKeptBytes) outcome_.text += text + "\n";
    if (failed_ == 0) failed_ = print_result(text + "\n");
  }
  bool has_result() const { return has_result_; }
  int failed() const { return failed_; }

 private:
  static constexpr size_t kKeptBytes = 1 << 20;

  // As report_error() writes them.
  void keep_error(const std::string& message) {
    if (message.starts_with("hint: "))
      outcome_.hint = message.substr(6);
    else
      outcome_.error = message;
  }

  CommandOutcome& outcome_;
  bool has_result_ = false;
  int failed_ = 0;
};

int run_pod(const CommandLine& line, const EnvironmentSettings& environment,
            const PodCommand& command, const std::stop_source& stop, CommandOutcome& outcome) {
  refuse_location_flags(line);
  if (line.kubectl_dry_run)
    return print_result(masked_objects(environment, command, run_name(environment, "xxxxxx")));
  PodOutput output(outcome);
  try {
    const int code = run_in_cluster(
        environment, command, [&](const std::string& text) { output.line(text); },
        stop.get_token());
    if (line.json) outcome.json = outcome.text;
    return code != 0 ? code : output.failed();
  } catch (const Error& error) {
    // Its document is out; a second one would spoil it.
    if (!output.has_result()) throw;
    report_error(error);
    return exit_code_of(error.code());
  }
}

std::vector<std::string> names_in_cluster(const std::vector<EnvironmentSettings>& environments) {
  std::vector<std::string> names;
  for (const EnvironmentSettings& one : environments)
    if (one.in_cluster) names.push_back(one.name);
  return names;
}

EnvironmentSettings environment_named(const CommandLine& line, const std::string& name) {
  CommandLine of_name = line;
  of_name.environment = name;
  return chosen_environments(of_name, false).front();
}

// What the pod could not know, or would only tell later.
void check_ends(const CommandLine& line, const EnvironmentSettings& source,
                const EnvironmentSettings& target) {
  if (line.into.empty() && line.into_database.empty())
    throw Error(Errc::usage, "a restore needs a target")
        .with_hint("--into ENV; for a copy beside it --into-database NAME");
  for (const EnvironmentSettings* one : {&source, &target})
    if (!one->in_cluster)
      throw Error(Errc::refused, fmt::format("'{}' is not in a cluster, but the other end is: '{}' "
                                             "from '{}'",
                                             one->name, target.name, source.name))
          .with_hint("restore with a settings file that says the same of both");
  if (source.name != target.name)
    for (const EnvironmentSettings* one : {&source, &target})
      if (one->store.s3.endpoint.empty())
        throw Error(Errc::config, fmt::format("'{}' has no store.endpoint", one->name))
            .with_hint(
                "a restore from one environment into another needs it in the settings of "
                "both");
  if (source.name != target.name && name_one_database(source, target))
    throw Error(Errc::refused,
                fmt::format("'{}' and '{}' have the same database: '{}' on '{}'", target.name,
                            source.name, target.database.name, target.database.host))
        .with_hint("mend the settings: two environments never share a database");
  if (line.into.empty() || !target.is_protected) return;
  if (line.command == Command::refresh)
    throw Error(Errc::refused, "'" + target.name + "' is protected: no copy is put into it")
        .with_hint("to bring it back from its own backup: restore --env " + target.name);
  if (!line.dry_run && !line.kubectl_dry_run) require_name_of(target, line);
}

// In the target's cluster and namespace.
int run_restore_pod(const CommandLine& line, const std::stop_source& stop,
                    CommandOutcome& outcome) {
  const EnvironmentSettings source = chosen_environments(line, false).front();
  const EnvironmentSettings target =
      line.into.empty() ? source : environment_named(line, line.into);
  check_ends(line, source, target);
  PodCommand command = pod_command(line, target);
  command.sql = read_sql_files(line.sql_files);
  if (source.name != target.name) command.source = &source;
  return run_pod(line, target, command, stop, outcome);
}

// Those that the command means: of a restore both ends.
std::vector<std::string> meant_in_cluster(const CommandLine& line) {
  CommandLine all = line;
  if (replaces_something(line.command)) all.environment.clear();
  std::vector<EnvironmentSettings> environments = read_settings(all).environments;
  if (!line.environment.empty())
    std::erase_if(environments, [&](const EnvironmentSettings& one) {
      return one.name != line.environment && one.name != line.into;
    });
  return names_in_cluster(environments);
}

}  // namespace

std::optional<int> run_command_in_cluster(const CommandLine& line, const std::stop_source& stop,
                                          CommandOutcome& outcome) {
  if (needs_no_environment(line.command)) return std::nullopt;
  // It asks each environment where it is.
  if (line.command == Command::status && !line.kubectl_dry_run) return std::nullopt;
  const std::vector<std::string> names = meant_in_cluster(line);
  if (names.empty()) {
    if (line.scale_down)
      throw Error(Errc::usage, "--scale-down: the environment has no `kubernetes` settings");
    if (line.kubectl_dry_run)
      throw Error(Errc::usage, "--kubectl-dry-run: the environment has no `kubernetes` settings");
    return std::nullopt;
  }
  if (reads_store_from_here(line)) {
    refuse(line.scale_down, "--scale-down", "--path replaces nothing there");
    refuse(line.kubectl_dry_run, "--kubectl-dry-run", "this command makes no object there");
    refuse_location_flags(line);
    return std::nullopt;
  }
  if (replaces_something(line.command)) return run_restore_pod(line, stop, outcome);
  const std::vector<EnvironmentSettings> environments = chosen_environments(line, true);
  if (environments.size() > 1)
    throw Error(Errc::usage,
                "which environment? " + joined(names) + " are in a cluster; say --env NAME");
  const EnvironmentSettings& environment = environments.front();
  return run_pod(line, environment, pod_command(line, environment), stop, outcome);
}

}  // namespace dolibarr_backup
