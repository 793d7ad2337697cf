#pragma once

#include "core/report_model.h"

namespace dolibarr_backup {

/// A report's input over made-up runs, one a day at 02:15 UTC: built day by day, so that a
/// test says only what is special about it.
class SimulatedRuns {
 public:
  /// The first run is on `first`.
  explicit SimulatedRuns(date::local_days first);

  /// A good run; the halves that changed are stored.
  SimulatedRuns& good(bool db_changed, bool docs_changed);
  /// A run that ended so, and stored nothing.
  SimulatedRuns& bad(RunResult result, const std::string& error);
  /// A good run of the database alone, the documents failed.
  SimulatedRuns& database_only();
  /// No run on this day.
  SimulatedRuns& none();
  /// A drill, later on the day of the last run.
  SimulatedRuns& drill(bool success);
  SimulatedRuns& verify(bool success);
  /// Many days as a company lives them: quiet weekends, a drill a week, prunes, two gaps.
  SimulatedRuns& company(int days);

  /// All of it, as of an hour after the last day's time of run, the archives kept by the
  /// default retention. The period is the year up to then.
  ReportInput input() const;
  /// The store lost or damaged this archive.
  SimulatedRuns& damage(const std::string& key);
  const std::string& newest(Half half) const { return newest_.at(half).archive.key; }

 private:
  RunRecord begin(RunKind kind, std::chrono::seconds after);
  void add(RunRecord record);
  RecordRef head() const;

  Instant at_;  ///< the next run
  KeySpace keys_{"erp/prod"};
  std::vector<RunRecord> records_;
  std::map<Half, ArchiveEntry> newest_;
  std::map<Half, Instant> taken_;
  std::vector<std::string> damaged_;
  uint32_t random_ = 1;
};

}  // namespace dolibarr_backup
