#include "app/point.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

constexpr Instant kNow = Instant::max();

std::string shown(std::optional<Instant> as_of) {
  return as_of ? " at or before " + format_instant(*as_of) : "";
}

const ArchiveEntry* archive_of(const RunRecord& record, Half half) {
  const auto found = record.halves.find(half);
  return found != record.halves.end() && found->second.archive ? &*found->second.archive : nullptr;
}

bool damaged(const CarriedState& state, const ArchiveEntry& entry) {
  return std::find(state.damaged.begin(), state.damaged.end(), entry.archive.key) !=
         state.damaged.end();
}

// The object that keeps an archive from being taken: itself, or its manifest.
const std::string& unfit(Catalog& catalog, const ArchiveEntry& entry) {
  const auto found = catalog.objects().find(entry.archive.key);
  const bool whole = found != catalog.objects().end() && found->second.size == entry.archive.size;
  return whole && entry.manifest && !catalog.intact({.archive = *entry.manifest, .manifest = {}})
             ? entry.manifest->key
             : entry.archive.key;
}

// The newest pair whose archives are still there, of the records that `accept` takes.
template <typename Accept>
std::optional<ChosenPoint> newest_pair(Catalog& catalog, Instant as_of, const Accept& accept,
                                       bool skip_damaged = true) {
  const CarriedState state = catalog.state();
  std::vector<std::string> passed_over;
  for (auto run = catalog.runs().rbegin(); run != catalog.runs().rend(); ++run) {
    if (run->start() > as_of) continue;
    const RunRecord* record = catalog.record(*run);
    if (!record || !accept(*record)) continue;
    const ArchiveEntry* db = archive_of(*record, Half::db);
    const ArchiveEntry* docs = archive_of(*record, Half::docs);
    if (!db || !docs) continue;
    bool usable = true;
    for (const ArchiveEntry* entry : {db, docs}) {
      if (catalog.intact(*entry) && !(skip_damaged && damaged(state, *entry))) continue;
      usable = false;
      // What is gone was pruned, unless it is the newest.
      if (as_of != kNow && !catalog.contains(entry->archive.key)) continue;
      const std::string& key = unfit(catalog, *entry);
      if (std::find(passed_over.begin(), passed_over.end(), key) == passed_over.end())
        passed_over.push_back(key);
    }
    if (!usable) continue;
    return ChosenPoint{.at = run->start(),
                       .run = *run,
                       .db = *db,
                       .docs = *docs,
                       .judgement = record->pair,
                       .passed_over = std::move(passed_over)};
  }
  return std::nullopt;
}

const CatalogArchive* newest_archive(Catalog& catalog, Half half, Instant as_of) {
  const CatalogArchive* newest = nullptr;  // they come oldest first
  for (const CatalogArchive& archive : catalog.archives())
    if (archive.standing == CatalogArchive::Standing::in_force && archive.stored.half == half &&
        archive.stored.taken <= as_of)
      newest = &archive;
  return newest;
}

ArchiveEntry entry_of(Catalog& catalog, const CatalogArchive& archive) {
  const RunRecord* record = archive.run ? catalog.record(*archive.run) : nullptr;
  if (const ArchiveEntry* entry = record ? archive_of(*record, archive.stored.half) : nullptr)
    return *entry;
  return {{archive.stored.key, archive.stored.size, ""}, std::nullopt};
}

std::optional<ChosenPoint> single_archives(Catalog& catalog, Instant as_of) {
  ChosenPoint point{.at = Instant::min()};
  for (const Half half : kHalves) {
    const CatalogArchive* archive = newest_archive(catalog, half, as_of);
    if (!archive) continue;
    (half == Half::db ? point.db : point.docs) = entry_of(catalog, *archive);
    point.at = std::max(point.at, archive->stored.taken);
    point.reference |= archive->reference;
  }
  if (!point.db && !point.docs) return std::nullopt;
  return point;
}

std::optional<ChosenPoint> unproven(Catalog& catalog, Instant as_of) {
  const auto judged = [](const RunRecord& record) { return record.pair != PairJudgement::none; };
  if (std::optional<ChosenPoint> pair = newest_pair(catalog, as_of, judged, false)) return pair;
  return single_archives(catalog, as_of);
}

std::string describe(const ChosenPoint& point) {
  const std::string at = format_instant(point.at);
  if (point.run)
    return fmt::format("a pair of {} that is {}", at,
                       point.judgement == PairJudgement::torn ? "torn" : "incomplete");
  std::string text;
  for (const auto& entry : {point.db, point.docs})
    if (entry) text += (text.empty() ? "'" : "' and '") + entry->archive.key;
  text += point.db && point.docs ? "', never proven to belong together" : "' alone";
  return text + (point.reference ? ", of the earlier script" : "");
}

std::string oldest_pair_text(Catalog& catalog) {
  const auto good = [](const RunRecord& record) { return record.good_pair(); };
  for (const RunId& run : catalog.runs()) {
    const RunRecord* record = catalog.record(run);
    if (!record || !record->good_pair()) continue;
    if (newest_pair(catalog, run.start(), good))
      return "the oldest good pair is of " + format_instant(run.start());
  }
  return "there is no good pair at all";
}

ChosenPoint with_damage(Catalog& catalog, ChosenPoint point) {
  const CarriedState state = catalog.state();
  for (const auto& entry : {point.db, point.docs})
    if (entry && std::find(state.damaged.begin(), state.damaged.end(), entry->archive.key) !=
                     state.damaged.end())
      point.damaged.push_back(entry->archive.key);
  return point;
}

}  // namespace

ChosenPoint choose_point(Catalog& catalog, std::optional<Instant> as_of, bool accept_unproven) {
  const Instant until = as_of.value_or(kNow);
  const auto good = [](const RunRecord& record) { return record.good_pair(); };
  if (std::optional<ChosenPoint> pair = newest_pair(catalog, until, good))
    return with_damage(catalog, std::move(*pair));
  std::optional<ChosenPoint> other = unproven(catalog, until);
  if (other && accept_unproven) return with_damage(catalog, std::move(*other));
  Error error(Errc::refused, "no good pair of both halves is stored" + shown(as_of));
  error.with_hint(other ? "there is " + describe(*other) + "; --accept-unproven takes it"
                        : "nothing is stored" + shown(as_of) + "; " + oldest_pair_text(catalog));
  throw error;
}

ChosenPoint choose_documents(Catalog& catalog, std::optional<Instant> as_of) {
  const CatalogArchive* archive = newest_archive(catalog, Half::docs, as_of.value_or(kNow));
  if (archive)
    return with_damage(catalog, {.at = archive->stored.taken,
                                 .run = archive->run,
                                 .docs = entry_of(catalog, *archive),
                                 .reference = archive->reference});
  Error error(Errc::refused, "no docs archive is stored" + shown(as_of));
  for (const CatalogArchive& one : catalog.archives())
    if (one.stored.half == Half::docs && one.standing == CatalogArchive::Standing::in_force) {
      error.with_hint("the oldest one is of " + format_instant(one.stored.taken));
      break;
    }
  throw error;
}

std::optional<ArchiveEntry> archive_entry(Catalog& catalog, const std::string& archive_key) {
  for (const CatalogArchive& archive : catalog.archives())
    if (archive.stored.key == archive_key && archive.standing == CatalogArchive::Standing::in_force)
      return entry_of(catalog, archive);
  return std::nullopt;
}

}  // namespace dolibarr_backup
