#include "cli/status_commands.h"

#include "app/metrics.h"
#include "app/status.h"
#include "base/log.h"
#include "base/secret.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/settings_reader.h"
#include "cli/status_report.h"

namespace dolibarr_backup {
namespace {

EnvironmentStatus read_status(const EnvironmentSettings& environment,
                              const std::stop_source& stop) {
  Session session(environment, stop);
  session.store->check_access(Access::read);
  Catalog catalog = session.catalog();
  return environment_status(catalog, environment, now());
}

// What one environment hides must not hide the others.
EnvironmentStatus status_of(const EnvironmentSettings& environment, const std::stop_source& stop) {
  try {
    return read_status(environment, stop);
  } catch (const Error& error) {
    if (error.code() == Errc::interrupted) throw;
    return unreadable_status(environment.name, environment.prefix, now(),
                             mask_secrets(error.what()));
  }
}

bool writes_records(Command command) {
  return command == Command::backup || command == Command::prune || command == Command::verify ||
         command == Command::drill;
}

}  // namespace

int run_status(const CommandLine& line, const std::stop_source& stop) {
  if (line.all && !line.environment.empty())
    throw Error(Errc::usage, "--all and --env exclude each other");
  if (line.discover && !line.environment.empty())
    throw Error(Errc::usage, "--discover is about all environments: leave out --env");
  std::vector<EnvironmentSettings> environments = chosen_environments(line, true);
  std::vector<EnvironmentStatus> statuses;
  for (EnvironmentSettings& environment : environments) {
    if (line.max_age) environment.max_age = *line.max_age;
    statuses.push_back(status_of(environment, stop));
  }
  std::optional<Discovery> discovery;
  if (line.discover) discovery = discover(environments, stop.get_token());
  int printed = 0;
  if (!line.prometheus.empty() && line.prometheus != "-")
    write_metrics_file(line.prometheus, metrics_text(statuses));
  if (line.prometheus == "-")
    printed = print_result(metrics_text(statuses));
  else
    printed = print_result(line.json ? status_json(statuses, discovery)
                                     : status_text(statuses, discovery, line.quiet));
  const bool well = !worst_verdict(statuses) && (!discovery || discovery->all_enrolled());
  return well ? printed : exit_code_of(Errc::unwell);
}

void tell_metrics_of(const CommandLine& line, const std::stop_source& stop) {
  if (!writes_records(line.command) || line.dry_run || stop.stop_requested()) return;
  try {
    SettingsResult settings = read_settings(line);
    std::erase_if(settings.environments, [&](const EnvironmentSettings& one) {
      return !line.environment.empty() && one.name != line.environment;
    });
    // Else the run told what is wrong with them.
    if (!settings.problems.empty() || settings.environments.size() != 1) return;
    const EnvironmentSettings& environment = settings.environments.front();
    const MetricsSettings& metrics = environment.metrics;
    if (environment.in_cluster || (metrics.textfile.empty() && metrics.pushgateway.empty())) return;
    tell_metrics(environment, status_of(environment, stop));
  } catch (const std::exception& error) {
    log::warning("no metrics were written: {}", error.what());
  }
}

}  // namespace dolibarr_backup
