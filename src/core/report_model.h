#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/local_day.h"
#include "core/retention.h"
#include "core/run_record.h"
#include "core/status.h"

/// What a report tells of one environment over a period: facts, no wording. Pure.
namespace dolibarr_backup {

/// An archive in force, and why it stays.
struct ReportArchive {
  std::string key;
  Half half = Half::db;
  Instant taken;
  uint64_t size = 0;
  std::string sha256, manifest, manifest_sha256;  ///< "" of an archive of the reference script
  std::vector<std::string> reasons;               ///< as core/retention gives them
  bool damaged = false;
  bool restorable = false;  ///< it and its manifest are there as recorded, not found damaged
};

struct ReportInput {
  std::string environment, prefix, store;
  std::string time_zone = "UTC";
  std::string conf_key_location;
  RetentionPolicy retention;
  Instant now;
  std::chrono::seconds max_age{26 * 3600};  ///< of the last good run
  date::local_days first, last;             ///< the period, both included
  std::vector<RunRecord> records;           ///< all that can be read, oldest first
  std::vector<ReportArchive> archives;      ///< newest first
  std::vector<RecordRef> heads;             ///< of the chain
  std::vector<std::string> chain_problems;  ///< records that are gone, replaced, unreadable
  EnvironmentStatus status;                 ///< as core/status judges it now
};

/// What became of one day.
enum class DayMark {
  before,     ///< the environment had no backup yet
  backed_up,  ///< a good pair; something was stored
  unchanged,  ///< a good pair; nothing had changed
  failed,     ///< runs, but none with a good pair
  covered,    ///< no run, and the last good one was not older than max_age at its end
  missing,    ///< no backup run at all
  pending,    ///< today, and no run yet
  future,
};
std::string_view name_of(DayMark mark);

/// A state that can be brought back.
struct ReportPoint {
  Instant at;  ///< of the run that names it
  RunId run;
  std::string db, docs;  ///< archive keys
  bool operator==(const ReportPoint&) const = default;
};

struct ReportDay {
  date::local_days day;
  DayMark mark = DayMark::before;
  std::map<Half, HalfResult> halves;  ///< of the run that counts: the last good one, or the last
  size_t runs = 0;                    ///< backup runs
  std::optional<RunResult> result;    ///< of the run that counts
  std::string error;                  ///< why, if it is no success
  bool drilled = false;               ///< a drill succeeded
  bool drill_failed = false;
  /// The newest state at the day's end, or now, that can still be brought back.
  std::optional<ReportPoint> point;
  /// There was a newer state at the day's end, which the retention, or damage, took since.
  bool thinned = false;
};

/// Days in a row without a good pair.
struct ReportGap {
  date::local_days first, last;
  struct Reason {
    DayMark mark;  ///< missing or failed
    std::optional<RunResult> result;
    std::string error;
    bool operator==(const Reason&) const = default;
  };
  std::vector<Reason> reasons;  ///< each once, in their order
};

/// An archive when it was stored, whether it is still there or not.
struct ReportSize {
  Instant at;
  uint64_t bytes = 0;
};

struct DrillProof {
  std::string name, outcome, text;  ///< outcome: "proven", "warning", "FAILED", "untold"
  std::vector<std::string> culprits;
  bool operator==(const DrillProof&) const = default;
};
/// The proofs that a drill wrote to its record's notes.
std::vector<DrillProof> drill_proofs(const RunRecord& record);

struct ReportDrill {
  RunId run;
  Instant at;
  RunResult result = RunResult::failed;
  std::string error;
  std::optional<Instant> point;   ///< that it restored
  std::optional<double> seconds;  ///< that bringing it back took
  std::vector<DrillProof> proofs;
};

struct ReportPruned {
  Instant at;
  std::string key, reason;
};

struct ReportTier {
  KeptInstant kept;
  std::optional<ReportPoint> point;
};

/// One version of a program, and the first and the last run that saw it.
struct ReportVersion {
  std::string name, value;
  Instant first, last;
};

struct ReportChain {
  size_t records = 0;
  std::optional<RunId> first, newest;
  std::vector<RecordRef> heads;
  std::vector<std::string> problems;
};

/// How long without a gap, and whether it comes back.
struct ReportCoverage {
  /// The newest state that was backed up is fresh, whole and can be brought back.
  bool covered = false;
  bool fresh = false;                          ///< `confirmed` is not older than max_age
  std::optional<ReportPoint> newest;           ///< the newest that can be brought back
  std::optional<Instant> confirmed;            ///< the last run with a good pair
  std::optional<Instant> first;                ///< the first good pair ever
  std::optional<date::local_days> since;       ///< no gap from here, a day with a good pair, on
  std::optional<ReportDrill> proven;           ///< the last drill that succeeded
  std::optional<ReportDrill> refuted;          ///< a later one that did not
  std::map<Half, std::optional<Instant>> ran;  ///< each half's last success
};

struct ReportModel {
  ReportInput input;  ///< without the records
  ReportCoverage coverage;
  std::vector<ReportDay> days;  ///< of the period, in order
  std::vector<ReportGap> gaps;  ///< that touch the period, in order
  /// In the period, and the last one before it.
  std::map<Half, std::vector<ReportSize>> sizes;
  std::vector<ReportTier> tiers;
  std::vector<ReportDrill> drills;      ///< of the period, newest first
  std::vector<ReportPruned> pruned;     ///< of the period, newest first; without manifests
  std::vector<RunRecord> verifies;      ///< of the period, newest first
  std::vector<ReportVersion> versions;  ///< all, by name and time
  ReportChain chain;
};

/// Errc::config for an unknown time zone.
ReportModel model_report(ReportInput input);

/// "2026-03-31"; Errc::usage for anything else.
date::local_days parse_day(const std::string& text);

}  // namespace dolibarr_backup
