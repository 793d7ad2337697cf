#include "core/status.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "core/object_keys.h"

namespace dolibarr_backup {
namespace {

constexpr std::chrono::hours kMonth{30 * 24};
constexpr size_t kRunsForInterval = 10;
constexpr size_t kNamedGaps = 3;

std::string age(Instant now, Instant then) {
  return format_duration(now - then);
}

RunSummary summary_of(const RunRecord& record) {
  return {record.run, record.result, record.finished, record.error};
}

class Judgement {
 public:
  explicit Judgement(const StatusFacts& facts) : facts_(facts) {
    status_.environment = facts.environment;
    status_.prefix = facts.prefix;
    status_.store = facts.store;
    status_.now = facts.now;
    status_.max_age = facts.max_age;
    status_.proof_max_age = facts.proof_max_age;
    status_.orphans = facts.orphans;
    status_.uploads = facts.uploads;
    status_.not_ours = facts.not_ours;
    status_.oldest_upload = facts.oldest_upload;
    for (const RunRecord* record : facts.records)
      (of_the_future(record->run.start()) ? future_ : records_).push_back(record);
  }

  EnvironmentStatus run() {
    sum_up_runs();
    for (const Half half : kHalves) sum_up(half);
    judge_clock();
    for (const Half half : kHalves) judge(half);
    judge_last_backup();
    judge_pair();
    judge_coverage();
    judge_proofs();
    judge_surroundings();
    return std::move(status_);
  }

 private:
  void find(FindingKind kind, std::optional<Half> half, std::string text) {
    add_finding(status_, {kind, half, std::move(text)});
  }
  bool of_the_future(Instant at) const { return at > facts_.now + kClockTolerance; }
  void sum_up_runs();
  void sum_up(Half half);
  void judge_clock();
  void judge(Half half);
  void judge_damage(Half half);
  void judge_size(Half half);
  void judge_last_backup();
  void judge_pair();
  void judge_coverage();
  void judge_proofs();
  void judge_proof(RunKind kind, FindingKind overdue);
  void judge_surroundings();
  std::optional<CoverageGap> gap_at(const InstantFact& fact) const;

  const RunRecord* newest_backup() const;
  const RunRecord* newest_success(Half half) const;
  const StatusArchive* archive(const std::string& key) const;

  const StatusFacts& facts_;
  std::vector<const RunRecord*> records_, future_;  // newest first
  EnvironmentStatus status_;
};

const RunRecord* Judgement::newest_backup() const {
  for (const RunRecord* record : records_)
    if (record->kind == RunKind::backup) return record;
  return nullptr;
}

const RunRecord* Judgement::newest_success(Half half) const {
  for (const RunRecord* record : records_) {
    if (record->kind != RunKind::backup || record->pair == PairJudgement::torn) continue;
    const auto entry = record->halves.find(half);
    if (entry != record->halves.end() && entry->second.success()) return record;
  }
  return nullptr;
}

const StatusArchive* Judgement::archive(const std::string& key) const {
  for (const StatusArchive& archive : facts_.archives)
    if (archive.stored.key == key) return &archive;
  return nullptr;
}

// By the usual time between two backups, whatever started them.
std::optional<Instant> next_after(const std::vector<Instant>& newest_first) {
  std::vector<std::chrono::seconds> intervals;
  for (size_t i = 0; i + 1 < std::min(newest_first.size(), kRunsForInterval); ++i)
    intervals.push_back(newest_first[i] - newest_first[i + 1]);
  if (intervals.size() < 2) return std::nullopt;
  const auto middle = intervals.begin() + static_cast<std::ptrdiff_t>(intervals.size() / 2);
  std::nth_element(intervals.begin(), middle, intervals.end());
  return newest_first.front() + *middle;
}

void Judgement::sum_up_runs() {
  std::vector<Instant> backups;
  for (const RunRecord* record : records_) {
    const bool proof = record->kind == RunKind::verify || record->kind == RunKind::drill;
    if (proof && record->result == RunResult::interrupted) continue;
    if (record->kind == RunKind::backup) backups.push_back(record->run.start());
    KindRuns& runs = status_.runs[record->kind];
    if (!runs.last) {
      runs.last = summary_of(*record);
      if (record->kind == RunKind::prune) status_.pruned = record->pruned.size();
    }
    // A quick verify reads no archive.
    const bool proved = record->kind != RunKind::verify || !record->verified.empty();
    if (!runs.last_success && record->result == RunResult::success && proved)
      runs.last_success = summary_of(*record);
  }
  status_.next_expected = next_after(backups);
  if (const RunRecord* backup = newest_backup())
    for (const auto& [which, half] : backup->halves)
      status_.skipped += half.result == HalfResult::unchanged;
}

void Judgement::sum_up(Half which) {
  HalfStatus& half = status_.halves[which];
  if (const RunRecord* backup = newest_backup()) {
    const auto entry = backup->halves.find(which);
    half.last_run = backup->run.start();
    half.last_result = entry == backup->halves.end() ? HalfResult::failed : entry->second.result;
  }
  if (const RunRecord* success = newest_success(which)) {
    half.last_success = success->run.start();
    const HalfRecord& entry = success->halves.at(which);
    if (entry.result == HalfResult::unchanged) half.unchanged_since = entry.taken;
  }
  const StatusArchive* month_ago = nullptr;
  for (const StatusArchive& archive : facts_.archives) {
    if (archive.stored.half != which) continue;
    ++half.archives;
    half.bytes += archive.stored.size;
    for (const Tier tier : archive.tiers) ++half.archives_by_tier[tier];
    if (archive.stored.taken <= facts_.now - kMonth) month_ago = &archive;
    if (!of_the_future(archive.stored.taken)) half.newest = archive;
  }
  if (!half.newest) return;
  if (month_ago)
    half.growth_bytes = static_cast<int64_t>(half.newest->stored.size) -
                        static_cast<int64_t>(month_ago->stored.size);
  for (const RunRecord* record : records_)
    if (std::find(record->verified.begin(), record->verified.end(), half.newest->stored.key) !=
        record->verified.end()) {
      half.newest_verified = record->run.start();
      break;
    }
  // The earlier script's word is all there is.
  if (!half.last_success && half.newest->reference) half.last_success = half.newest->stored.taken;
}

void Judgement::judge_clock() {
  if (future_.empty()) return;
  const RunId& run = future_.front()->run;
  find(
      FindingKind::clock, std::nullopt,
      fmt::format("the newest run record is of {}, but it is {} here: every backup is refused; set "
                  "this machine's clock, or, if the record was made with a wrong clock, move '{}' "
                  "out of the prefix",
                  format_instant(run.start()), format_instant(facts_.now),
                  KeySpace(facts_.prefix).run_record(run)));
}

void Judgement::judge(Half which) {
  const HalfStatus& half = status_.halves[which];
  if (!half.newest && !half.last_success) {
    find(FindingKind::never, which, fmt::format("there is no {} archive in force", name_of(which)));
    return;
  }
  judge_damage(which);
  judge_size(which);
  if (half.last_success && facts_.now - *half.last_success > facts_.max_age)
    find(FindingKind::stale, which,
         fmt::format("no good backup of {} for {}: the last was at {}", name_of(which),
                     age(facts_.now, *half.last_success), format_instant(*half.last_success)));
  if (!half.last_success)
    find(FindingKind::stale, which,
         fmt::format("no good backup of {} was ever recorded", name_of(which)));
}

void Judgement::judge_damage(Half which) {
  const RunRecord* success = newest_success(which);
  const StatusArchive* current = nullptr;
  if (success) {
    const StoredObject& named = success->halves.at(which).archive->archive;
    current = archive(named.key);
    if (!current)
      find(FindingKind::damaged, which,
           fmt::format("the newest {} archive '{}', recorded with {}, is not there", name_of(which),
                       named.key, format_bytes(named.size)));
  }
  const HalfStatus& half = status_.halves[which];
  for (const StatusArchive& one : facts_.archives) {
    if (one.stored.half != which || one.damage.empty()) continue;
    const bool newest =
        &one == current || (half.newest && one.stored.key == half.newest->stored.key);
    find(newest ? FindingKind::damaged : FindingKind::damaged_earlier, which,
         fmt::format("'{}' {}", one.stored.key, one.damage));
  }
}

// The records know archives that a prune has removed since.
void Judgement::judge_size(Half which) {
  if (!status_.halves[which].newest) return;
  const StatusArchive& newest = *status_.halves[which].newest;
  uint64_t largest = 0;
  for (const RunRecord* record : records_) {
    const auto entry = record->halves.find(which);
    if (record->run.start() < newest.stored.taken - kMonth) break;
    if (record->kind == RunKind::backup && entry != record->halves.end() && entry->second.success())
      largest = std::max(largest, entry->second.archive->archive.size);
  }
  if (newest.stored.size >= largest / 2) return;
  const bool collapsed = newest.stored.size <= largest / 10;
  find(collapsed ? FindingKind::collapsed : FindingKind::shrunk, which,
       fmt::format("the newest {} archive has {}; one of the month before it had {}",
                   name_of(which), format_bytes(newest.stored.size), format_bytes(largest)));
}

void Judgement::judge_last_backup() {
  const RunRecord* backup = newest_backup();
  if (!backup) {
    find(FindingKind::never, std::nullopt, "no run of dolibarr-backup has ever been recorded here");
    return;
  }
  const std::string at = format_instant(backup->run.start());
  bool told = backup->result == RunResult::success;
  for (const auto& [which, half] : backup->halves) {
    const std::string problem = half.problems.empty() ? backup->error : half.problems.front();
    if (half.result == HalfResult::failed) {
      find(FindingKind::failed, which,
           fmt::format("the last backup of {}, at {}, failed: {}", name_of(which), at, problem));
      told = true;
    }
    if (half.result == HalfResult::incomplete) {
      find(FindingKind::incomplete, which,
           fmt::format("the {} archive of {} is incomplete, {} problem(s): {}", name_of(which), at,
                       half.problems.size() + half.problems_omitted, problem));
      told = true;
    }
    const auto missing = half.facts.find("indexed_files_missing");
    if (missing != half.facts.end() && missing->second > 0)
      find(FindingKind::missing_documents, which,
           fmt::format("{} document(s) that the database knows are not in the tree",
                       missing->second));
  }
  if (backup->pair == PairJudgement::torn) {
    find(FindingKind::torn, std::nullopt,
         fmt::format("the last backup, at {}, is torn: database and documents moved while they "
                     "were taken",
                     at));
    told = true;
  }
  if (!told)
    find(FindingKind::failed, std::nullopt,
         fmt::format("the last backup, at {}: {}: {}", at, name_of(backup->result), backup->error));
}

void Judgement::judge_pair() {
  for (const InstantFact& fact : facts_.instants)
    if (fact.kept.tier == Tier::newest && fact.pair) status_.last_pair = fact.pair->at;
  const auto& halves = status_.halves;
  if (!status_.last_pair) {
    find(FindingKind::no_point, std::nullopt,
         "no point: no run has stored both halves as one consistent pair that is still there");
    return;
  }
  const bool told = std::any_of(halves.begin(), halves.end(), [&](const auto& half) {
    return !half.second.last_success || facts_.now - *half.second.last_success > facts_.max_age;
  });
  if (!told && facts_.now - *status_.last_pair > facts_.max_age)
    find(FindingKind::stale, std::nullopt,
         fmt::format("no good pair for {}: the last was at {}", age(facts_.now, *status_.last_pair),
                     format_instant(*status_.last_pair)));
}

std::optional<CoverageGap> Judgement::gap_at(const InstantFact& fact) const {
  using Reason = CoverageGap::Reason;
  const auto gap = [&](Reason reason) {
    const std::optional<Instant> pair =
        fact.pair ? std::optional<Instant>(fact.pair->at) : std::nullopt;
    return CoverageGap{fact.kept, reason, pair};
  };
  if (fact.recorded && (!fact.pair || fact.pair->at < *fact.recorded)) return gap(Reason::lost);
  if (fact.pair) {
    if (fact.kept.instant - fact.pair->at <= facts_.max_age) return std::nullopt;
    return gap(Reason::missed);
  }
  std::map<Half, bool> there;
  for (const StatusArchive& archive : facts_.archives)
    if (archive.stored.taken <= fact.kept.instant) there[archive.stored.half] = archive.reference;
  if (there.empty()) return gap(Reason::before_first);
  // The earlier script recorded no pairs; its newest archives then are what there is.
  const bool script = there.size() == 2 && there[Half::db] && there[Half::docs];
  return script ? std::nullopt : std::optional(gap(Reason::missed));
}

void Judgement::judge_coverage() {
  std::vector<std::string> named;
  size_t count = 0;
  for (const InstantFact& fact : facts_.instants) {
    if (fact.kept.tier == Tier::newest) continue;
    ++status_.kept_instants;
    const std::optional<CoverageGap> gap = gap_at(fact);
    if (!gap) continue;
    status_.gaps.push_back(*gap);
    if (gap->reason == CoverageGap::Reason::before_first) continue;
    if (++count <= kNamedGaps)
      named.push_back(fmt::format("{} {} ({})", name_of(gap->kept.tier), gap->kept.label,
                                  name_of(gap->reason)));
  }
  if (count == 0) return;
  if (count > kNamedGaps) named.push_back(fmt::format("{} more", count - kNamedGaps));
  find(FindingKind::gap, std::nullopt,
       fmt::format("{} of {} kept instants cannot be restored as they were: {}", count,
                   status_.kept_instants, fmt::join(named, ", ")));
}

void Judgement::judge_proof(RunKind kind, FindingKind overdue) {
  const KindRuns& runs = status_.runs[kind];
  if (!runs.last_success)
    find(overdue, std::nullopt,
         facts_.earlier_records ? fmt::format("no {} has succeeded since {}", name_of(kind),
                                              format_instant(facts_.records.back()->run.start()))
                                : fmt::format("no {} has succeeded yet", name_of(kind)));
  else if (const Instant at = runs.last_success->run.start();
           facts_.now - at > facts_.proof_max_age)
    find(overdue, std::nullopt,
         fmt::format("no {} has succeeded for {}: the last was at {}", name_of(kind),
                     age(facts_.now, at), format_instant(at)));
  if (!runs.last || runs.last->result == RunResult::success) return;
  find(kind == RunKind::drill ? FindingKind::unproven : FindingKind::verify_failed, std::nullopt,
       fmt::format("the last {}, at {}, did not succeed: {}", name_of(kind),
                   format_instant(runs.last->run.start()), runs.last->error));
}

void Judgement::judge_proofs() {
  for (const std::string& text : facts_.chain_breaks)
    find(FindingKind::broken_chain, std::nullopt, text);
  if (!newest_backup()) return;
  judge_proof(RunKind::drill, FindingKind::drill_overdue);
  judge_proof(RunKind::verify, FindingKind::verify_overdue);
}

void Judgement::judge_surroundings() {
  if (facts_.broken_restore)
    find(FindingKind::broken_restore, std::nullopt, *facts_.broken_restore);
  for (const std::string& refusal : facts_.prune_refusals)
    find(FindingKind::prune_refused, std::nullopt, refusal);
  if (facts_.foreign > 0)
    find(FindingKind::two_tools, std::nullopt,
         fmt::format("{} archive(s) of another tool are newer than our first run: two tools share "
                     "this prefix",
                     facts_.foreign));
  if (facts_.on_this_machine)
    find(FindingKind::not_off_site, std::nullopt,
         "the only store is on this machine; what takes the machine takes it too");
  if (!facts_.key_location_known)
    find(FindingKind::no_key, std::nullopt,
         "key not in the backup: conf.php's key is in neither half; say in conf_key_location "
         "where it is kept");
  if (facts_.orphans > 0)
    find(FindingKind::orphans, std::nullopt,
         fmt::format("{} orphan(s): archives that no run record names; pruned after a grace period",
                     facts_.orphans));
  if (facts_.uploads > 0)
    find(FindingKind::uploads, std::nullopt,
         fmt::format("{} unfinished upload(s), the oldest begun {}", facts_.uploads,
                     format_instant(facts_.oldest_upload.value_or(facts_.now))));
  if (facts_.not_ours > 0)
    find(FindingKind::not_ours, std::nullopt,
         fmt::format("{} object(s) are not ours and never touched", facts_.not_ours));
}

// The worst failure comes first of all findings.
std::optional<FindingKind> failure_among(const std::vector<Finding>& findings,
                                         std::optional<Half> half) {
  for (const Finding& finding : findings) {
    if (severity_of(finding.kind) != Severity::failure) break;
    // A torn pair is the fault of both halves.
    if (!half || finding.half == half || finding.kind == FindingKind::torn) return finding.kind;
  }
  return std::nullopt;
}

}  // namespace

void add_finding(EnvironmentStatus& status, Finding finding) {
  const auto after = std::upper_bound(
      status.findings.begin(), status.findings.end(), finding,
      [](const Finding& one, const Finding& other) { return one.kind < other.kind; });
  status.findings.insert(after, std::move(finding));
  status.verdict = failure_among(status.findings, std::nullopt);
  for (auto& [which, half] : status.halves) half.verdict = failure_among(status.findings, which);
}

Instant judged_since(Instant now, std::chrono::seconds proof_max_age) {
  return now - std::max<std::chrono::seconds>(proof_max_age, kMonth);
}

std::vector<std::string> missing_of(const EnvironmentStatus& status) {
  std::vector<std::string> missing;
  for (const Finding& finding : status.findings)
    if (severity_of(finding.kind) == Severity::failure ||
        finding.kind == FindingKind::damaged_earlier ||
        finding.kind == FindingKind::prune_refused || finding.kind == FindingKind::no_key)
      missing.push_back(finding.text);
  return missing;
}

EnvironmentStatus judge_status(const StatusFacts& facts) {
  return Judgement(facts).run();
}

EnvironmentStatus unreadable_status(std::string environment, std::string prefix, Instant now,
                                    std::string why) {
  EnvironmentStatus status;
  status.environment = std::move(environment);
  status.prefix = std::move(prefix);
  status.now = now;
  add_finding(status, {FindingKind::unreadable, std::nullopt, std::move(why)});
  return status;
}

std::optional<FindingKind> worst_verdict(const std::vector<EnvironmentStatus>& statuses) {
  std::optional<FindingKind> worst;
  for (const EnvironmentStatus& status : statuses)
    if (status.verdict && (!worst || *status.verdict < *worst)) worst = status.verdict;
  return worst;
}

}  // namespace dolibarr_backup
