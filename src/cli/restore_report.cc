#include "cli/restore_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/secret.h"
#include "base/utf8.h"
#include "cli/ago.h"
#include "cli/table.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

constexpr size_t kShownHexDigits = 16;
constexpr size_t kShownDocuments = 100;

std::string dump(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void add_failure(json& value, const std::optional<Error>& failure) {
  if (!failure) return;
  value["error"] = mask_secrets(failure->what());
  value["code"] = name_of(failure->code());
  if (!failure->hint().empty()) value["hint"] = failure->hint();
}

json texts(const std::vector<std::string>& lines) {
  json list = json::array();
  for (const std::string& line : lines) list.push_back(mask_secrets(line));
  return list;
}

std::string file_name(const std::string& key) {
  return key.substr(key.rfind('/') + 1);
}

json point_of(const ChosenPoint& point) {
  json value = {{"at", format_instant(point.at)}, {"pair", name_of(point.judgement)}};
  if (point.run) value["run"] = point.run->text();
  if (point.db) value["db"] = point.db->archive.key;
  if (point.docs) value["docs"] = point.docs->archive.key;
  return value;
}

std::string_view name_of_change(TableChange::Kind kind) {
  switch (kind) {
    case TableChange::Kind::added:
      return "added";
    case TableChange::Kind::gone:
      return "gone";
    case TableChange::Kind::business:
      return "changed";
    case TableChange::Kind::volatile_only:
      return "volatile";
  }
  return "changed";
}

std::string_view name_of_change(DocumentChange::Kind kind) {
  switch (kind) {
    case DocumentChange::Kind::added:
      return "added";
    case DocumentChange::Kind::gone:
      return "gone";
    case DocumentChange::Kind::content:
      return "changed";
    case DocumentChange::Kind::metadata:
      return "metadata";
  }
  return "changed";
}

}  // namespace

std::string verify_text(const VerifyReport& report) {
  std::string text;
  if (!report.findings.empty()) {
    Table table({{"OBJECT"}, {"PROBLEM"}});
    for (const VerifyFinding& finding : report.findings)
      table.add_row({finding.key, finding.problem});
    text += table.text();
  }
  return text + fmt::format("archives={} read={} read_bytes={} never_read={} findings={} run={}\n",
                            report.archives, report.read, report.read_bytes, report.never_read,
                            report.findings.size(), report.record.run.text());
}

std::string verify_json(const VerifyReport& report) {
  json value = {{"environment", report.record.environment},
                {"run", report.record.run.text()},
                {"archives", report.archives},
                {"read", report.read},
                {"read_bytes", report.read_bytes},
                {"never_read", report.never_read},
                {"findings", json::array()}};
  for (const VerifyFinding& finding : report.findings)
    value["findings"].push_back({{"key", finding.key}, {"problem", finding.problem}});
  add_failure(value, report.failure);
  return dump(value);
}

std::string restore_plan_text(const RestoreReport& report, Instant now) {
  std::string text = fmt::format("point of {}, {}, pair {}\n", format_instant(report.point.at),
                                 format_ago(now, report.point.at), name_of(report.point.judgement));
  Table table({{"HALF"}, {"ARCHIVE"}, {"TAKEN"}, {"SIZE", Align::right}, {"INTO"}});
  for (const auto& [which, half] : report.halves)
    table.add_row({std::string(name_of(which)), file_name(half.archive.archive.key),
                   format_instant(half.taken), format_bytes(half.archive.archive.size),
                   half.target + (half.exists ? ", which is kept aside" : ", new")});
  text += table.text();
  if (!report.neutralized.empty()) {
    Table steps({{"THEN"}, {"SO THAT"}});
    for (const NeutralizedStep& step : report.neutralized) steps.add_row({step.name, step.meaning});
    text += steps.text();
  }
  for (const std::string& note : report.notes) text += "note: " + printable(note) + "\n";
  return text;
}

std::string restore_text_of(const RestoreReport& report, bool dry_run) {
  std::string text;
  for (const std::string& note : report.staging_notes) text += "note: " + printable(note) + "\n";
  for (const auto& [which, half] : report.halves) {
    if (!half.restored) continue;
    if (half.archive.manifest)
      text += fmt::format("{}: {} {} in {:.1f} s, proven equal", name_of(which), half.count,
                          which == Half::db ? "rows" : "files", half.seconds);
    else
      text += fmt::format("{}: restored in {:.1f} s, not proven: its archive has no manifest",
                          name_of(which), half.seconds);
    if (!half.kept_aside.empty())
      text += fmt::format("; the old one is kept: {}", printable(half.kept_aside));
    text += "\n";
  }
  if (!report.failure && !dry_run)
    for (const NeutralizedStep& step : report.neutralized)
      text +=
          fmt::format("{}: {} row(s) changed, so that {}\n", step.name, step.changed, step.meaning);
  const auto done = std::count_if(report.halves.begin(), report.halves.end(),
                                  [](const auto& half) { return half.second.restored; });
  return text + fmt::format("result={} restored={} of={}\n",
                            report.failure ? "failed"
                            : dry_run      ? "planned"
                                           : "success",
                            done, report.halves.size());
}

std::string restore_json(const RestoreReport& report, bool dry_run) {
  std::vector<std::string> all_notes = report.notes;
  all_notes.insert(all_notes.end(), report.staging_notes.begin(), report.staging_notes.end());
  json value = {{"point", point_of(report.point)},
                {"dry_run", dry_run},
                {"notes", texts(all_notes)},
                {"halves", json::object()}};
  for (const auto& [which, half] : report.halves)
    value["halves"][std::string(name_of(which))] = {{"archive", half.archive.archive.key},
                                                    {"taken", format_instant(half.taken)},
                                                    {"target", half.target},
                                                    {"restored", half.restored},
                                                    {"kept_aside", half.kept_aside},
                                                    {"count", half.count},
                                                    {"seconds", half.seconds}};
  if (!report.neutralized.empty()) {
    value["neutralized"] = json::array();
    for (const NeutralizedStep& step : report.neutralized)
      value["neutralized"].push_back(
          {{"step", step.name}, {"meaning", step.meaning}, {"changed", step.changed}});
  }
  add_failure(value, report.failure);
  return dump(value);
}

std::string leftovers_text(const RestoreLeftovers& left, bool dry_run) {
  std::string text;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    for (const std::string& name : names)
      text +=
          fmt::format("{} {} {}\n", dry_run ? "would remove" : "removed", what, printable(name));
  };
  add("database", left.databases);
  add("folder", left.trees.kept_aside);
  add("half-done", left.trees.half_done);
  return text.empty() ? "nothing is left of earlier restores\n" : text;
}

std::string leftovers_json(const RestoreLeftovers& left, bool dry_run) {
  return dump({{"dry_run", dry_run},
               {"databases", texts(left.databases)},
               {"kept_aside", texts(left.trees.kept_aside)},
               {"half_done", texts(left.trees.half_done)}});
}

std::string extract_text(const ExtractReport& report, const std::string& folder) {
  std::string text;
  for (const std::string& problem : report.problems)
    text += "PROBLEM: " + printable(problem) + "\n";
  return text + fmt::format("files={} bytes={} problems={} into={}\n", report.files, report.bytes,
                            report.problems.size() + report.problems_omitted, printable(folder));
}

std::string extract_json(const ExtractReport& report, const std::string& folder) {
  return dump({{"files", report.files},
               {"folders", report.folders},
               {"symlinks", report.symlinks},
               {"bytes", report.bytes},
               {"fetched_bytes", report.fetched_bytes},
               {"requests", report.requests},
               {"problems", texts(report.problems)},
               {"into", folder}});
}

std::string versions_text(const std::vector<DocumentVersion>& versions) {
  if (versions.empty()) return "no archive in force has such a document\n";
  Table table({{"PATH"}, {"FROM"}, {"UNTIL"}, {"SIZE", Align::right}, {"SHA256"}, {"ARCHIVE"}});
  for (const DocumentVersion& version : versions)
    table.add_row(
        {version.path, format_instant(version.from),
         version.gone ? "gone at " + format_instant(*version.gone) : format_instant(version.until),
         format_bytes(version.size),
         version.target.empty() ? version.sha256.substr(0, kShownHexDigits)
                                : "-> " + version.target,
         file_name(version.archive)});
  return table.text();
}

std::string versions_json(const std::vector<DocumentVersion>& versions) {
  json list = json::array();
  for (const DocumentVersion& version : versions) {
    json one = {{"path", version.path},
                {"from", format_instant(version.from)},
                {"until", format_instant(version.until)},
                {"size", version.size},
                {"sha256", version.sha256},
                {"archive", version.archive}};
    if (!version.target.empty()) one["target"] = version.target;
    if (version.gone) one["gone"] = format_instant(*version.gone);
    list.push_back(std::move(one));
  }
  return dump({{"versions", std::move(list)}});
}

std::string diff_text(const ChosenPoint& a, const ChosenPoint& b, const PointDiff& diff) {
  std::string text = fmt::format("{} -> {}\n", format_instant(a.at), format_instant(b.at));
  if (!diff.db_compared) text += "the databases cannot be compared: a manifest is missing\n";
  if (!diff.docs_compared) text += "the documents cannot be compared: a manifest is missing\n";
  if (!diff.same_rules) text += "fingerprinted by other rules: volatile content cannot be told\n";
  if (diff.schema_changed) text += "the schema changed\n";
  Table tables(
      {{"TABLE"}, {"CHANGE"}, {"ROWS BEFORE", Align::right}, {"ROWS AFTER", Align::right}});
  for (const TableChange& table : diff.tables)
    tables.add_row({table.name, std::string(name_of_change(table.kind)),
                    std::to_string(table.rows_before), std::to_string(table.rows_after)});
  text += tables.text();
  Table documents({{"DOCUMENT"}, {"CHANGE"}, {"BEFORE", Align::right}, {"AFTER", Align::right}});
  const size_t shown = std::min(diff.documents.size(), kShownDocuments);
  for (size_t i = 0; i < shown; ++i) {
    const DocumentChange& one = diff.documents[i];
    documents.add_row({one.path, std::string(name_of_change(one.kind)),
                       one.kind == DocumentChange::Kind::added ? "" : format_bytes(one.size_before),
                       one.kind == DocumentChange::Kind::gone ? "" : format_bytes(one.size_after)});
  }
  text += documents.text();
  const uint64_t more = diff.documents.size() - shown + diff.documents_omitted;
  if (more > 0) text += fmt::format("and {} more documents (--json lists them)\n", more);
  return text + fmt::format("tables={} added={} changed={} metadata={} gone={}\n",
                            diff.tables.size(), diff.added, diff.content, diff.metadata, diff.gone);
}

std::string diff_json(const ChosenPoint& a, const ChosenPoint& b, const PointDiff& diff) {
  json value = {{"from", point_of(a)},
                {"to", point_of(b)},
                {"db_compared", diff.db_compared},
                {"docs_compared", diff.docs_compared},
                {"schema_changed", diff.schema_changed},
                {"same_rules", diff.same_rules},
                {"tables", json::array()},
                {"documents", json::array()},
                {"documents_omitted", diff.documents_omitted},
                {"counts",
                 {{"added", diff.added},
                  {"changed", diff.content},
                  {"metadata", diff.metadata},
                  {"gone", diff.gone},
                  {"unchanged", diff.unchanged}}}};
  for (const TableChange& table : diff.tables)
    value["tables"].push_back({{"name", table.name},
                               {"change", name_of_change(table.kind)},
                               {"rows_before", table.rows_before},
                               {"rows_after", table.rows_after}});
  for (const DocumentChange& one : diff.documents)
    value["documents"].push_back({{"path", one.path},
                                  {"change", name_of_change(one.kind)},
                                  {"size_before", one.size_before},
                                  {"size_after", one.size_after}});
  return dump(value);
}

std::string drill_text(const DrillReport& report) {
  std::string text = fmt::format("point of {}, restored in {:.1f} s\n",
                                 format_instant(report.point.at), report.restore_seconds);
  Table table({{"PROOF"}, {"OUTCOME"}, {"NUMBERS"}});
  for (const Proof& proof : report.proofs) {
    table.add_row({proof.name, std::string(name_of(proof.outcome)), proof.text});
    for (const std::string& culprit : proof.culprits) table.add_row({"", "", "  " + culprit});
  }
  text += table.text();
  const auto count = [&](Proof::Outcome outcome) {
    return std::count_if(report.proofs.begin(), report.proofs.end(),
                         [&](const Proof& proof) { return proof.outcome == outcome; });
  };
  return text + fmt::format("env={} result={} proven={} warnings={} failed={} untold={} run={}\n",
                            report.record.environment, name_of(report.record.result),
                            count(Proof::Outcome::proven), count(Proof::Outcome::warning),
                            count(Proof::Outcome::failed), count(Proof::Outcome::untold),
                            report.record.run.text());
}

std::string drill_json(const DrillReport& report) {
  json value = {{"environment", report.record.environment},  {"run", report.record.run.text()},
                {"result", name_of(report.record.result)},   {"point", point_of(report.point)},
                {"restore_seconds", report.restore_seconds}, {"proofs", json::array()}};
  for (const Proof& proof : report.proofs)
    value["proofs"].push_back(
        {{"name", proof.name},
         {"outcome",
          proof.outcome == Proof::Outcome::failed ? "failed" : std::string(name_of(proof.outcome))},
         {"text", proof.text},
         {"culprits", texts(proof.culprits)}});
  add_failure(value, report.failure);
  return dump(value);
}

}  // namespace dolibarr_backup
