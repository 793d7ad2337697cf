#include "app/metrics.h"

#include <fmt/format.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

#include "app/half_error.h"
#include "base/error.h"
#include "base/log.h"
#include "base/replace_file.h"
#include "core/base64.h"
#include "store/s3_http.h"

namespace dolibarr_backup {
namespace {

constexpr std::chrono::seconds kPushTimeout{10};
constexpr size_t kQuotedAnswerBytes = 200;

using Labels = std::vector<prometheus::ClientMetric::Label>;

double unix_time(const std::optional<Instant>& instant) {
  return instant ? static_cast<double>(instant->time_since_epoch().count()) : 0;
}

double unix_time(const std::optional<RunSummary>& run) {
  return run ? unix_time(run->run.start()) : 0;
}

// Families in the order in which they are first named.
class Families {
 public:
  void add(const char* name, const char* help, Labels labels, double value) {
    const std::string full = std::string("dolibarr_backup_") + name;
    prometheus::MetricFamily* family = nullptr;
    for (prometheus::MetricFamily& known : families_)
      if (known.name == full) family = &known;
    if (!family)
      family = &families_.emplace_back(
          prometheus::MetricFamily{full, help, prometheus::MetricType::Gauge, {}});
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    family->metric.push_back(std::move(metric));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

void add_half(Families& families, const Labels& env, Half which, const HalfStatus& half) {
  Labels labels = env;
  labels.push_back({"half", std::string(name_of(which))});
  const auto add = [&](const char* name, const char* help, double value) {
    families.add(name, help, labels, value);
  };
  add("half_ok", "1 if nothing is wrong with this half.", !half.verdict);
  add("last_success_timestamp_seconds",
      "Start of the last backup that stored this half or found it unchanged; 0: never.",
      unix_time(half.last_success));
  const std::optional<Instant> uploaded =
      half.newest ? std::optional<Instant>(half.newest->stored.taken) : std::nullopt;
  add("last_upload_timestamp_seconds", "When the newest archive was taken; 0: never.",
      unix_time(uploaded));
  add("last_verified_timestamp_seconds",
      "When the newest archive was last read whole and found good; 0: never.",
      unix_time(half.newest_verified));
  add("archive_bytes", "Size of the newest archive.",
      half.newest ? static_cast<double>(half.newest->stored.size) : 0);
  add("stored_bytes", "Size of all archives in force.", static_cast<double>(half.bytes));
  add("archives", "Archives in force.", static_cast<double>(half.archives));
  for (const Tier tier : {Tier::newest, Tier::daily, Tier::monthly, Tier::yearly}) {
    Labels of_tier = labels;
    of_tier.push_back({"tier", std::string(name_of(tier))});
    const auto found = half.archives_by_tier.find(tier);
    families.add("tier_archives", "Archives in force that a tier of the retention needs.",
                 std::move(of_tier),
                 found == half.archives_by_tier.end() ? 0 : static_cast<double>(found->second));
  }
}

void add_runs(Families& families, const Labels& env, const EnvironmentStatus& status) {
  for (const auto& [kind, runs] : status.runs) {
    if (!runs.last) continue;
    Labels labels = env;
    labels.push_back({"command", std::string(name_of(kind))});
    families.add("run_timestamp_seconds", "Start of the last run of this command.", labels,
                 unix_time(runs.last));
    families.add("run_duration_seconds", "How long it took.", labels,
                 static_cast<double>((runs.last->finished - runs.last->run.start()).count()));
    families.add("run_success", "1 if it succeeded.", labels,
                 runs.last->result == RunResult::success);
  }
  const auto last_success = [&](RunKind kind) {
    const auto found = status.runs.find(kind);
    return found == status.runs.end() ? 0 : unix_time(found->second.last_success);
  };
  families.add("last_verify_success_timestamp_seconds",
               "Start of the last verify that read archives and found all good; 0: never.", env,
               last_success(RunKind::verify));
  families.add("last_drill_success_timestamp_seconds",
               "Start of the last drill that succeeded; 0: never.", env,
               last_success(RunKind::drill));
}

void add_coverage(Families& families, const Labels& env, const EnvironmentStatus& status) {
  std::map<CoverageGap::Reason, int> gaps = {{CoverageGap::Reason::before_first, 0},
                                             {CoverageGap::Reason::lost, 0},
                                             {CoverageGap::Reason::missed, 0}};
  for (const CoverageGap& gap : status.gaps) ++gaps[gap.reason];
  families.add("kept_instants", "Instants that the retention keeps restorable.", env,
               static_cast<double>(status.kept_instants));
  for (const auto& [reason, count] : gaps) {
    Labels labels = env;
    labels.push_back({"reason", std::string(name_of(reason))});
    families.add("uncovered_instants", "Of these, those that cannot be restored as they were.",
                 std::move(labels), count);
  }
}

void add_environment(Families& families, const EnvironmentStatus& status) {
  const Labels env = {{"env", status.environment}};
  const auto add = [&](const char* name, const char* help, double value) {
    families.add(name, help, env, value);
  };
  add("ok", "1 if nothing is wrong with this environment.", !status.verdict);
  add("status_timestamp_seconds", "When these metrics were made.", unix_time(status.now));
  for (const Finding& finding : status.findings) {
    Labels labels = env;
    if (finding.half) labels.push_back({"half", std::string(name_of(*finding.half))});
    labels.push_back({"finding", std::string(name_of(finding.kind))});
    labels.push_back({"severity", std::string(name_of(severity_of(finding.kind)))});
    families.add("finding", "What `status` finds, by kind.", std::move(labels), 1);
  }
  if (status.halves.empty()) return;  // the store could not be asked
  for (const auto& [which, half] : status.halves) add_half(families, env, which, half);
  add("last_point_timestamp_seconds",
      "Start of the last backup whose pair can be restored; 0: never.",
      unix_time(status.last_pair));
  add("max_age_seconds", "After this time a last success is stale.",
      static_cast<double>(status.max_age.count()));
  add("proof_max_age_seconds", "After this time a verify or a drill is overdue.",
      static_cast<double>(status.proof_max_age.count()));
  add_runs(families, env, status);
  add_coverage(families, env, status);
  add("skipped_halves", "Halves that the last backup found unchanged.",
      static_cast<double>(status.skipped));
  add("pruned_objects", "Objects that the last prune removed.", static_cast<double>(status.pruned));
  add("orphans", "Archives that no run record names.", static_cast<double>(status.orphans));
  add("unfinished_uploads", "Uploads neither completed nor aborted.",
      static_cast<double>(status.uploads));
}

// Several findings of one kind and half are one sample.
EnvironmentStatus with_distinct_findings(const EnvironmentStatus& status) {
  EnvironmentStatus distinct = status;
  const auto same = [](const Finding& one, const Finding& other) {
    return one.kind == other.kind && one.half == other.half;
  };
  std::stable_sort(distinct.findings.begin(), distinct.findings.end(),
                   [](const Finding& one, const Finding& other) {
                     return std::pair(one.kind, one.half) < std::pair(other.kind, other.half);
                   });
  distinct.findings.erase(std::unique(distinct.findings.begin(), distinct.findings.end(), same),
                          distinct.findings.end());
  return distinct;
}

void push(const MetricsSettings& settings, const std::string& environment,
          const std::string& text) {
  HttpClient client({.stall_timeout = kPushTimeout, .connect_timeout = kPushTimeout});
  HttpRequest request{.method = "PUT",
                      .url = fmt::format("{}/metrics/job/dolibarr_backup/env/{}",
                                         settings.pushgateway, environment),
                      .headers = {{"content-type", "text/plain; version=0.0.4"}},
                      .body = as_bytes(text)};
  if (!settings.pushgateway_user.empty() || !settings.pushgateway_password.empty())
    request.headers["authorization"] =
        "Basic " + base64(settings.pushgateway_user + ":" + settings.pushgateway_password.reveal());
  const HttpResponse response = client.perform(request, {});
  if (response.status / 100 != 2)
    throw Error(Errc::usage, fmt::format("it answers {}: {}", response.status,
                                         response.body.substr(0, kQuotedAnswerBytes)));
}

}  // namespace

std::string metrics_text(const std::vector<EnvironmentStatus>& statuses) {
  Families families;
  families.add("build_info", "Version of dolibarr-backup.", {{"version", DOLIBARR_BACKUP_VERSION}},
               1);
  for (const EnvironmentStatus& status : statuses)
    add_environment(families, with_distinct_findings(status));
  return families.text();
}

void tell_metrics(const EnvironmentSettings& environment, const EnvironmentStatus& status) {
  const std::string text = metrics_text({status});
  const MetricsSettings& settings = environment.metrics;
  const auto attempt = [](const std::string& where, const std::function<void()>& body) {
    if (const std::optional<Error> error = error_of(body))
      log::warning("the metrics did not reach {}: {}", where, error->what());
  };
  if (!settings.textfile.empty()) {
    const std::string path =
        fmt::format("{}/dolibarr_backup_{}.prom", settings.textfile, environment.name);
    attempt("'" + path + "'", [&] { replace_file(path, text, kTextfileMode); });
  }
  if (!settings.pushgateway.empty())
    attempt("the Pushgateway " + settings.pushgateway,
            [&] { push(settings, environment.name, text); });
}

}  // namespace dolibarr_backup
