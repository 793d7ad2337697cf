#include "cli/notify_commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/session.h"
#include "cli/settings_reader.h"
#include "notify/notifier.h"

namespace dolibarr_backup {
namespace {

std::optional<RunKind> told_kind(const CommandLine& line) {
  if (line.dry_run || line.kubectl_dry_run) return std::nullopt;
  switch (line.command) {
    case Command::backup:
      return RunKind::backup;
    case Command::prune:
      return RunKind::prune;
    case Command::verify:
      return RunKind::verify;
    case Command::drill:
      return RunKind::drill;
    default:
      return std::nullopt;
  }
}

RunNotice new_notice(const EnvironmentSettings& environment, RunKind kind) {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return {.environment = environment.name,
          .command = kind,
          .host = host,
          .id = random_uuid(),
          .started = now(),
          .finished = now()};
}

std::string trials_json(const std::vector<NoticeTrial>& trials) {
  nlohmann::json list = nlohmann::json::array();
  for (const NoticeTrial& trial : trials) {
    list.push_back({{"kind", trial.kind}, {"to", trial.to}, {"sent", !trial.failure}});
    if (trial.failure) list.back()["error"] = *trial.failure;
  }
  return nlohmann::json{{"notices", list}}.dump(2, ' ', false,
                                                nlohmann::json::error_handler_t::replace) +
         "\n";
}

std::string trials_text(const std::vector<NoticeTrial>& trials) {
  std::string text;
  for (const NoticeTrial& trial : trials)
    text += fmt::format("{} to {}: {}\n", trial.kind, trial.to,
                        trial.failure ? "FAILED: " + *trial.failure : "sent");
  return text;
}

}  // namespace

RunNotices::RunNotices(const CommandLine& line, const std::stop_source& stop) : stop_(stop) {
  const std::optional<RunKind> kind = told_kind(line);
  if (!kind) return;
  try {
    SettingsResult settings = read_settings(line);
    std::erase_if(settings.environments, [&](const EnvironmentSettings& one) {
      return !line.environment.empty() && one.name != line.environment;
    });
    // Else the run tells what is wrong with them.
    if (!settings.problems.empty() || settings.environments.size() != 1) return;
    settings_ = settings.environments.front().notify;
    if (!tells_anybody(settings_, *kind)) return;
    notice_ = new_notice(settings.environments.front(), *kind);
    tell_start(settings_, *notice_, stop_.get_token());
  } catch (const Error&) {
    // So does it here.
  } catch (const std::exception& error) {
    log::warning("nobody was told of the start: {}", error.what());
  }
}

void RunNotices::tell(const CommandOutcome& outcome, int exit_code) const {
  if (!notice_) return;
  try {
    RunNotice notice = *notice_;
    notice.finished = std::max(now(), notice.started);
    notice.exit_code = exit_code;
    notice.text = outcome.text;
    notice.json = outcome.json;
    notice.error = outcome.error;
    notice.hint = outcome.hint;
    const bool interrupted = stop_.stop_requested();
    tell_end(settings_, notice, interrupted, interrupted ? std::stop_token() : stop_.get_token());
  } catch (const std::exception& error) {
    log::warning("not everybody was told of the end: {}", error.what());
  }
}

int run_notify_test(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  RunNotice notice = new_notice(environment, RunKind::backup);
  notice.is_trial = true;
  notice.text =
      fmt::format("This is a trial of `notify test` on {}: nothing was run.\n", notice.host);
  const std::vector<NoticeTrial> trials = try_notices(environment.notify, notice, stop.get_token());
  if (trials.empty())
    throw Error(Errc::config, "'" + environment.name + "' tells nobody of its runs")
        .with_hint("set notify.ping, notify.webhook or notify.mail; config init shows how");
  const int printed = print_result(line.json ? trials_json(trials) : trials_text(trials));
  const bool all = std::all_of(trials.begin(), trials.end(),
                               [](const NoticeTrial& trial) { return !trial.failure; });
  return all ? printed : exit_code_of(Errc::config);
}

}  // namespace dolibarr_backup
