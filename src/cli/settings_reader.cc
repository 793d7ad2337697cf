#include "cli/settings_reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"

namespace dolibarr_backup {
namespace {

constexpr const char* kConfigVariable = "DOLIBARR_BACKUP_CONFIG";
constexpr const char* kSystemConfig = "/etc/dolibarr-backup/settings.yaml";

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error(Errc::config, "'" + path + "' cannot be read: " + errno_text(errno));
  }
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad() || (text.fail() && !std::filesystem::is_empty(path)))
    throw Error(Errc::config, "'" + path + "' cannot be read: " + errno_text(errno));
  return text.str();
}

// Only its owner has permissions on the file.
bool is_private(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text(*entry);
    const size_t mark = text.find('=');
    if (mark != std::string::npos) variables.emplace(text.substr(0, mark), text.substr(mark + 1));
  }
  return variables;
}

// A pipe can be read once only, and some commands look at the settings twice.
std::optional<std::string> read_settings_once(const std::string& path) {
  static std::map<std::string, std::optional<std::string>> texts;
  const auto known = texts.find(path);
  return known != texts.end() ? known->second : texts[path] = read_file(path);
}

// The file that was named must be there; the default one may be absent.
void find_file(const CommandLine& line, SettingsInput& input) {
  std::string named = line.config_file;
  if (const auto variable = input.variables.find(kConfigVariable);
      named.empty() && variable != input.variables.end())
    named = variable->second;
  input.file_name = named.empty() ? kSystemConfig : named;
  input.file_text = read_settings_once(input.file_name);
  if (input.file_text) input.file_is_private = is_private(input.file_name);
  if (!input.file_text && !named.empty())
    throw Error(Errc::config, "there is no settings file '" + named + "'")
        .with_hint("write one with: dolibarr-backup config init " + named);
}

// Before the other problems, which most likely follow from it.
void add_missing_file(const SettingsInput& input, SettingsResult& result) {
  if (input.file_text || (result.problems.empty() && !result.environments.empty())) return;
  result.problems.insert(
      result.problems.begin(),
      {{input.file_name},
       "no settings file was found here; write one with: dolibarr-backup config init " +
           input.file_name + ", or name it: --config FILE"});
}

// One problem is the error; of several each is a line of its own before it.
[[noreturn]] void throw_problems(const std::vector<SettingsProblem>& problems) {
  const auto words = [](const SettingsProblem& problem) {
    return problem.origin.text + ": " + problem.message;
  };
  std::string text = "in the settings, " + words(problems.front());
  if (problems.size() > 1) {
    for (const SettingsProblem& problem : problems) log::error("{}", words(problem));
    text = "the settings have " + std::to_string(problems.size()) + " problems";
  }
  throw Error(Errc::config, text)
      .with_hint("`dolibarr-backup config show` prints every setting with where it came from");
}

// What reports show anyhow: a secret that is equal would be betrayed by its gaps.
void register_public_settings(const EnvironmentSettings& environment) {
  const StoreSettings& store = environment.store;
  const DatabaseSettings& database = environment.database;
  for (const std::string& text :
       {std::string("dolibarr-backup"), environment.name, environment.prefix, environment.documents,
        store.directory, store.s3.bucket, store.s3.endpoint, store.s3.region, database.host,
        database.name, database.user, database.service})
    register_public_text(text);
}

}  // namespace

SettingsResult read_settings(const CommandLine& line) {
  SettingsInput input;
  input.variables = process_environment();
  input.flags = line.settings_flags;
  input.environment = line.environment;
  input.read_file = read_file;
  find_file(line, input);
  SettingsResult result = load_settings(input);
  add_missing_file(input, result);
  return result;
}

namespace {

bool in_cluster(const SettingsResult& result, const std::string& key) {
  return std::any_of(result.environments.begin(), result.environments.end(),
                     [&](const EnvironmentSettings& one) {
                       return one.in_cluster && key.starts_with("environments." + one.name + ".");
                     });
}

}  // namespace

void check_credential_files(SettingsResult& result) {
  for (const ShownSetting& setting : result.shown) {
    if (in_cluster(result, setting.key)) continue;  // the path is the pod's
    if (!setting.key.ends_with(".database.password_file") &&
        !setting.key.ends_with(".database.user_file"))
      continue;
    if (setting.value.empty()) continue;
    try {
      if (!read_file(setting.value))
        result.problems.push_back({setting.origin, "there is no file '" + setting.value + "'"});
    } catch (const Error& error) {
      result.problems.push_back({setting.origin, error.what()});
    }
  }
}

std::vector<EnvironmentSettings> chosen_environments(const CommandLine& line, bool all_allowed) {
  SettingsResult result = read_settings(line);
  if (!result.problems.empty()) throw_problems(result.problems);
  for (const SettingsProblem& warning : result.warnings)
    log::warning("{}: {}", warning.origin.text, warning.message);
  std::vector<EnvironmentSettings>& all = result.environments;
  if (!line.environment.empty())
    std::erase_if(all, [&](const auto& one) { return one.name != line.environment; });
  if (all.empty())
    throw Error(Errc::config, line.environment.empty()
                                  ? "no environment is defined"
                                  : "no environment '" + line.environment + "' is defined")
        .with_hint("define it in the settings file; dolibarr-backup config init shows how");
  if (all.size() > 1 && !all_allowed) throw Error(Errc::usage, "which environment? say --env NAME");
  for (const EnvironmentSettings& one : all) register_public_settings(one);
  return std::move(all);
}

}  // namespace dolibarr_backup
