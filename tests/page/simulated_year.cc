#include "page/simulated_year.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace dolibarr_backup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

std::string digest_of(uint32_t number) {
  return fmt::format("{0:08x}{0:08x}{0:08x}{0:08x}{0:08x}{0:08x}{0:08x}{0:08x}",
                     number * 2654435761u);
}

}  // namespace

SimulatedRuns::SimulatedRuns(date::local_days first)
    : at_(Instant(first.time_since_epoch()) + hours(2) + minutes(15)) {}

RunRecord SimulatedRuns::begin(RunKind kind, std::chrono::seconds after) {
  RunRecord record{.kind = kind, .environment = "prod", .run = RunId::make(at_ + after, ++random_)};
  record.started = at_ + after;
  record.finished = record.started + std::chrono::seconds(73);
  record.versions = {{"dolibarr", random_ < 500 ? "20.0.2" : "21.0.1"},
                     {"server", "15.10"},
                     {"pg_dump", "15.10"},
                     {"tool", "0.1.0"}};
  if (kind != RunKind::backup) record.versions = {{"tool", "0.1.0"}};
  return record;
}

RecordRef SimulatedRuns::head() const {
  return {records_.back().run.text(), digest_of(static_cast<uint32_t>(records_.size()))};
}

void SimulatedRuns::add(RunRecord record) {
  if (!records_.empty()) record.previous = {head()};
  records_.push_back(std::move(record));
}

SimulatedRuns& SimulatedRuns::good(bool db_changed, bool docs_changed) {
  RunRecord record = begin(RunKind::backup, {});
  record.result = RunResult::success;
  record.pair = PairJudgement::quiescent;
  record.attempts = 1;
  for (const Half half : kHalves) {
    const bool changed = (half == Half::db ? db_changed : docs_changed) || !newest_.contains(half);
    if (changed) {
      const uint64_t size = (half == Half::db ? 40 : 900) * kMiB + records_.size() * 170'000;
      newest_[half] = {
          {keys_.archive(record.run, half), size, digest_of(++random_)},
          StoredObject{keys_.manifest(record.run, half), 20'000, digest_of(++random_)}};
      taken_[half] = record.started;
    }
    HalfRecord& entry = record.halves[half];
    entry.result = changed ? HalfResult::stored : HalfResult::unchanged;
    entry.archive = newest_[half];
    entry.taken = taken_[half];
  }
  add(std::move(record));
  at_ += days(1);
  return *this;
}

SimulatedRuns& SimulatedRuns::bad(RunResult result, const std::string& error) {
  RunRecord record = begin(RunKind::backup, {});
  record.result = result;
  record.error = error;
  for (const Half half : kHalves) record.halves[half].result = HalfResult::failed;
  add(std::move(record));
  at_ += days(1);
  return *this;
}

SimulatedRuns& SimulatedRuns::database_only() {
  RunRecord record = begin(RunKind::backup, {});
  record.result = RunResult::failed;
  record.error = "the documents could not be read";
  newest_[Half::db] = {{keys_.archive(record.run, Half::db), 40 * kMiB, digest_of(++random_)},
                       StoredObject{keys_.manifest(record.run, Half::db), 20'000, digest_of(1)}};
  record.halves[Half::db] = {.result = HalfResult::stored, .archive = newest_[Half::db]};
  record.halves[Half::db].taken = record.started;
  record.halves[Half::docs].result = HalfResult::failed;
  add(std::move(record));
  at_ += days(1);
  return *this;
}

SimulatedRuns& SimulatedRuns::none() {
  at_ += days(1);
  return *this;
}

SimulatedRuns& SimulatedRuns::drill(bool success) {
  RunRecord record = begin(RunKind::drill, hours(1) - days(1));
  record.result = success ? RunResult::success : RunResult::failed;
  record.measured["point"] = {{"at", format_instant(at_ - days(1))},
                              {"db", newest_[Half::db].archive.key},
                              {"docs", newest_[Half::docs].archive.key},
                              {"restore_seconds", "125.4"}};
  record.notes = {"database: proven: 214 tables, 48210 rows and the schema are as they were",
                  "documents: proven: 3127 files, 1.02 GiB, each with the digest of its backup",
                  "index: proven: 3004 of 3004 indexed documents match",
                  success ? "legal log: proven: 812 of 812 rows verified, 0 KO"
                          : "legal log: FAILED: 811 of 812 rows verified, 1 KO",
                  "growth: proven: all 9120 rows are unchanged",
                  "key: untold: not tried; kept at: the safe"};
  if (!success) {
    record.error = "legal log: row 417 of <b>2026</b> & \"others\" does not verify";
    record.notes.insert(record.notes.begin() + 4, "legal log: row 417: KO");
  }
  add(std::move(record));
  return *this;
}

SimulatedRuns& SimulatedRuns::verify(bool success) {
  RunRecord record = begin(RunKind::verify, hours(2) - days(1));
  record.result = success ? RunResult::success : RunResult::failed;
  if (!success) record.error = "an archive is missing";
  add(std::move(record));
  return *this;
}

SimulatedRuns& SimulatedRuns::company(int count) {
  for (int i = 0; i < count; ++i) {
    const auto day = date::floor<date::days>(at_);
    const bool weekend = date::weekday(day).iso_encoding() > 5;
    if (i >= 150 && i < 153) {
      none();
    } else if (i == 201) {
      bad(RunResult::failed, "cannot connect to the database 'dolibarr': connection refused");
    } else if (i == 202) {
      bad(RunResult::torn, "database and documents moved while they were taken");
    } else {
      good(!weekend, i % 3 == 0 && !weekend);
    }
    if (i % 7 == 5) drill(i != 90);
    if (i % 30 == 20) verify(true);
    if (i > 40 && i % 2 == 0 && !records_.empty())
      records_.back().pruned = {
          {fmt::format("erp/prod/db/2025{:04}T021500Z-abcdef.dump", i), "no kept instant needs it"},
          {fmt::format("erp/prod/db/2025{:04}T021500Z-abcdef.manifest.gz", i), "its archive goes"}};
  }
  return *this;
}

SimulatedRuns& SimulatedRuns::damage(const std::string& key) {
  damaged_.push_back(key);
  return *this;
}

ReportInput SimulatedRuns::input() const {
  ReportInput input{.environment = "prod",
                    .prefix = "erp/prod",
                    .store = "s3://erp-backups",
                    .time_zone = "Europe/Paris",
                    .conf_key_location = "the safe in room 12",
                    .now = at_ - days(1) + hours(1),
                    .records = records_};
  input.last = local_day(input.now, input.time_zone);
  input.first = input.last - date::days(365);
  if (!records_.empty()) input.heads = {head()};
  // What the retention keeps: the pair of each kept instant.
  RetentionInput retention;
  std::map<std::string, ReportArchive> stored;
  std::vector<PairAt> pairs;
  for (const RunRecord& one : records_)
    for (const auto& [half, entry] : one.halves) {
      if (entry.result != HalfResult::stored) continue;
      const StoredObject& archive = entry.archive->archive;
      retention.archives.push_back({archive.key, half, *entry.taken, archive.size});
      stored[archive.key] = {.key = archive.key,
                             .half = half,
                             .taken = *entry.taken,
                             .size = archive.size,
                             .sha256 = archive.sha256,
                             .manifest = entry.archive->manifest->key,
                             .manifest_sha256 = entry.archive->manifest->sha256};
    }
  for (KeptInstant& kept : kept_instants(input.retention, input.now, input.time_zone)) {
    std::optional<PairAt> pair;
    for (const RunRecord& one : records_)
      if (one.good_pair() && one.started <= kept.instant)
        pair = {one.started, one.halves.at(Half::db).archive->archive.key,
                one.halves.at(Half::docs).archive->archive.key};
    retention.kept.emplace_back(std::move(kept), std::move(pair));
  }
  const Retention decided = decide_retention(retention);
  for (auto one = decided.decisions.rbegin(); one != decided.decisions.rend(); ++one) {
    if (!one->keep) continue;
    ReportArchive archive = stored.at(one->archive.key);
    archive.reasons = one->reasons;
    archive.damaged = std::find(damaged_.begin(), damaged_.end(), archive.key) != damaged_.end();
    archive.restorable = !archive.damaged;
    input.archives.push_back(std::move(archive));
  }
  return input;
}

}  // namespace dolibarr_backup
