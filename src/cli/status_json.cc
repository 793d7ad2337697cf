#include "cli/status_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/secret.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

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
  return {{"halves", halves}, {"untold", untold}, {"not_enrolled", discovery.not_enrolled()}};
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
                {"max_age_seconds", status.max_age.count()},
                {"proof_max_age_seconds", status.proof_max_age.count()},
                {"skipped", status.skipped},
                {"pruned", status.pruned},
                {"orphans", status.orphans},
                {"uploads", status.uploads},
                {"not_ours", status.not_ours}};
  put(value, "last_point", status.last_pair);
  put(value, "next_expected", status.next_expected);
  put(value, "oldest_upload", status.oldest_upload);
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

// ---- read back ---------------------------------------------------------------

// The value of an enumeration whose name this is.
template <typename Value>
Value named(const std::string& name, const std::vector<Value>& values) {
  for (const Value value : values)
    if (name_of(value) == name) return value;
  throw Error(Errc::cluster, "it has an unknown word '" + name + "'");
}

std::optional<Instant> instant_at(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  const std::optional<Instant> instant = parse_instant(found->get<std::string>());
  if (!instant) throw Error(Errc::cluster, std::string("it has no time in '") + name + "'");
  return instant;
}

Tier tier_of(const std::string& name) {
  return named<Tier>(name, {Tier::newest, Tier::daily, Tier::monthly, Tier::yearly});
}

Half half_of(const std::string& name) {
  return named<Half>(name, {Half::db, Half::docs});
}

RunSummary run_of(const json& value) {
  const std::optional<RunId> run = RunId::parse(value.at("run").get<std::string>());
  if (!run) throw Error(Errc::cluster, "it names no run");
  using Result = RunResult;
  return {*run,
          named<Result>(value.at("result"), {Result::success, Result::torn, Result::incomplete,
                                             Result::failed, Result::refused, Result::interrupted}),
          run->start() + std::chrono::seconds(value.at("seconds").get<int64_t>()),
          value.value("error", "")};
}

HalfStatus half_status_of(Half which, const json& value) {
  HalfStatus half;
  half.last_run = instant_at(value, "last_run");
  half.last_success = instant_at(value, "last_success");
  half.unchanged_since = instant_at(value, "unchanged_since");
  half.newest_verified = instant_at(value, "newest_verified");
  half.archives = value.at("archives");
  half.bytes = value.at("bytes");
  using Result = HalfResult;
  if (value.contains("last_result"))
    half.last_result = named<Result>(
        value.at("last_result"),
        {Result::stored, Result::unchanged, Result::incomplete, Result::failed, Result::skipped});
  if (value.contains("growth_bytes")) half.growth_bytes = value.at("growth_bytes").get<int64_t>();
  for (const auto& [tier, count] : value.at("tiers").items())
    half.archives_by_tier[tier_of(tier)] = count;
  if (value.contains("newest")) {
    const json& newest = value.at("newest");
    half.newest =
        StatusArchive{{newest.at("key"), which, instant_at(newest, "taken").value_or(Instant{}),
                       newest.at("size")},
                      false,
                      "",
                      {}};
  }
  return half;
}

CoverageGap gap_of(const json& value) {
  using Reason = CoverageGap::Reason;
  return {{tier_of(value.at("tier")), instant_at(value, "instant").value_or(Instant{}),
           value.at("label")},
          named<Reason>(value.at("reason"), {Reason::before_first, Reason::lost, Reason::missed}),
          instant_at(value, "pair")};
}

EnvironmentStatus status_of(const json& value) {
  EnvironmentStatus status;
  status.environment = value.at("environment");
  status.prefix = value.at("prefix");
  status.store = value.at("store");
  status.now = instant_at(value, "now").value_or(Instant{});
  status.max_age = std::chrono::seconds(value.at("max_age_seconds").get<int64_t>());
  status.proof_max_age = std::chrono::seconds(value.at("proof_max_age_seconds").get<int64_t>());
  status.last_pair = instant_at(value, "last_point");
  status.next_expected = instant_at(value, "next_expected");
  status.oldest_upload = instant_at(value, "oldest_upload");
  status.skipped = value.at("skipped");
  status.pruned = value.at("pruned");
  status.kept_instants = value.at("kept_instants");
  status.orphans = value.at("orphans");
  status.uploads = value.at("uploads");
  status.not_ours = value.at("not_ours");
  for (const auto& [name, half] : value.at("halves").items())
    status.halves[half_of(name)] = half_status_of(half_of(name), half);
  for (const json& gap : value.at("gaps")) status.gaps.push_back(gap_of(gap));
  for (const auto& [name, runs] : value.at("runs").items()) {
    using Kind = RunKind;
    KindRuns& of_kind =
        status.runs[named<Kind>(name, {Kind::backup, Kind::prune, Kind::adopt, Kind::identity,
                                       Kind::verify, Kind::drill, Kind::restore})];
    if (runs.contains("last")) of_kind.last = run_of(runs.at("last"));
    if (runs.contains("last_success")) of_kind.last_success = run_of(runs.at("last_success"));
  }
  // They bring the verdicts with them.
  for (const json& finding : value.at("findings")) {
    std::optional<Half> half;
    if (finding.contains("half")) half = half_of(finding.at("half"));
    add_finding(status, {named<FindingKind>(finding.at("finding"), finding_kinds()), half,
                         finding.at("text")});
  }
  return status;
}

}  // namespace

std::string status_json(const std::vector<EnvironmentStatus>& statuses,
                        const std::optional<Discovery>& discovery) {
  json environments = json::array();
  for (const EnvironmentStatus& status : statuses) environments.push_back(json_of(status));
  json value = {{"verdict", verdict_word(worst_verdict(statuses))}, {"environments", environments}};
  if (discovery) value["discovery"] = json_of(*discovery);
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

EnvironmentStatus read_status_json(const std::string& text) {
  try {
    return status_of(json::parse(text).at("environments").at(0));
  } catch (const json::exception& error) {
    throw Error(Errc::cluster, std::string("its status cannot be read: ") + error.what());
  }
}

}  // namespace dolibarr_backup
