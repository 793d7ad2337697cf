#include "cli/report_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/secret.h"
#include "base/utf8.h"
#include "cli/ago.h"
#include "cli/reasons.h"
#include "cli/table.h"

namespace dolibarr_backup {
namespace {

std::string file_name(const std::string& key) {
  return key.substr(key.rfind('/') + 1);
}

std::string facts_of(const HalfRecord& half) {
  const auto fact = [&](const char* name) {
    const auto found = half.facts.find(name);
    return found == half.facts.end() ? 0 : found->second;
  };
  if (half.facts.contains("tables"))
    return fmt::format("{} tables, {} rows", fact("tables"), fact("rows"));
  if (half.facts.contains("files"))
    return fmt::format("{} files, {}", fact("files"), format_bytes(fact("bytes")));
  return "";
}

// Why a half was taken or not; of a failed one, what stopped it.
std::string why_of(const BackupReport& report, Half which, const HalfRecord& half) {
  if (half.result == HalfResult::failed && !half.problems.empty())
    return mask_secrets(half.problems.front());
  const auto why = report.why.find(which);
  return why == report.why.end() ? "" : why->second;
}

// One line that scripts can read: the keys are stable, new ones are added at the end.
std::string summary_line(const BackupReport& report, std::chrono::seconds took) {
  const RunRecord& record = report.record;
  std::string line = fmt::format(
      "env={} result={} pair={} uploaded={} unchanged={} pruned={} run={}", record.environment,
      name_of(record.result), name_of(record.pair), report.uploaded(), report.unchanged(),
      report.prune ? report.prune->removed : 0, record.run.text());
  if (report.prune_failure) line += " prune=failed";
  return line + fmt::format(" seconds={}\n", took.count());
}

void add_archives(std::string& text, const Listing& listing,
                  const std::vector<ListedArchive>& archives, const std::string& title) {
  if (archives.empty()) return;
  text += "\n" + title + "\n";
  Table table(
      {{"ARCHIVE"}, {"TAKEN"}, {"AGE", Align::right}, {"SIZE", Align::right}, {"KEPT FOR"}});
  for (const ListedArchive& listed : archives) {
    const StoredArchive& stored = listed.archive.stored;
    std::vector<std::string> notes;
    if (listed.archive.damaged) notes.push_back("DAMAGED");
    if (listed.archive.reference) notes.push_back("of the earlier script");
    if (listed.confirmed && *listed.confirmed > stored.taken)
      notes.push_back("confirmed at " + format_instant(*listed.confirmed));
    std::string reasons = short_reasons(listed.reasons);
    if (!notes.empty())
      reasons += fmt::format("{}({})", reasons.empty() ? "" : " ", fmt::join(notes, ", "));
    table.add_row({fmt::format("{}/{}", name_of(stored.half), file_name(stored.key)),
                   format_instant(stored.taken), format_ago(listing.now, stored.taken),
                   format_bytes(stored.size), reasons});
  }
  text += table.text();
}

std::string one_listing(const JudgedListing& judged) {
  const Listing& listing = judged.listing;
  std::string text =
      fmt::format("{}  {}/ in {}\n", listing.environment, listing.prefix, listing.store);
  if (listing.last_run)
    text += fmt::format("last run {}, {}: {}\n", listing.last_run->text(),
                        format_ago(listing.now, listing.last_run->start()),
                        name_of(*listing.last_result));
  if (!listing.points.empty())
    text += listing.points.front().proven
                ? fmt::format("newest point proven by a drill at {}\n",
                              format_instant(*listing.points.front().proven))
                : "newest point not proven yet: run drill\n";
  for (const std::string& missing : missing_of(judged.status))
    text += "MISSING: " + printable(missing) + "\n";
  if (!listing.points.empty()) {
    text += "\nPoints: what can be restored\n";
    Table table({{"SINCE"}, {"CONFIRMED"}, {"PAIR"}, {"DATABASE"}, {"DOCUMENTS"}});
    for (const ListedPoint& point : listing.points)
      table.add_row({format_instant(point.since), format_instant(point.confirmed),
                     std::string(name_of(point.judgement)), file_name(point.db),
                     file_name(point.docs)});
    text += table.text();
  }
  add_archives(text, listing, listing.archives, "Archives in force");
  add_archives(text, listing, listing.orphans,
               "Orphans: no run record names them; never restored, pruned after a grace period");
  add_archives(text, listing, listing.foreign,
               "Of another tool, newer than our first run: two tools share this prefix "
               "(`adopt` takes them over)");
  if (!listing.uploads.empty())
    text += fmt::format(
        "\n{} unfinished upload(s), the oldest begun {}\n", listing.uploads.size(),
        format_instant(
            std::min_element(listing.uploads.begin(), listing.uploads.end(),
                             [](const auto& a, const auto& b) { return a.started < b.started; })
                ->started));
  if (!listing.not_ours.empty()) {
    text += "\nNot ours, never touched\n";
    for (const ObjectInfo& object : listing.not_ours)
      text += fmt::format("  {}  {}\n", printable(object.key), format_bytes(object.size));
  }
  return text;
}

}  // namespace

std::string backup_text(const BackupReport& report, std::chrono::seconds took, bool brief) {
  if (brief) return summary_line(report, took);
  Table table({{"HALF"}, {"RESULT"}, {"SIZE", Align::right}, {"CONTENT"}, {"WHY"}});
  for (const auto& [which, half] : report.record.halves)
    table.add_row({std::string(name_of(which)), std::string(name_of(half.result)),
                   half.archive ? format_bytes(half.archive->archive.size) : "", facts_of(half),
                   why_of(report, which, half)});
  return (report.record.halves.empty() ? "" : table.text()) +
         fmt::format("took {}\n", format_duration(took)) + summary_line(report, took);
}

std::string unbegun_backup_text(const std::string& environment, std::chrono::seconds took,
                                const Error& error) {
  return fmt::format("env={} result={} pair={} uploaded=0 unchanged=0 pruned=0 run=- seconds={}\n",
                     environment.empty() ? "-" : environment, name_of(result_of(error)),
                     name_of(PairJudgement::none), took.count());
}

RunResult result_of(const Error& error) {
  if (error.code() == Errc::interrupted) return RunResult::interrupted;
  if (error.code() == Errc::refused) return RunResult::refused;
  return RunResult::failed;
}

std::string listing_text(const std::vector<JudgedListing>& listings) {
  std::string text;
  for (const JudgedListing& listing : listings)
    text += (text.empty() ? "" : "\n") + one_listing(listing);
  return text;
}

std::string prune_text(const std::string& environment, const PruneReport& report, bool dry_run) {
  std::string text;
  if (dry_run) {
    Table kept({{"KEEP"}, {"BECAUSE"}});
    for (const Retention::Decision& decision : report.retention.decisions)
      if (decision.keep) kept.add_row({decision.archive.key, short_reasons(decision.reasons)});
    text += kept.text() + "\n";
    for (const std::string& refusal : report.plan.refusals)
      text += "REFUSED without --force: " + printable(refusal) + "\n";
    for (const AbortStep& step : report.plan.aborts)
      text += fmt::format("would abort: {}: {}\n", printable(step.key), printable(step.reason));
  }
  if (!report.plan.steps.empty()) {
    Table steps({{dry_run ? "WOULD REMOVE" : "REMOVED"}, {"SIZE", Align::right}, {"BECAUSE"}});
    for (const PruneStep& step : report.plan.steps)
      if (!report.refused.contains(step.key))
        steps.add_row({step.key, format_bytes(step.bytes), step.reason});
    text += steps.text();
  }
  for (const auto& [key, answer] : report.refused)
    text += fmt::format("not removed: {}: {}\n", printable(key), printable(mask_secrets(answer)));
  uint64_t planned_bytes = 0;
  for (const PruneStep& step : report.plan.steps) planned_bytes += step.bytes;
  return text + fmt::format("env={} {}={} bytes={} aborted_uploads={} refused={}\n", environment,
                            dry_run ? "would_remove" : "removed",
                            dry_run ? report.plan.steps.size() : report.removed,
                            dry_run ? planned_bytes : report.removed_bytes,
                            dry_run ? report.plan.aborts.size() : report.aborted_uploads,
                            dry_run ? report.plan.refusals.size() : report.refused.size());
}

std::string adopt_text(const std::vector<std::string>& keys, bool dry_run) {
  if (keys.empty()) return "nothing to adopt\n";
  std::string text;
  for (const std::string& key : keys)
    text += fmt::format("{} {}\n", dry_run ? "would adopt" : "adopted", printable(key));
  return text;
}

std::string holds_text(const std::map<std::string, Hold>& holds) {
  if (holds.empty()) return "no holds\n";
  Table table({{"ARCHIVE"}, {"SINCE"}, {"BY"}, {"WHY"}});
  for (const auto& [key, hold] : holds) table.add_row({key, hold.when, hold.who, hold.why});
  return table.text();
}

std::string identity_text(const std::string& environment, const IdentityReport& report) {
  const auto row = [](const Identity& identity) {
    return printable(
        fmt::format("database '{}', instance {}", identity.database, identity.instance));
  };
  std::string text = fmt::format("{}\n", environment);
  text += "  the prefix belongs to: " +
          (report.accepted ? row(*report.accepted) : "nothing yet (the next backup decides)") +
          "\n";
  text += "  the database is:       " + row(report.seen) + "\n";
  if (report.changed) return text + "  accepted: the prefix belongs to this database from now on\n";
  if (!report.accepted) return text;
  return text + (report.accepted && same_instance(*report.accepted, report.seen)
                     ? "  they match\n"
                     : "  THEY DIFFER\n");
}

}  // namespace dolibarr_backup
