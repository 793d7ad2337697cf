#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "core/retention.h"
#include "core/run_record.h"

/// How an environment's backups stand, judged from facts (docs/operations.md,
/// "Is it well?"). Pure: app/status gathers the facts.
namespace dolibarr_backup {

/// How far clocks may differ: a run record later than now by more is of the future. Machines
/// that keep time by NTP agree far better.
inline constexpr std::chrono::seconds kClockTolerance{60};

enum class Severity {
  note,     ///< for whoever wonders
  warning,  ///< somebody should look one day
  failure,  ///< not well: the exit code says so
};
std::string_view name_of(Severity severity);

/// What can be found. Failures come first and the worst of them first: the first one that
/// is found is the verdict.
enum class FindingKind {
  unreadable,         ///< the store could not be asked
  never,              ///< no archive at all
  damaged,            ///< the newest archive is gone, short, or was found damaged
  clock,              ///< a run record is of the future: every backup will be refused
  broken_chain,       ///< a run record is gone, replaced, foreign or unreadable
  broken_restore,     ///< a restore of the documents is half done
  stale,              ///< the last success, or the last pair, is too old
  incomplete,         ///< the newest archive lacks files
  torn,               ///< the newest archives do not belong together
  no_point,           ///< there is no good pair to restore
  failed,             ///< the last run of a backup failed, was refused or interrupted
  collapsed,          ///< the newest archive is a tenth of one of the last month, or less
  unproven,           ///< the last drill failed
  verify_failed,      ///< the last verify found something
  damaged_earlier,    ///< an archive that is not the newest is damaged
  gap,                ///< kept instants have no archive, or an older one than they should
  shrunk,             ///< the newest archive is less than half of one of the last month
  missing_documents,  ///< the database knows documents that are not in the tree
  drill_overdue,
  verify_overdue,
  prune_refused,  ///< every prune will be, until somebody looks
  two_tools,      ///< another tool writes archives under the prefix
  not_off_site,   ///< the only store is on this machine
  no_key,         ///< nobody said where conf.php's key is kept
  orphans,
  uploads,
  not_ours,
};
Severity severity_of(FindingKind kind);
/// The stable word for scripts and alerts: "never", "broken-chain", "drill-overdue".
std::string_view name_of(FindingKind kind);
/// Every kind that can be found, the worst first.
std::vector<FindingKind> finding_kinds();

/// One thing to say.
struct Finding {
  FindingKind kind;
  std::optional<Half> half;  ///< nothing: of the environment
  std::string text;          ///< for people, one sentence without a full stop
  bool operator==(const Finding&) const = default;
};

/// An archive in force.
struct StatusArchive {
  StoredArchive stored;
  bool reference = false;   ///< of the reference script
  std::string damage;       ///< what is wrong with it, for people; "" if nothing is known
  std::vector<Tier> tiers;  ///< of the kept instants that need it
};

/// What a kept instant would be restored from.
struct InstantFact {
  KeptInstant kept;
  std::optional<PairAt> pair;       ///< the newest good pair at or before it that is there
  std::optional<Instant> recorded;  ///< of the newest good pair at or before it, there or not
};

/// All that a judgement needs.
struct StatusFacts {
  std::string environment, prefix, store;
  Instant now;
  std::chrono::seconds max_age{26 * 3600}, proof_max_age{35 * 24 * 3600};

  /// Newest first, all that were read; at least up to the last success of each half. They
  /// must outlive the call. Those of the future are a finding and prove nothing.
  std::vector<const RunRecord*> records;
  bool earlier_records = false;         ///< there are older ones, not read
  std::vector<StatusArchive> archives;  ///< in force, oldest first
  std::vector<InstantFact> instants;
  std::vector<std::string> chain_breaks;  ///< sentences
  std::vector<std::string> prune_refusals;
  std::optional<std::string> broken_restore;
  uint64_t orphans = 0, foreign = 0, not_ours = 0, uploads = 0;
  std::optional<Instant> oldest_upload;
  bool on_this_machine = false;  ///< the store is
  bool key_location_known = false;
};

/// A run as its record tells it.
struct RunSummary {
  RunId run;
  RunResult result = RunResult::failed;
  Instant finished;
  std::string error;
  bool operator==(const RunSummary&) const = default;
};

/// The newest runs of one kind; interrupted verifies and drills, which prove nothing, left out.
struct KindRuns {
  std::optional<RunSummary> last, last_success;
};

struct HalfStatus {
  std::optional<FindingKind> verdict;  ///< the worst failure; nothing: ok
  std::optional<Instant> last_run;     ///< newest backup that looked at it
  std::optional<HalfResult> last_result;
  std::optional<Instant> last_success;     ///< also one that found it unchanged
  std::optional<Instant> unchanged_since;  ///< when the archive in force was taken, if it was
                                           ///< confirmed since
  std::optional<StatusArchive> newest;     ///< in force
  std::optional<Instant> newest_verified;  ///< when the newest was last read whole
  uint64_t archives = 0, bytes = 0;        ///< in force
  std::map<Tier, uint64_t> archives_by_tier;
  /// Of the newest archive over the one that was in force 30 days ago, if there was one.
  std::optional<int64_t> growth_bytes;
};

/// Why a kept instant is not what it should be.
struct CoverageGap {
  enum class Reason {
    before_first,  ///< nothing had been backed up yet: no fault
    lost,          ///< the pair that was recorded then is damaged or gone
    missed,        ///< no good run for longer than max_age before it
  };
  KeptInstant kept;
  Reason reason = Reason::missed;
  std::optional<Instant> pair;  ///< of the older pair that it would be restored from
};
std::string_view name_of(CoverageGap::Reason reason);

struct EnvironmentStatus {
  std::string environment, prefix, store;
  Instant now;
  std::chrono::seconds max_age{}, proof_max_age{};
  std::optional<FindingKind> verdict;  ///< the worst failure; nothing: ok
  std::map<Half, HalfStatus> halves;   ///< both, unless the store could not be asked
  std::vector<Finding> findings;       ///< the worst first
  std::map<RunKind, KindRuns> runs;
  std::optional<Instant> last_pair;      ///< newest good pair that is there
  std::optional<Instant> next_expected;  ///< by the usual time between backups
  uint64_t skipped = 0;                  ///< halves that the last backup found unchanged
  uint64_t pruned = 0;                   ///< objects that the last prune removed
  uint64_t kept_instants = 0;
  std::vector<CoverageGap> gaps;  ///< the newest first within each tier
  uint64_t orphans = 0, uploads = 0, not_ours = 0;
  std::optional<Instant> oldest_upload;
};

EnvironmentStatus judge_status(const StatusFacts& facts);

/// Since when records matter to a judgement at `now`: sizes are compared over a month, and a
/// proof counts for `proof_max_age`.
Instant judged_since(Instant now, std::chrono::seconds proof_max_age);

/// Of the findings, what is wrong now, one sentence each; not what is only to be looked at
/// one day. `list` tells it.
std::vector<std::string> missing_of(const EnvironmentStatus& status);

/// Of an environment whose store could not be asked, and why.
EnvironmentStatus unreadable_status(std::string environment, std::string prefix, Instant now,
                                    std::string why);

/// Adds a finding in its place and lets the verdict follow.
void add_finding(EnvironmentStatus& status, Finding finding);

/// "ok" or the word of the failure.
std::string_view verdict_word(const std::optional<FindingKind>& verdict);
/// The worst of several environments' verdicts; nothing: all are ok.
std::optional<FindingKind> worst_verdict(const std::vector<EnvironmentStatus>& statuses);

}  // namespace dolibarr_backup
