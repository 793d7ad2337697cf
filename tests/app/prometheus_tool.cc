#include "app/prometheus_tool.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "support/child_process.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

// "name{labels} value" as an input series that has the value at the first interval only.
std::string series_of(const std::string& line) {
  const size_t space = line.rfind(' ');
  return fmt::format("      - {{series: '{}', values: '_ {}'}}\n", line.substr(0, space),
                     line.substr(space + 1));
}

}  // namespace

std::string metrics_problem(const std::string& metrics) {
  const CommandResult result =
      run_command({.argv = {"promtool", "check", "metrics"}, .stdin_text = metrics});
  return result.status == 0 ? "" : result.output + result.errors;
}

std::string alert_problem_of(const std::string& metrics, Instant now,
                             std::vector<std::string> expected) {
  TempDir folder;
  const std::string path = folder.string() + "/test.yaml";
  const std::string interval = fmt::format("{}s", now.time_since_epoch().count());
  std::string text = fmt::format(
      "rule_files: ['{}']\nevaluation_interval: {}\ntests:\n  - interval: {}\n    input_series:\n",
      ALERT_RULES, interval, interval);
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line[0] != '#') text += series_of(line);
  text += fmt::format(
      // Pending or firing: how long it must last is looked at in alert_rules_test.
      "    promql_expr_test:\n      - expr: group by (alertname) (ALERTS)\n"
      "        eval_time: {}\n        exp_samples:\n",
      interval);
  for (const std::string& name : expected)
    text += fmt::format("          - {{labels: '{{alertname=\"{}\"}}', value: 1}}\n", name);
  std::ofstream(path) << text;
  const CommandResult result = run_command({.argv = {"promtool", "test", "rules", path}});
  return result.status == 0 ? "" : result.output + result.errors;
}

}  // namespace dolibarr_backup
