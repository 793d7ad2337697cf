#include "cli/report_json.h"

#include <nlohmann/json.hpp>

#include "base/secret.h"
#include "cli/report_text.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  // File names may hold bytes that are no UTF-8; JSON cannot.
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// Texts that may quote a library, which may quote what it was given.
json masked(const std::vector<std::string>& texts) {
  json values = json::array();
  for (const std::string& text : texts) values.push_back(mask_secrets(text));
  return values;
}

json object_of(const StoredObject& object) {
  return {{"key", object.key}, {"size", object.size}, {"sha256", object.sha256}};
}

json half_of(const HalfRecord& half) {
  json value = {
      {"result", name_of(half.result)}, {"facts", half.facts}, {"problems", masked(half.problems)}};
  if (half.archive) {
    value["archive"] = object_of(half.archive->archive);
    if (half.archive->manifest) value["manifest"] = object_of(*half.archive->manifest);
  }
  if (half.taken) value["taken"] = format_instant(*half.taken);
  if (half.fingerprint) value["fingerprint"] = half.fingerprint->text();
  return value;
}

void add_error(json& value, const Error& error) {
  value["error"] = mask_secrets(error.what());
  if (!error.hint().empty()) value["hint"] = error.hint();
  value["code"] = name_of(error.code());
}

json steps_of(const PrunePlan& plan) {
  json steps = json::array();
  for (const PruneStep& step : plan.steps)
    steps.push_back({{"key", step.key}, {"bytes", step.bytes}, {"reason", step.reason}});
  return steps;
}

json archive_of(const ListedArchive& listed) {
  const CatalogArchive& archive = listed.archive;
  json value = {{"key", archive.stored.key},
                {"half", name_of(archive.stored.half)},
                {"taken", format_instant(archive.stored.taken)},
                {"size", archive.stored.size},
                {"reference", archive.reference},
                {"damaged", archive.damaged},
                {"kept_for", listed.reasons}};
  if (listed.confirmed) value["unchanged_until"] = format_instant(*listed.confirmed);
  if (listed.held) value["held"] = true;
  return value;
}

json archives_of(const std::vector<ListedArchive>& archives) {
  json values = json::array();
  for (const ListedArchive& listed : archives) values.push_back(archive_of(listed));
  return values;
}

json listing_of(const JudgedListing& judged) {
  const Listing& listing = judged.listing;
  json value = {{"environment", listing.environment},
                {"prefix", listing.prefix},
                {"store", listing.store},
                {"now", format_instant(listing.now)},
                {"points", json::array()},
                {"archives", archives_of(listing.archives)},
                {"orphans", archives_of(listing.orphans)},
                {"foreign", archives_of(listing.foreign)},
                {"not_ours", json::array()},
                {"uploads", json::array()},
                {"missing", missing_of(judged.status)}};
  for (const ListedPoint& point : listing.points) {
    value["points"].push_back({{"run", point.run.text()},
                               {"since", format_instant(point.since)},
                               {"confirmed", format_instant(point.confirmed)},
                               {"db", point.db},
                               {"docs", point.docs},
                               {"pair", name_of(point.judgement)}});
    if (point.proven) value["points"].back()["proven"] = format_instant(*point.proven);
  }
  for (const ObjectInfo& object : listing.not_ours)
    value["not_ours"].push_back({{"key", object.key}, {"size", object.size}});
  for (const PendingUpload& upload : listing.uploads)
    value["uploads"].push_back({{"key", upload.key}, {"started", format_instant(upload.started)}});
  if (listing.last_run) {
    value["last_run"] = listing.last_run->text();
    value["last_result"] = name_of(*listing.last_result);
  }
  return value;
}

json identity_of(const Identity& identity) {
  return {{"database", identity.database}, {"instance", identity.instance}};
}

}  // namespace

std::string backup_json(const BackupReport& report, std::chrono::seconds took) {
  const RunRecord& record = report.record;
  json value = {{"environment", record.environment},
                {"run", record.run.text()},
                {"started", format_instant(record.started)},
                {"finished", format_instant(record.finished)},
                {"seconds", took.count()},
                {"result", name_of(record.result)},
                {"pair", name_of(record.pair)},
                {"attempts", record.attempts},
                {"uploaded", report.uploaded()},
                {"unchanged", report.unchanged()},
                {"pruned", report.prune ? report.prune->removed : 0},
                {"halves", json::object()},
                {"versions", record.versions},
                {"notes", masked(record.notes)}};
  for (const auto& [which, half] : record.halves) {
    json& entry = value["halves"][std::string(name_of(which))] = half_of(half);
    if (const auto why = report.why.find(which); why != report.why.end())
      entry["why"] = why->second;
  }
  if (report.failure) add_error(value, *report.failure);
  if (report.prune_failure) value["prune_error"] = mask_secrets(report.prune_failure->what());
  return text_of(value);
}

std::string unbegun_backup_json(const std::string& environment, std::chrono::seconds took,
                                const Error& error) {
  json value = {{"environment", environment},
                {"seconds", took.count()},
                {"result", name_of(result_of(error))},
                {"pair", name_of(PairJudgement::none)},
                {"attempts", 0},
                {"uploaded", 0},
                {"unchanged", 0},
                {"pruned", 0},
                {"halves", json::object()},
                {"versions", json::object()},
                {"notes", json::array()}};
  add_error(value, error);
  return text_of(value);
}

std::string error_json(const Error& error) {
  json value = json::object();
  add_error(value, error);
  return text_of(value);
}

std::string listing_json(const std::vector<JudgedListing>& listings) {
  json values = json::array();
  for (const JudgedListing& listing : listings) values.push_back(listing_of(listing));
  return text_of({{"environments", values}});
}

std::string prune_json(const std::string& environment, const PruneReport& report, bool dry_run) {
  json kept = json::array();
  for (const Retention::Decision& decision : report.retention.decisions)
    if (decision.keep)
      kept.push_back({{"key", decision.archive.key}, {"reasons", decision.reasons}});
  json aborts = json::array();
  for (const AbortStep& step : report.plan.aborts)
    aborts.push_back({{"key", step.key}, {"reason", step.reason}});
  json refused = json::object();
  for (const auto& [key, answer] : report.refused) refused[key] = mask_secrets(answer);
  return text_of({{"environment", environment},
                  {"dry_run", dry_run},
                  {"kept", kept},
                  {"plan", steps_of(report.plan)},
                  {"aborts", aborts},
                  {"refusals", report.plan.refusals},
                  {"removed", report.removed},
                  {"removed_bytes", report.removed_bytes},
                  {"aborted_uploads", report.aborted_uploads},
                  {"refused", refused}});
}

std::string identity_json(const std::string& environment, const IdentityReport& report) {
  json value = {{"environment", environment},
                {"seen", identity_of(report.seen)},
                {"matches", report.accepted && same_instance(*report.accepted, report.seen)},
                {"changed", report.changed}};
  if (report.accepted) value["accepted"] = identity_of(*report.accepted);
  return text_of(value);
}

std::string holds_json(const std::map<std::string, Hold>& holds) {
  json values = json::array();
  for (const auto& [key, hold] : holds)
    values.push_back({{"key", key}, {"who", hold.who}, {"when", hold.when}, {"why", hold.why}});
  return text_of({{"holds", values}});
}

std::string keys_json(const char* name, const std::vector<std::string>& keys) {
  return text_of({{name, keys}});
}

}  // namespace dolibarr_backup
