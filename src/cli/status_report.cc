#include "cli/status_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/secret.h"
#include "cli/table.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

std::string ago(Instant now, const std::optional<Instant>& then) {
  return then ? format_duration(now - *then) + " ago" : "never";
}

std::string upper(std::string_view word) {
  std::string text(word);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// What is wrong stands out without colours.
std::string shown_verdict(const std::optional<FindingKind>& verdict) {
  return verdict ? upper(verdict_word(verdict)) : "ok";
}

std::string signed_bytes(int64_t bytes) {
  return (bytes < 0 ? "-" : "+") + format_bytes(static_cast<uint64_t>(bytes < 0 ? -bytes : bytes));
}

std::string overview(const std::vector<EnvironmentStatus>& statuses) {
  Table table({{"ENVIRONMENT"},
               {"HALF"},
               {"STATUS"},
               {"LAST SUCCESS", Align::right},
               {"LAST UPLOAD", Align::right},
               {"SIZE", Align::right},
               {"30 DAYS", Align::right},
               {"ARCHIVES", Align::right},
               {"VERIFIED", Align::right}});
  for (const EnvironmentStatus& status : statuses) {
    if (status.halves.empty())
      table.add_row({status.environment, "", shown_verdict(status.verdict)});
    for (const auto& [which, half] : status.halves) {
      const bool newest = half.newest.has_value();
      table.add_row({status.environment, std::string(name_of(which)), shown_verdict(half.verdict),
                     ago(status.now, half.last_success),
                     newest ? ago(status.now, half.newest->stored.taken) : "never",
                     newest ? format_bytes(half.newest->stored.size) : "",
                     half.growth_bytes ? signed_bytes(*half.growth_bytes) : "",
                     std::to_string(half.archives), ago(status.now, half.newest_verified)});
    }
  }
  return table.text();
}

std::string run_text(const EnvironmentStatus& status, RunKind kind) {
  const auto found = status.runs.find(kind);
  if (found == status.runs.end() || !found->second.last)
    return fmt::format("  last {}: never\n", name_of(kind));
  const RunSummary& last = *found->second.last;
  return fmt::format("  last {}: {}, {} ago, {}, took {}\n", name_of(kind), last.run.text(),
                     format_duration(status.now - last.run.start()), name_of(last.result),
                     format_duration(last.finished - last.run.start()));
}

std::string coverage_text(const EnvironmentStatus& status) {
  std::map<CoverageGap::Reason, size_t> gaps;
  for (const CoverageGap& gap : status.gaps) ++gaps[gap.reason];
  std::string text = fmt::format("  kept instants: {} of {} covered",
                                 status.kept_instants - status.gaps.size(), status.kept_instants);
  for (const auto& [reason, count] : gaps) text += fmt::format(", {} {}", count, name_of(reason));
  text += "\n";
  for (const CoverageGap& gap : status.gaps)
    if (gap.reason != CoverageGap::Reason::before_first)
      text += fmt::format("    {} {}: {}{}\n", name_of(gap.kept.tier), gap.kept.label,
                          name_of(gap.reason),
                          gap.pair ? ", the pair before is of " + format_instant(*gap.pair)
                                   : ", there is none before");
  return text;
}

std::string details(const EnvironmentStatus& status) {
  std::string text =
      fmt::format("\n{}: {}  {}/{}{}\n", status.environment, shown_verdict(status.verdict),
                  status.prefix, status.store.empty() ? "" : " in ", status.store);
  for (const Finding& finding : status.findings)
    text += fmt::format("  {} {}: {}\n", upper(name_of(severity_of(finding.kind))),
                        name_of(finding.kind), mask_secrets(finding.text));
  if (status.halves.empty()) return text;
  for (const RunKind kind : {RunKind::backup, RunKind::verify, RunKind::drill})
    text += run_text(status, kind);
  if (status.next_expected)
    text += fmt::format("  next backup: about {}, by the usual time between two\n",
                        format_instant(*status.next_expected));
  return text + coverage_text(status);
}

// Keys are stable, new ones are added at the end.
std::string summary_line(const EnvironmentStatus& status) {
  std::string line =
      fmt::format("env={} status={}", status.environment, verdict_word(status.verdict));
  for (const auto& [which, half] : status.halves)
    line += fmt::format(" {}={}", name_of(which), verdict_word(half.verdict));
  std::map<Severity, int> counts;
  for (const Finding& finding : status.findings) ++counts[severity_of(finding.kind)];
  return line + fmt::format(" failures={} warnings={}\n", counts[Severity::failure],
                            counts[Severity::warning]);
}

std::string discovery_text(const Discovery& discovery) {
  std::string text = "\nFound here\n";
  Table table({{"HALF"}, {"PLACE"}, {"SIGN"}, {"BACKED UP AS"}});
  for (const DiscoveredHalf& half : discovery.halves)
    table.add_row({std::string(name_of(half.half)), half.place, half.sign,
                   half.environment.empty() ? "NOBODY BACKS IT UP" : half.environment});
  text += discovery.halves.empty() ? "  nothing\n" : table.text();
  for (const std::string& untold : discovery.untold)
    text += "  not looked at: " + mask_secrets(untold) + "\n";
  return text;
}

size_t not_enrolled(const Discovery& discovery) {
  return static_cast<size_t>(
      std::count_if(discovery.halves.begin(), discovery.halves.end(),
                    [](const DiscoveredHalf& half) { return half.environment.empty(); }));
}

// ---- JSON --------------------------------------------------------------------

void put(json& object, const char* name, const std::optional<Instant>& instant) {
  object[name] = instant ? json(format_instant(*instant)) : json();
}

json json_of(const RunSummary& run) {
  json value = {{"run", run.run.text()},
                {"result", name_of(run.result)},
                {"seconds", (run.finished - run.run.start()).count()}};
  if (!run.error.empty()) value["error"] = mask_secrets(run.error);
  return value;
}

json json_of(const HalfStatus& half) {
  json value = {{"verdict", verdict_word(half.verdict)},
                {"archives", half.archives},
                {"bytes", half.bytes},
                {"tiers", json::object()}};
  put(value, "last_run", half.last_run);
  put(value, "last_success", half.last_success);
  put(value, "unchanged_since", half.unchanged_since);
  put(value, "newest_verified", half.newest_verified);
  if (half.last_result) value["last_result"] = name_of(*half.last_result);
  if (half.growth_bytes) value["growth_bytes"] = *half.growth_bytes;
  for (const auto& [tier, count] : half.archives_by_tier)
    value["tiers"][std::string(name_of(tier))] = count;
  if (half.newest)
    value["newest"] = {{"key", half.newest->stored.key},
                       {"taken", format_instant(half.newest->stored.taken)},
                       {"size", half.newest->stored.size}};
  return value;
}

json json_of(const CoverageGap& gap) {
  json value = {{"tier", name_of(gap.kept.tier)},
                {"label", gap.kept.label},
                {"instant", format_instant(gap.kept.instant)},
                {"reason", name_of(gap.reason)}};
  put(value, "pair", gap.pair);
  return value;
}

json json_of(const Finding& finding) {
  json value = {{"finding", name_of(finding.kind)},
                {"severity", name_of(severity_of(finding.kind))},
                {"text", mask_secrets(finding.text)}};
  if (finding.half) value["half"] = name_of(*finding.half);
  return value;
}

json json_of(const Discovery& discovery) {
  json halves = json::array(), untold = json::array();
  for (const DiscoveredHalf& half : discovery.halves) {
    halves.push_back({{"half", name_of(half.half)}, {"place", half.place}, {"sign", half.sign}});
    halves.back()["environment"] = half.environment.empty() ? json() : json(half.environment);
  }
  for (const std::string& text : discovery.untold) untold.push_back(mask_secrets(text));
  return {{"halves", halves}, {"untold", untold}, {"not_enrolled", not_enrolled(discovery)}};
}

json json_of(const EnvironmentStatus& status) {
  json value = {{"environment", status.environment},
                {"prefix", status.prefix},
                {"store", status.store},
                {"now", format_instant(status.now)},
                {"verdict", verdict_word(status.verdict)},
                {"halves", json::object()},
                {"findings", json::array()},
                {"runs", json::object()},
                {"kept_instants", status.kept_instants},
                {"gaps", json::array()},
                {"orphans", status.orphans},
                {"uploads", status.uploads},
                {"not_ours", status.not_ours}};
  put(value, "last_point", status.last_pair);
  put(value, "next_expected", status.next_expected);
  for (const auto& [which, half] : status.halves)
    value["halves"][std::string(name_of(which))] = json_of(half);
  for (const Finding& finding : status.findings) value["findings"].push_back(json_of(finding));
  for (const CoverageGap& gap : status.gaps) value["gaps"].push_back(json_of(gap));
  for (const auto& [kind, runs] : status.runs) {
    json& of_kind = value["runs"][std::string(name_of(kind))] = json::object();
    if (runs.last) of_kind["last"] = json_of(*runs.last);
    if (runs.last_success) of_kind["last_success"] = json_of(*runs.last_success);
  }
  return value;
}

}  // namespace

std::string status_text(const std::vector<EnvironmentStatus>& statuses,
                        const std::optional<Discovery>& discovery, bool brief) {
  std::string text;
  if (!brief) {
    text = overview(statuses);
    for (const EnvironmentStatus& status : statuses) text += details(status);
    if (discovery) text += discovery_text(*discovery);
    text += "\n";
  }
  for (const EnvironmentStatus& status : statuses) text += summary_line(status);
  if (discovery)
    text += fmt::format("found={} not_enrolled={}\n", discovery->halves.size(),
                        not_enrolled(*discovery));
  return text;
}

std::string status_json(const std::vector<EnvironmentStatus>& statuses,
                        const std::optional<Discovery>& discovery) {
  json environments = json::array();
  for (const EnvironmentStatus& status : statuses) environments.push_back(json_of(status));
  json value = {{"verdict", verdict_word(worst_verdict(statuses))}, {"environments", environments}};
  if (discovery) value["discovery"] = json_of(*discovery);
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace dolibarr_backup
