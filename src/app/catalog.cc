#include "app/catalog.h"

#include <tbb/global_control.h>
#include <tbb/parallel_for_each.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

constexpr uint64_t kRecordLimitBytes = 16 * kMiB;
constexpr uint64_t kHoldLimitBytes = kMiB;
// Between a run's listing and its start, and for a store's clock in whole seconds.
constexpr std::chrono::seconds kOverlapSlack{60};
// Requests wait for the store, not for a core.
constexpr int kParallelReads = 16;

std::string_view last_part(std::string_view key) {
  return key.substr(key.rfind('/') + 1);
}

// What a record says of an archive.
void take_word_of(const RunRecord& record, CatalogArchive& archive) {
  const auto half = record.halves.find(archive.stored.half);
  if (half == record.halves.end() || !half->second.archive) return;
  const std::string& named = half->second.archive->archive.key;
  if (named == archive.stored.key) {
    archive.standing = CatalogArchive::Standing::in_force;
    archive.entry = half->second.archive;
  } else if (record.run == *archive.run && last_part(named) == last_part(archive.stored.key)) {
    archive.moved_here = true;
  }
}

}  // namespace

Catalog::Catalog(ObjectStore& store, KeySpace keys, std::stop_token stop)
    : store_(store), keys_(std::move(keys)), stop_(std::move(stop)) {
  for (ObjectInfo& object : store_.list(keys_.everything())) {
    const ParsedKey parsed = keys_.parse(object.key);
    if (parsed.kind == ParsedKey::Kind::run_record) runs_.push_back(*parsed.run);
    std::string key = object.key;
    objects_.emplace(std::move(key), std::move(object));
  }
  std::sort(runs_.begin(), runs_.end());
}

void Catalog::prefetch(const std::vector<RunId>& runs) {
  std::vector<RunId> wanted;
  for (const RunId& run : runs)
    if (!loaded_.contains(run)) wanted.push_back(run);
  std::mutex mutex;
  const auto load = [&](const RunId& run) {
    throw_if_stopped(stop_);
    const std::string key = keys_.run_record(run);
    Loaded loaded;
    std::string problem;
    try {
      if (const std::optional<std::string> text = get_object(store_, key, kRecordLimitBytes)) {
        loaded.sha256 = sha256_hex(*text);
        auto record = std::make_unique<RunRecord>(parse_run_record(*text));
        if (record->run == run)
          loaded.record = std::move(record);
        else
          problem = "the record names another run: " + record->run.text();
      } else {
        problem = "the record is listed but cannot be found";
      }
    } catch (const Error& error) {
      // A record that does not parse hides one run; a store that does not answer
      // hides everything, and guessing then would be wrong.
      if (error.code() != Errc::corrupt) throw;
      problem = error.what();
    }
    const std::lock_guard lock(mutex);
    if (!problem.empty()) {
      log::warning("{}: {}", key, problem);
      unreadable_.emplace(key, problem);
    }
    loaded_.emplace(run, std::move(loaded));
  };
  if (wanted.size() == 1) return load(wanted.front());
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, kParallelReads + 1);
  tbb::task_arena arena(kParallelReads);
  arena.execute([&] { tbb::parallel_for_each(wanted, load); });
}

const RunRecord* Catalog::record(const RunId& run) {
  if (!std::binary_search(runs_.begin(), runs_.end(), run)) return nullptr;
  prefetch({run});
  return loaded_.at(run).record.get();
}

std::vector<ChainLink> Catalog::chain(size_t count) {
  const size_t first = runs_.size() - std::min(count, runs_.size());
  prefetch({runs_.begin() + static_cast<std::ptrdiff_t>(first), runs_.end()});
  std::vector<ChainLink> links;
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (i < first)
      links.push_back({.run = runs_[i], .read = false});
    else
      links.push_back({runs_[i], true, loaded_.at(runs_[i]).sha256, record(runs_[i])});
  }
  return links;
}

const RunRecord* Catalog::newest_record() {
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run)
    if (const RunRecord* found = record(*run)) return found;
  return nullptr;
}

CarriedState Catalog::state() {
  const RunRecord* newest = newest_record();
  if (!newest) return {};
  CarriedState state = newest->state;
  // Two runs at once fork the chain; what the other branch added counts too.
  for (const RecordRef& head : heads()) {
    const std::optional<RunId> run = RunId::parse(head.run);
    const RunRecord* other = run ? record(*run) : nullptr;
    if (!other || other == newest) continue;
    for (const std::string& key : other->state.adopted)
      if (std::find(state.adopted.begin(), state.adopted.end(), key) == state.adopted.end())
        state.adopted.push_back(key);
    for (const std::string& key : other->state.damaged)
      if (std::find(state.damaged.begin(), state.damaged.end(), key) == state.damaged.end())
        state.damaged.push_back(key);
  }
  return state;
}

// A record that the newest one could not know of was stored while that run was
// under way, or later: only those can be heads beside it.
std::vector<RecordRef> Catalog::heads() {
  const RunRecord* newest = newest_record();
  if (!newest) return {};
  const auto stored_at = [&](const RunId& run) {
    return objects_.at(keys_.run_record(run)).modified;
  };
  const Instant since =
      stored_at(newest->run) - (newest->finished - newest->started) - kOverlapSlack;
  std::vector<RunId> recent;
  for (const RunId& run : runs_)
    if (run == newest->run || stored_at(run) >= since) recent.push_back(run);
  prefetch(recent);
  std::set<std::string> referred;
  for (const RunId& run : recent)
    if (const RunRecord* found = record(run))
      for (const RecordRef& earlier : found->previous) referred.insert(earlier.run);
  std::vector<RecordRef> heads;
  for (const RunId& run : recent)
    if (!referred.contains(run.text()) && !loaded_.at(run).sha256.empty())
      heads.push_back({run.text(), loaded_.at(run).sha256});
  std::sort(heads.begin(), heads.end());
  return heads;
}

// An archive whose own record is lost or unreadable is in force all the same if a later
// record says that nothing had changed since.
void Catalog::find_witnesses() {
  std::vector<CatalogArchive*> unproven;
  for (CatalogArchive& archive : *archives_)
    if (!archive.reference && archive.standing == CatalogArchive::Standing::orphan &&
        !record(*archive.run))
      unproven.push_back(&archive);
  for (CatalogArchive* archive : unproven) {
    const auto later = std::upper_bound(runs_.begin(), runs_.end(), *archive->run);
    prefetch({later, runs_.end()});
    for (auto run = later; run != runs_.end() && !archive->entry; ++run)
      if (const RunRecord* witness = record(*run)) take_word_of(*witness, *archive);
  }
}

const std::vector<CatalogArchive>& Catalog::archives() {
  if (archives_) return *archives_;
  archives_.emplace();
  const CarriedState carried = state();
  std::vector<RunId> makers;
  for (const auto& [key, object] : objects_) {
    const ParsedKey parsed = keys_.parse(key);
    const bool ours = parsed.kind == ParsedKey::Kind::archive;
    if (!ours && parsed.kind != ParsedKey::Kind::reference_archive) continue;
    CatalogArchive archive;
    archive.stored = {key, *parsed.half, *parsed.taken, object.size};
    archive.reference = !ours;
    archive.run = parsed.run;
    archive.damaged =
        std::find(carried.damaged.begin(), carried.damaged.end(), key) != carried.damaged.end();
    if (ours && std::binary_search(runs_.begin(), runs_.end(), *parsed.run))
      makers.push_back(*parsed.run);
    archives_->push_back(std::move(archive));
  }
  prefetch(makers);
  for (CatalogArchive& archive : *archives_) {
    using Standing = CatalogArchive::Standing;
    if (archive.reference) {
      const bool adopted = std::find(carried.adopted.begin(), carried.adopted.end(),
                                     archive.stored.key) != carried.adopted.end();
      const bool before_us = runs_.empty() || archive.stored.taken < runs_.front().start();
      archive.standing = adopted || before_us ? Standing::in_force : Standing::foreign;
      continue;
    }
    if (const RunRecord* maker = record(*archive.run)) take_word_of(*maker, archive);
  }
  find_witnesses();
  std::sort(archives_->begin(), archives_->end(), [](const auto& a, const auto& b) {
    return std::tie(a.stored.taken, a.stored.key) < std::tie(b.stored.taken, b.stored.key);
  });
  return *archives_;
}

std::vector<ObjectInfo> Catalog::lone_manifests() const {
  std::vector<ObjectInfo> lone;
  for (const auto& [key, object] : objects_) {
    const ParsedKey parsed = keys_.parse(key);
    if (parsed.kind == ParsedKey::Kind::manifest &&
        !objects_.contains(keys_.archive(*parsed.run, *parsed.half)))
      lone.push_back(object);
  }
  return lone;
}

std::vector<ObjectInfo> Catalog::not_ours() const {
  std::vector<ObjectInfo> others;
  for (const auto& [key, object] : objects_)
    if (keys_.parse(key).kind == ParsedKey::Kind::unknown) others.push_back(object);
  return others;
}

std::map<std::string, std::string> Catalog::holds() {
  std::map<std::string, std::string> holds;
  for (const auto& [key, object] : objects_) {
    const ParsedKey parsed = keys_.parse(key);
    if (parsed.kind == ParsedKey::Kind::hold) {
      // Whatever it says, it holds.
      std::string& text = holds[parsed.held];
      if (object.size <= kHoldLimitBytes)
        text = get_object(store_, key, kHoldLimitBytes).value_or("");
    }
  }
  return holds;
}

bool Catalog::intact(const ArchiveEntry& entry) const {
  const auto matches = [&](const StoredObject& stored) {
    const auto found = objects_.find(stored.key);
    return found != objects_.end() && found->second.size == stored.size;
  };
  return matches(entry.archive) && (!entry.manifest || matches(*entry.manifest));
}

std::optional<LastSuccess> Catalog::last_success(Half half) {
  const CarriedState carried = state();
  const auto damaged = [&](const std::string& key) {
    return std::find(carried.damaged.begin(), carried.damaged.end(), key) != carried.damaged.end();
  };
  const bool any = std::any_of(objects_.begin(), objects_.end(), [&](const auto& object) {
    const ParsedKey parsed = keys_.parse(object.first);
    return parsed.kind == ParsedKey::Kind::archive && parsed.half == half;
  });
  if (!any) return std::nullopt;
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    const RunRecord* found = record(*run);
    if (!found || found->kind != RunKind::backup || found->pair == PairJudgement::torn) continue;
    const auto entry = found->halves.find(half);
    if (entry == found->halves.end() || !entry->second.success()) continue;
    if (!entry->second.archive || !entry->second.fingerprint) continue;
    if (!intact(*entry->second.archive) || damaged(entry->second.archive->archive.key))
      return std::nullopt;
    return LastSuccess{*run, entry->second};
  }
  return std::nullopt;
}

std::optional<PairAt> Catalog::good_pair_at(Instant instant) {
  const CarriedState carried = state();
  const auto damaged = [&](const ArchiveEntry& entry) {
    return std::find(carried.damaged.begin(), carried.damaged.end(), entry.archive.key) !=
           carried.damaged.end();
  };
  const auto after = std::partition_point(runs_.begin(), runs_.end(),
                                          [&](const RunId& run) { return run.start() <= instant; });
  for (auto run = std::make_reverse_iterator(after); run != runs_.rend(); ++run) {
    const RunRecord* found = record(*run);
    if (!found || !found->good_pair()) continue;
    const ArchiveEntry& db = *found->halves.at(Half::db).archive;
    const ArchiveEntry& docs = *found->halves.at(Half::docs).archive;
    if (intact(db) && intact(docs) && !damaged(db) && !damaged(docs))
      return PairAt{run->start(), db.archive.key, docs.archive.key};
  }
  return std::nullopt;
}

}  // namespace dolibarr_backup
