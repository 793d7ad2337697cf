#include "app/list.h"

#include <algorithm>

#include "app/prune.h"
#include "app/run_journal.h"

namespace dolibarr_backup {
namespace {

// The newest record that says the half equals this archive.
std::optional<Instant> confirmed_at(Catalog& catalog, const CatalogArchive& archive) {
  const RunRecord* newest = catalog.newest_record();
  if (!newest) return std::nullopt;
  for (auto run = catalog.runs().rbegin(); run != catalog.runs().rend(); ++run) {
    const RunRecord* record = catalog.record(*run);
    if (!record || record->kind != RunKind::backup) continue;
    const auto half = record->halves.find(archive.stored.half);
    if (half == record->halves.end() || !half->second.success()) continue;
    // Only the archive in force now can be confirmed by the newest runs.
    if (half->second.archive->archive.key == archive.stored.key) return run->start();
    return std::nullopt;
  }
  return std::nullopt;
}

void add_points(Catalog& catalog, Listing& listing) {
  std::vector<RunId> makers;
  for (const CatalogArchive& archive : catalog.archives())
    if (archive.standing == CatalogArchive::Standing::in_force && archive.run &&
        (makers.empty() || makers.back() != *archive.run))
      makers.push_back(*archive.run);
  for (auto run = makers.rbegin(); run != makers.rend(); ++run) {
    const RunRecord* record = catalog.record(*run);
    if (!record || record->pair == PairJudgement::none) continue;
    const auto db = record->halves.find(Half::db), docs = record->halves.find(Half::docs);
    if (db == record->halves.end() || docs == record->halves.end()) continue;
    if (!db->second.archive || !docs->second.archive) continue;
    ListedPoint point{*run,
                      run->start(),
                      run->start(),
                      db->second.archive->archive.key,
                      docs->second.archive->archive.key,
                      record->pair};
    if (!catalog.intact(*db->second.archive) || !catalog.intact(*docs->second.archive)) continue;
    listing.points.push_back(std::move(point));
  }
  if (listing.points.empty() || catalog.runs().empty()) return;
  // The newest pair may have been confirmed by runs that stored nothing.
  const std::optional<PairAt> now = catalog.good_pair_at(listing.now);
  if (!now) return;
  for (ListedPoint& point : listing.points)
    if (point.db == now->db && point.docs == now->docs) {
      point.confirmed = std::max(point.confirmed, now->at);
      break;
    }
}

// The newest drill of the point, if it succeeded.
void add_drill(Catalog& catalog, ListedPoint& point) {
  for (auto run = catalog.runs().rbegin(); run != catalog.runs().rend(); ++run) {
    if (run->start() < point.since) break;
    const RunRecord* record = catalog.record(*run);
    if (!record || record->kind != RunKind::drill) continue;
    const auto drilled = record->measured.find("point");
    if (drilled == record->measured.end()) continue;
    const auto db = drilled->second.find("db"), docs = drilled->second.find("docs");
    if (db == drilled->second.end() || db->second != point.db) continue;
    if (docs == drilled->second.end() || docs->second != point.docs) continue;
    if (record->result == RunResult::success) point.proven = run->start();
    return;
  }
}

}  // namespace

Listing list_environment(Catalog& catalog, const EnvironmentSettings& environment, Instant now) {
  now = not_before_newest(catalog, now);
  Listing listing;
  listing.environment = environment.name;
  listing.prefix = catalog.keys().prefix();
  listing.store = catalog.store().describe();
  listing.now = now;
  listing.not_ours = catalog.not_ours();
  listing.uploads = catalog.store().list_uploads(catalog.keys().everything());

  std::map<std::string, std::vector<std::string>> reasons;
  const Retention retention = evaluate_retention(catalog, environment, now);
  for (const Retention::Decision& decision : retention.decisions)
    if (decision.keep) reasons[decision.archive.key] = decision.reasons;
  const std::map<std::string, std::string> held = catalog.holds();
  const std::vector<CatalogArchive>& archives = catalog.archives();
  for (auto archive = archives.rbegin(); archive != archives.rend(); ++archive) {
    ListedArchive listed{*archive, reasons[archive->stored.key], std::nullopt, std::nullopt};
    if (const auto hold = held.find(archive->stored.key); hold != held.end())
      listed.held = hold->second;
    switch (archive->standing) {
      case CatalogArchive::Standing::in_force:
        listed.confirmed = confirmed_at(catalog, *archive);
        listing.archives.push_back(std::move(listed));
        break;
      case CatalogArchive::Standing::orphan:
        listing.orphans.push_back(std::move(listed));
        break;
      case CatalogArchive::Standing::foreign:
        listing.foreign.push_back(std::move(listed));
        break;
    }
  }
  add_points(catalog, listing);
  if (const RunRecord* newest = catalog.newest_record()) {
    listing.last_run = newest->run;
    listing.last_result = newest->result;
  }
  if (!listing.points.empty()) add_drill(catalog, listing.points.front());
  return listing;
}

}  // namespace dolibarr_backup
