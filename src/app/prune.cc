#include "app/prune.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/half_error.h"
#include "app/holds.h"
#include "app/last_copy_guard.h"
#include "app/run_journal.h"
#include "base/log.h"
#include "base/stop.h"

namespace dolibarr_backup {
namespace {

constexpr std::chrono::hours kStoreClockLead{1};

uint64_t size_of(const Catalog& catalog, const std::string& key) {
  const auto found = catalog.objects().find(key);
  return found == catalog.objects().end() ? 0 : found->second.size;
}

std::vector<StoredArchive> in_force(Catalog& catalog) {
  std::vector<StoredArchive> archives;
  for (const CatalogArchive& archive : catalog.archives())
    if (archive.standing == CatalogArchive::Standing::in_force) archives.push_back(archive.stored);
  return archives;
}

std::vector<StoredArchive> select(const Retention& retention, bool kept) {
  std::vector<StoredArchive> archives;
  for (const Retention::Decision& decision : retention.decisions)
    if (decision.keep == kept) archives.push_back(decision.archive);
  return archives;
}

// The newest run at or before each instant is most likely what it needs.
void prefetch_around(Catalog& catalog, const std::vector<KeptInstant>& instants) {
  std::vector<RunId> wanted;
  for (const KeptInstant& kept : instants) {
    const auto after =
        std::partition_point(catalog.runs().begin(), catalog.runs().end(),
                             [&](const RunId& run) { return run.start() <= kept.instant; });
    if (after != catalog.runs().begin()) wanted.push_back(*std::prev(after));
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  catalog.prefetch(wanted);
}

// What alone still has an issued document is held from now on, so that later prunes
// need not look again; a dry run only shows it.
void keep_last_copies(Catalog& catalog, const std::set<std::string>& released, bool dry_run,
                      Instant now, Retention& retention, const std::stop_token& stop) {
  const std::map<std::string, std::string> found =
      find_last_copies(catalog, select(retention, false), select(retention, true), stop);
  for (Retention::Decision& decision : retention.decisions) {
    const auto last = found.find(decision.archive.key);
    if (last == found.end() || released.contains(decision.archive.key)) continue;
    log::warning("{} stays: {}", decision.archive.key, last->second);
    decision.keep = true;
    decision.reasons = {last->second};
    if (!dry_run)
      add_hold(catalog, decision.archive.key, last->second, std::string(kAutomaticHolder), now);
  }
}

// Names as `list` shows them, or whole keys.
std::set<std::string> released_keys(Catalog& catalog, const PruneOptions& options) {
  std::set<std::string> keys;
  for (const std::string& name : options.release) keys.insert(find_archive(catalog, name));
  return keys;
}

PruneInput input_for(Catalog& catalog, const EnvironmentSettings& environment,
                     const PruneOptions& options, const Retention& retention, Instant now) {
  PruneInput input{
      .now = now,
      .orphan_grace = options.uploads_older_than.value_or(environment.orphan_grace),
      .uploads_older_than = options.uploads_older_than.value_or(environment.uploads_older_than),
      .max_prune_percent = environment.max_prune_percent,
      .force = options.force,
      .no_records = catalog.runs().empty(),
      .unreadable_records = catalog.unreadable_records().size()};
  for (const Retention::Decision& decision : retention.decisions) {
    const StoredArchive& archive = decision.archive;
    ++(archive.half == Half::db ? input.archives_db : input.archives_docs);
    if (decision.keep) continue;
    const std::string manifest = catalog.keys().manifest_of(archive.key);
    const bool has_manifest = catalog.contains(manifest);
    input.dropped.push_back({archive, decision.reasons.front(), has_manifest ? manifest : "",
                             has_manifest ? size_of(catalog, manifest) : 0});
  }
  const std::map<std::string, std::string> held = catalog.holds();
  const auto add_orphan = [&](const std::string& key, const RunId& run, Half half, bool manifest) {
    const auto found = catalog.objects().find(key);
    if (found == catalog.objects().end()) return;
    // A long run stores late. A store's clock may lead a little; far ahead it says nothing.
    Instant begun = run.start();
    if (found->second.modified <= now + kStoreClockLead)
      begun = std::max(begun, std::min(found->second.modified, now));
    input.orphans.push_back({key, found->second.size, begun, half, manifest});
  };
  for (const CatalogArchive& archive : catalog.archives()) {
    if (archive.standing != CatalogArchive::Standing::orphan) continue;
    if (archive.moved_here || held.contains(archive.stored.key)) continue;
    // A record that cannot be read may name it.
    if (catalog.unreadable_records().contains(catalog.keys().run_record(*archive.run))) continue;
    add_orphan(archive.stored.key, *archive.run, archive.stored.half, false);
    add_orphan(catalog.keys().manifest_of(archive.stored.key), *archive.run, archive.stored.half,
               true);
  }
  for (const ObjectInfo& manifest : catalog.lone_manifests())
    input.lone_manifests.push_back(
        {manifest.key, manifest.size, catalog.keys().parse(manifest.key).run->start()});
  for (const PendingUpload& upload : catalog.store().list_uploads(catalog.keys().everything()))
    if (catalog.keys().parse(upload.key).kind != ParsedKey::Kind::unknown)
      input.uploads.push_back({upload.key, upload.id, upload.started});
  return input;
}

// A clock that is set back would make everything look new; one far ahead, old.
void refuse_absurd_clock(Catalog& catalog, Instant now, PrunePlan& plan) {
  if (catalog.runs().empty()) return;
  const Instant newest = catalog.runs().back().start();
  if (newest > now + std::chrono::minutes(5))
    plan.refusals.push_back(fmt::format("clock: it is {} here, but the newest run record is of {}",
                                        format_instant(now), format_instant(newest)));
  // Nobody prunes by a clock a year past the last sign of life without meaning it.
  if (now - newest > std::chrono::days(366))
    plan.refusals.push_back(fmt::format("clock: the newest run record is of {}, a year ago or more",
                                        format_instant(newest)));
}

void execute(Catalog& catalog, PruneReport& report, RunRecord& record,
             const std::stop_token& stop) {
  ObjectStore& store = catalog.store();
  const std::map<std::string, Hold> holds = list_holds(catalog);
  for (const PruneStep& step : report.plan.steps) {
    throw_if_stopped(stop);
    if (holds.contains(step.key)) remove_hold(catalog, step.key);  // released, else it would stay
    // A lock refuses one object; that is told, and the others still go.
    if (const std::optional<Error> error = error_of([&] { store.remove(step.key); })) {
      report.refused[step.key] = error->what();
      log::warning("'{}' was not removed: {}", step.key, error->what());
      continue;
    }
    ++report.removed;
    report.removed_bytes += step.bytes;
    record.pruned.push_back({step.key, step.reason});
  }
  for (const AbortStep& step : report.plan.aborts) {
    throw_if_stopped(stop);
    if (const std::optional<Error> error = error_of([&] {
          store.abort_upload({step.key, step.id, {}});
        })) {
      report.refused[step.key] = error->what();
      continue;
    }
    ++report.aborted_uploads;
    record.pruned.push_back({step.key, step.reason});
  }
}

}  // namespace

std::vector<std::pair<KeptInstant, std::optional<PairAt>>> kept_pairs(
    Catalog& catalog, const EnvironmentSettings& environment, Instant now) {
  std::vector<KeptInstant> instants =
      kept_instants(environment.retention, now, environment.time_zone);
  prefetch_around(catalog, instants);
  std::vector<std::pair<KeptInstant, std::optional<PairAt>>> pairs;
  for (KeptInstant& kept : instants) {
    std::optional<PairAt> pair = catalog.good_pair_at(kept.instant);
    pairs.emplace_back(std::move(kept), std::move(pair));
  }
  return pairs;
}

Retention evaluate_retention(Catalog& catalog, const EnvironmentSettings& environment, Instant now,
                             const std::set<std::string>& released) {
  now = not_before_newest(catalog, now);
  RetentionInput input{.archives = in_force(catalog),
                       .kept = kept_pairs(catalog, environment, now)};
  for (const auto& [key, hold] : list_holds(catalog))
    if (!released.contains(key) || hold.who != kAutomaticHolder) input.holds[key] = hold.why;
  for (const std::string& key : catalog.state().drilled)
    input.holds.emplace(key, "the last drill proved it");
  return decide_retention(input);
}

PruneReport prune(Catalog& catalog, const EnvironmentSettings& environment,
                  const PruneOptions& options, const std::function<Instant()>& clock,
                  const std::stop_token& stop) {
  const Instant now = clock();
  PruneReport report;
  const std::set<std::string> released = released_keys(catalog, options);
  report.retention = evaluate_retention(catalog, environment, now, released);
  keep_last_copies(catalog, released, options.dry_run, now, report.retention, stop);
  report.plan = plan_prune(input_for(catalog, environment, options, report.retention, now));
  if (!options.force) refuse_absurd_clock(catalog, now, report.plan);
  if (!report.plan.refusals.empty() && !options.dry_run)
    throw Error(Errc::refused, fmt::format("prune of {}: {}", catalog.keys().prefix(),
                                           fmt::join(report.plan.refusals, "; ")))
        .with_hint("look at `prune --dry-run`; `--force` overrides, where the clock is right");
  if (options.dry_run || (report.plan.steps.empty() && report.plan.aborts.empty())) return report;

  RunRecord record = new_record(RunKind::prune, environment, begin_run(catalog, now), catalog);
  record.result = RunResult::success;
  const auto commit = [&] {
    if (!record.pruned.empty()) commit_record(record, catalog, clock());
  };
  try {
    execute(catalog, report, record, stop);
  } catch (const Error& error) {
    record.result = error.code() == Errc::interrupted ? RunResult::interrupted : RunResult::failed;
    record.error = error.what();
    commit();
    throw;
  }
  commit();
  return report;
}

}  // namespace dolibarr_backup
