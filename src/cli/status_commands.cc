#include "cli/status_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "app/metrics.h"
#include "app/status.h"
#include "base/log.h"
#include "base/replace_file.h"
#include "base/secret.h"
#include "cli/cluster_commands.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/settings_reader.h"
#include "cli/status_json.h"
#include "cli/status_report.h"
#include "kubernetes/cluster_search.h"
#include "kubernetes/pod_state.h"
#include "kubernetes/run_in_cluster.h"

namespace dolibarr_backup {
namespace {

EnvironmentStatus read_status(const EnvironmentSettings& environment,
                              const std::stop_source& stop) {
  Session session(environment, stop);
  session.store->check_access(Access::read);
  Catalog catalog = session.catalog();
  return environment_status(catalog, environment, now());
}

// The pod tells it as JSON, whatever is printed here.
EnvironmentStatus ask_pod(const CommandLine& line, const EnvironmentSettings& environment,
                          const std::stop_source& stop) {
  CommandLine asked = line;
  asked.json = true;
  std::string result;
  const int code = run_in_cluster(
      environment, pod_command(asked, environment),
      [&](const std::string& text) {
        if (const std::optional<PodDiagnostic> diagnostic = read_diagnostic(text))
          log::write(diagnostic->level, diagnostic->message);
        else
          result += text + "\n";
      },
      stop.get_token());
  if (code != 0 && code != exit_code_of(Errc::unwell))
    throw Error(Errc::cluster, fmt::format("its pod ended with exit code {}", code));
  return read_status_json(result);
}

// What one environment hides must not hide the others.
EnvironmentStatus status_of(const CommandLine& line, const EnvironmentSettings& environment,
                            const std::stop_source& stop) {
  try {
    return environment.in_cluster ? ask_pod(line, environment, stop)
                                  : read_status(environment, stop);
  } catch (const Error& error) {
    if (error.code() == Errc::interrupted) throw;
    return unreadable_status(environment.name, environment.prefix, now(),
                             mask_secrets(error.what()));
  }
}

// Once in each cluster, as far as its first environment's rights go.
void discover_in_clusters(const std::vector<EnvironmentSettings>& environments,
                          Discovery& discovery, const std::stop_token& stop) {
  std::map<std::string, std::map<std::pair<std::string, std::string>, std::string>> enrolled;
  for (const EnvironmentSettings& one : environments)
    if (one.in_cluster)
      enrolled[one.kubernetes.context].emplace(
          std::pair(one.kubernetes.namespace_, one.kubernetes.documents_claim), one.name);
  for (const auto& [context, claims] : enrolled) {
    const auto first = std::find_if(environments.begin(), environments.end(),
                                    [&name = context](const EnvironmentSettings& one) {
                                      return one.in_cluster && one.kubernetes.context == name;
                                    });
    try {
      const ClusterSearch search = find_dolibarr_claims(first->kubernetes, stop);
      if (!search.everywhere)
        discovery.untold.push_back(fmt::format("namespaces of {} other than '{}': kubectl may not",
                                               context, first->kubernetes.namespace_));
      for (const FoundClaim& found : search.found) {
        const auto owner = claims.find({found.namespace_, found.name});
        discovery.halves.push_back(
            {Half::docs, fmt::format("claim {}/{} in {}", found.namespace_, found.name, context),
             found.sign, owner == claims.end() ? "" : owner->second});
      }
    } catch (const Error& error) {
      if (error.code() == Errc::interrupted) throw;
      discovery.untold.push_back(fmt::format("the cluster {}: {}", context, error.what()));
    }
  }
}

// The metrics of an interrupted run are worth a moment, no more.
constexpr std::chrono::seconds kLastWord{10};

/// Requests a stop once the time is over, unless it is destroyed before.
class Deadline {
 public:
  explicit Deadline(std::chrono::seconds limit)
      : thread_([this, limit](const std::stop_token& ended) {
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any().wait_for(lock, ended, limit, [] { return false; });
          if (!ended.stop_requested()) stop_.request_stop();
        }) {}
  const std::stop_source& stop() const { return stop_; }

 private:
  std::stop_source stop_;
  std::jthread thread_;  // after what it uses
};

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
    statuses.push_back(status_of(line, environment, stop));
  }
  std::optional<Discovery> discovery;
  if (line.discover) {
    discovery = discover(environments, stop.get_token());
    discover_in_clusters(environments, *discovery, stop.get_token());
  }
  int printed = 0;
  if (!line.prometheus.empty() && line.prometheus != "-")
    replace_file(line.prometheus, metrics_text(statuses), kTextfileMode);
  if (line.prometheus == "-")
    printed = print_result(metrics_text(statuses));
  else
    printed = print_result(line.json ? status_json(statuses, discovery)
                                     : status_text(statuses, discovery, line.quiet));
  const bool well = !worst_verdict(statuses) && (!discovery || discovery->not_enrolled() == 0);
  return well ? printed : exit_code_of(Errc::unwell);
}

void tell_metrics_of(const CommandLine& line, const std::stop_source& stop) {
  if (!writes_records(line.command) || line.dry_run) return;
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
    std::optional<Deadline> deadline;
    if (stop.stop_requested()) deadline.emplace(kLastWord);
    tell_metrics(environment, status_of(line, environment, deadline ? deadline->stop() : stop));
  } catch (const std::exception& error) {
    log::warning("no metrics were written: {}", error.what());
  }
}

}  // namespace dolibarr_backup
