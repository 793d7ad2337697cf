#pragma once

#include <string>

namespace dolibarr_backup {

/// Where a database and its cluster stood: what no commit, crash or restore leaves as it was.
/// Two equal, usable marks prove that nothing was committed in between, on any of
/// the cluster's databases, without reading a row.
///
/// Not seen: numbers drawn from a sequence by a transaction that wrote nothing else.
struct SnapshotMark {
  std::string database;           ///< its number in the cluster and its name
  std::string system_identifier;  ///< "" if the role may not know
  std::string timeline;           ///< eight hex digits; another one after a promotion or PITR
  std::string server_started;     ///< a cluster put back to an earlier state has started anew
  /// Of pg_stat_bgwriter. Recovery from a crash, which may undo commits that were not yet on
  /// disk and give their numbers away again, resets the statistics, even without a new start.
  std::string statistics_reset;
  std::string snapshot;  ///< pg_current_snapshot(): xmin:xmax:xip, 64 bits wide
  bool operator==(const SnapshotMark&) const = default;

  /// Whether the mark may be compared with another one; never on a standby.
  bool usable() const {
    return !database.empty() && !system_identifier.empty() && !timeline.empty() &&
           !server_started.empty() && !statistics_reset.empty() && !snapshot.empty();
  }
};

}  // namespace dolibarr_backup
