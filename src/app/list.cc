#include "app/list.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/prune.h"
#include "app/run_journal.h"
#include "dolibarr/tree_exchange.h"

namespace dolibarr_backup {
namespace {

constexpr std::chrono::hours kStaleAfter{26};

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

// The newest drill of the point, if it succeeded; one that failed is missing.
void add_drill(Catalog& catalog, ListedPoint& point, std::vector<std::string>& missing) {
  for (auto run = catalog.runs().rbegin(); run != catalog.runs().rend(); ++run) {
    if (run->start() < point.since) break;
    const RunRecord* record = catalog.record(*run);
    if (!record || record->kind != RunKind::drill) continue;
    const auto drilled = record->measured.find("point");
    if (drilled == record->measured.end()) continue;
    const auto db = drilled->second.find("db"), docs = drilled->second.find("docs");
    if (db == drilled->second.end() || db->second != point.db) continue;
    if (docs == drilled->second.end() || docs->second != point.docs) continue;
    if (record->result == RunResult::success) {
      point.proven = run->start();
    } else {
      missing.push_back(fmt::format("the drill of the newest point, at {}, did not succeed: {}",
                                    format_instant(run->start()), record->error));
    }
    return;
  }
}

// A restore that was killed in mid-exchange leaves a tree that is neither.
void add_broken_restore(const EnvironmentSettings& environment, std::vector<std::string>& missing) {
  if (!environment.documents.starts_with('/')) return;
  const TreeLeftovers left = tree_leftovers(environment.documents);
  if (!left.half_done.empty())
    missing.push_back(fmt::format(
        "a restore is at work or was broken off: '{}'; look with `restore --env {} --into {} "
        "--discard-old -n`, or restore again",
        left.half_done.front(), environment.name, environment.name));
}

// What the newest success of a half names and the store does not hold.
std::optional<StoredObject> archive_gone(Catalog& catalog, Half half) {
  for (auto run = catalog.runs().rbegin(); run != catalog.runs().rend(); ++run) {
    const RunRecord* record = catalog.record(*run);
    if (!record || record->kind != RunKind::backup) continue;
    const auto entry = record->halves.find(half);
    if (entry == record->halves.end() || !entry->second.success()) continue;
    const StoredObject& named = entry->second.archive->archive;
    const auto found = catalog.objects().find(named.key);
    if (found != catalog.objects().end() && found->second.size == named.size) return std::nullopt;
    return named;
  }
  return std::nullopt;
}

void add_missing(Catalog& catalog, const EnvironmentSettings& environment, Listing& listing) {
  auto& missing = listing.missing;
  if (catalog.runs().empty())
    missing.push_back("no run of dolibarr-backup has ever been recorded here");
  for (const Half half : kHalves) {
    const bool any = std::any_of(
        listing.archives.begin(), listing.archives.end(),
        [&](const ListedArchive& listed) { return listed.archive.stored.half == half; });
    if (!any) missing.push_back(fmt::format("there is no {} archive in force", name_of(half)));
  }
  const std::optional<PairAt> pair = catalog.good_pair_at(listing.now);
  if (!pair) {
    missing.push_back("no point: no run has stored both halves as one consistent pair");
  } else if (listing.now - pair->at > kStaleAfter) {
    missing.push_back(fmt::format("no good run for {}: the last was at {}",
                                  format_duration(listing.now - pair->at),
                                  format_instant(pair->at)));
  }
  for (const Half half : kHalves)
    if (const std::optional<StoredObject> gone = archive_gone(catalog, half))
      missing.push_back(fmt::format("the newest {} archive '{}', recorded with {}, is not there",
                                    name_of(half), gone->key, format_bytes(gone->size)));
  for (const auto& [key, problem] : catalog.unreadable_records())
    missing.push_back(fmt::format("the run record '{}' cannot be read: {}", key, problem));
  for (const ListedArchive& listed : listing.archives) {
    if (listed.archive.damaged)
      missing.push_back("'" + listed.archive.stored.key + "' was found damaged");
    if (listed.archive.entry && listed.archive.entry->archive.size != listed.archive.stored.size)
      missing.push_back(fmt::format("'{}' has {}, its record says {}", listed.archive.stored.key,
                                    format_bytes(listed.archive.stored.size),
                                    format_bytes(listed.archive.entry->archive.size)));
    if (!listed.archive.reference &&
        !catalog.contains(catalog.keys().manifest_of(listed.archive.stored.key)))
      missing.push_back("'" + listed.archive.stored.key + "' has lost its manifest");
  }
  if (environment.conf_key_location.empty())
    missing.push_back(
        "key not in the backup: conf.php's key is in neither half; say in "
        "conf_key_location where it is kept");
}

// Once a prune is refused, each later one is, until somebody looks.
void add_refused_prune(const Retention& retention, const EnvironmentSettings& environment,
                       Listing& listing) {
  for (const Half half : kHalves) {
    uint64_t in_force = 0, dropped = 0;
    for (const Retention::Decision& decision : retention.decisions) {
      if (decision.archive.half != half) continue;
      ++in_force;
      if (!decision.keep) ++dropped;
    }
    if (const std::optional<std::string> refusal =
            too_large_share(half, dropped, in_force, environment.max_prune_percent))
      listing.missing.push_back("prune: refused, " + *refusal +
                                "; look at `prune --dry-run`, then `prune --force`");
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
  add_missing(catalog, environment, listing);
  if (!listing.points.empty()) add_drill(catalog, listing.points.front(), listing.missing);
  add_broken_restore(environment, listing.missing);
  add_refused_prune(retention, environment, listing);
  return listing;
}

}  // namespace dolibarr_backup
