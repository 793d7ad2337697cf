#include "cli/status_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/secret.h"
#include "base/utf8.h"
#include "cli/ago.h"
#include "cli/table.h"

namespace dolibarr_backup {
namespace {

std::string ago(Instant now, const std::optional<Instant>& then) {
  return then ? format_ago(now, *then) : "never";
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
  return fmt::format("  last {}: {}, {}, {}, took {}\n", name_of(kind), last.run.text(),
                     format_ago(status.now, last.run.start()), name_of(last.result),
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
                        name_of(finding.kind), printable(mask_secrets(finding.text)));
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
    text += "  not looked at: " + printable(mask_secrets(untold)) + "\n";
  return text;
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
                        discovery->not_enrolled());
  return text;
}

}  // namespace dolibarr_backup
