#include "cli/period_json.h"

#include <nlohmann/json.hpp>

#include "base/secret.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

std::string iso(date::local_days day) {
  return date::format("%F", day);
}

json point_of(const ReportPoint& point) {
  return {{"at", format_instant(point.at)},
          {"run", point.run.text()},
          {"db", point.db},
          {"docs", point.docs}};
}

json day_of(const ReportDay& day) {
  json value = {
      {"day", iso(day.day)},     {"mark", name_of(day.mark)},        {"runs", day.runs},
      {"drilled", day.drilled},  {"drill_failed", day.drill_failed}, {"thinned", day.thinned},
      {"halves", json::object()}};
  for (const auto& [half, result] : day.halves)
    value["halves"][std::string(name_of(half))] = name_of(result);
  if (day.result) value["result"] = name_of(*day.result);
  if (!day.error.empty()) value["error"] = mask_secrets(day.error);
  if (day.point) value["point"] = point_of(*day.point);
  return value;
}

json gap_of(const ReportGap& gap) {
  json value = {{"first", iso(gap.first)}, {"last", iso(gap.last)}, {"reasons", json::array()}};
  for (const ReportGap::Reason& reason : gap.reasons) {
    json one = {{"mark", name_of(reason.mark)}};
    if (reason.result) one["result"] = name_of(*reason.result);
    if (!reason.error.empty()) one["error"] = mask_secrets(reason.error);
    value["reasons"].push_back(std::move(one));
  }
  return value;
}

json drill_of(const ReportDrill& drill) {
  json value = {{"run", drill.run.text()},
                {"at", format_instant(drill.at)},
                {"result", name_of(drill.result)},
                {"proofs", json::array()}};
  if (!drill.error.empty()) value["error"] = mask_secrets(drill.error);
  if (drill.point) value["point"] = format_instant(*drill.point);
  if (drill.seconds) value["restore_seconds"] = *drill.seconds;
  for (const DrillProof& proof : drill.proofs)
    value["proofs"].push_back({{"name", proof.name},
                               {"outcome", proof.outcome == "FAILED" ? "failed" : proof.outcome},
                               {"text", mask_secrets(proof.text)},
                               {"culprits", proof.culprits}});
  return value;
}

json coverage_of(const ReportCoverage& coverage) {
  json value = {{"covered", coverage.covered}};
  if (coverage.confirmed) value["last"] = format_instant(*coverage.confirmed);
  if (coverage.first) value["first"] = format_instant(*coverage.first);
  if (coverage.since) value["since"] = iso(*coverage.since);
  if (coverage.newest) value["point"] = point_of(*coverage.newest);
  if (coverage.proven) value["proven"] = drill_of(*coverage.proven);
  if (coverage.refuted) value["refuted"] = drill_of(*coverage.refuted);
  return value;
}

json chain_of(const ReportChain& chain) {
  json value = {{"records", chain.records}, {"problems", chain.problems}, {"heads", json::array()}};
  for (const RecordRef& head : chain.heads)
    value["heads"].push_back({{"run", head.run}, {"sha256", head.sha256}});
  return value;
}

json archives_of(const ReportInput& input) {
  json values = json::array();
  for (const ReportArchive& archive : input.archives) {
    json value = {{"key", archive.key},
                  {"half", name_of(archive.half)},
                  {"taken", format_instant(archive.taken)},
                  {"size", archive.size},
                  {"kept_for", archive.reasons},
                  {"damaged", archive.damaged},
                  {"restorable", archive.restorable}};
    if (!archive.sha256.empty()) value["sha256"] = archive.sha256;
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace

std::string period_json(const ReportModel& model) {
  const ReportInput& input = model.input;
  json value = {{"environment", input.environment},
                {"prefix", input.prefix},
                {"store", input.store},
                {"time_zone", input.time_zone},
                {"now", format_instant(input.now)},
                {"from", iso(input.first)},
                {"to", iso(input.last)},
                {"coverage", coverage_of(model.coverage)},
                {"chain", chain_of(model.chain)},
                {"archives", archives_of(input)}};
  for (const char* list : {"days", "gaps", "tiers", "drills", "pruned", "versions"})
    value[list] = json::array();
  for (const ReportDay& day : model.days) value["days"].push_back(day_of(day));
  for (const ReportGap& gap : model.gaps) value["gaps"].push_back(gap_of(gap));
  for (const ReportTier& tier : model.tiers) {
    json one = {{"tier", name_of(tier.kept.tier)},
                {"label", tier.kept.label},
                {"instant", format_instant(tier.kept.instant)}};
    if (tier.point) one["point"] = point_of(*tier.point);
    value["tiers"].push_back(std::move(one));
  }
  for (const ReportDrill& drill : model.drills) value["drills"].push_back(drill_of(drill));
  for (const ReportPruned& pruned : model.pruned)
    value["pruned"].push_back({{"at", format_instant(pruned.at)},
                               {"key", pruned.key},
                               {"reason", mask_secrets(pruned.reason)}});
  for (const ReportVersion& version : model.versions)
    value["versions"].push_back({{"name", version.name},
                                 {"value", version.value},
                                 {"first", format_instant(version.first)},
                                 {"last", format_instant(version.last)}});
  value["sizes"] = json::object();
  for (const auto& [half, sizes] : model.sizes)
    for (const ReportSize& size : sizes)
      value["sizes"][std::string(name_of(half))].push_back(
          {{"at", format_instant(size.at)}, {"bytes", size.bytes}});
  // Names may hold bytes that are no UTF-8; JSON cannot.
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace dolibarr_backup
