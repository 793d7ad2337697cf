#include "cli/config_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/unique_fd.h"
#include "base/write_all.h"
#include "cli/table.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

json problems_json(const std::vector<SettingsProblem>& problems) {
  json list = json::array();
  for (const SettingsProblem& problem : problems)
    list.push_back({{"origin", problem.origin.text}, {"message", problem.message}});
  return list;
}

std::string show_json(const SettingsResult& result) {
  json settings = json::array();
  for (const ShownSetting& one : result.shown)
    settings.push_back({{"key", one.key}, {"value", one.value}, {"origin", one.origin.text}});
  const json all = {{"settings", settings},
                    {"problems", problems_json(result.problems)},
                    {"warnings", problems_json(result.warnings)}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string list_text(const char* title, const std::vector<SettingsProblem>& problems) {
  if (problems.empty()) return "";
  std::string text = std::string("\n") + title + ":\n";
  for (const SettingsProblem& problem : problems)
    text += "  " + problem.origin.text + ": " + problem.message + "\n";
  return text;
}

Error write_error(const std::string& target, int error_number) {
  if (error_number == EEXIST)
    return Error(Errc::config, "'" + target + "' exists already; it stays as it is")
        .with_hint("choose another name, or move that file away");
  Error error(Errc::config, "'" + target + "' cannot be written: " + errno_text(error_number));
  if (error_number == ENOENT) error.with_hint("make its folder first");
  return error;
}

// 0 or the errno of what failed.
int write_durably(int fd, std::string_view text) {
  if (const int failed = write_all(fd, text); failed != 0) return failed;
  return ::fsync(fd) == 0 ? 0 : errno;
}

// Makes the new name durable, where the file system can.
void sync_folder_of(const std::string& target) {
  const std::filesystem::path folder = std::filesystem::path(target).parent_path();
  const UniqueFd fd(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

}  // namespace

std::string config_show(const SettingsResult& result, bool json_wanted) {
  if (json_wanted) return show_json(result);
  Table table({{"KEY"}, {"VALUE"}, {"FROM"}});
  for (const ShownSetting& one : result.shown)
    table.add_row({one.key, one.value.empty() ? "-" : one.value, one.origin.text});
  return table.text() + list_text("problems", result.problems) +
         list_text("warnings", result.warnings);
}

std::string config_init(const std::string& target) {
  if (target.empty()) return settings_template();
  const UniqueFd fd(
      ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) throw write_error(target, errno);
  if (const int failed = write_durably(fd.get(), settings_template()); failed != 0) {
    ::unlink(target.c_str());
    throw write_error(target, failed);
  }
  sync_folder_of(target);
  return "wrote " + target + "\nnext: edit it, then look at: dolibarr-backup --config " + target +
         " config show\n";
}

}  // namespace dolibarr_backup
