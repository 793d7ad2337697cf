#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "core/fingerprint.h"
#include "core/identity.h"
#include "core/object_keys.h"
#include "core/snapshot_mark.h"

namespace dolibarr_backup {

/// Format version that this program writes; it reads every version up to it.
inline constexpr int kRunRecordFormat = 1;

/// How much of what people read a record holds: it stays small whatever happened.
inline constexpr size_t kMaxListedTexts = 100;     ///< problems of a half; notes of a run
inline constexpr size_t kMaxTextBytes = 8 * kKiB;  ///< each problem, note and error

/// A stored object as the record vouches for it.
struct StoredObject {
  std::string key;
  uint64_t size = 0;
  std::string sha256;
  bool operator==(const StoredObject&) const = default;
};

/// An archive and its manifest. Archives of the reference script have none.
struct ArchiveEntry {
  StoredObject archive;
  std::optional<StoredObject> manifest;
  bool operator==(const ArchiveEntry&) const = default;
};

enum class HalfResult {
  stored,      ///< changed; a new archive is in force
  unchanged,   ///< equal to `archive`, which stays in force
  incomplete,  ///< stored, but some files could not be captured
  failed,      ///< nothing stored
  skipped,     ///< not asked for in this run
};

/// Content facts of the docs half that the next run needs to trust a stat.
struct DocsTrust {
  int64_t walk_started_ns = 0;  ///< files with a later mtime or ctime (less the margin)
  uint64_t racy_files = 0;      ///< ... were this many: they must be read again
  bool operator==(const DocsTrust&) const = default;
};

struct HalfRecord {
  HalfResult result = HalfResult::skipped;
  std::optional<ArchiveEntry> archive;     ///< in force after this run
  std::optional<Fingerprint> fingerprint;  ///< only of a success
  std::optional<Instant> taken;            ///< when the archive in force was taken
  std::optional<DocsTrust> trust;          ///< docs only
  std::optional<SnapshotMark> mark;        ///< db only, usable: where the fingerprint was last seen
  std::map<std::string, uint64_t> facts;   ///< counts and sizes, additive: "tables", "files", ...
  std::vector<std::string> problems;       ///< named files, messages
  uint64_t problems_omitted = 0;           ///< ... and this many more that are not listed
  bool operator==(const HalfRecord&) const = default;
  bool success() const { return result == HalfResult::stored || result == HalfResult::unchanged; }
};

enum class PairJudgement {
  none,       ///< this run names no pair (a half failed or was skipped)
  quiescent,  ///< proven to belong together (docs/architecture.md, "The pair")
  torn,       ///< moved while taken, as often as it was tried
};

/// What each record carries forward from the one before, so that the newest
/// record alone tells it.
struct CarriedState {
  std::optional<Identity> identity;  ///< accepted for this prefix
  std::vector<std::string> adopted;  ///< archives of the reference script, by key
  std::vector<std::string> drilled;  ///< archives of the last drill that succeeded: kept
  std::vector<std::string> damaged;  ///< archives found damaged and not yet replaced
  bool operator==(const CarriedState&) const = default;
};

enum class RunKind { backup, prune, adopt, identity, verify, drill, restore };
enum class RunResult { success, torn, incomplete, failed, refused, interrupted };

struct PrunedObject {
  std::string key;
  std::string reason;
  bool operator==(const PrunedObject&) const = default;
};

/// Reference to an earlier record: the chain.
struct RecordRef {
  std::string run;     ///< RunId text
  std::string sha256;  ///< of the record as stored
  auto operator<=>(const RecordRef&) const = default;
};

/// What a run did; written last, the commit point of its archives.
struct RunRecord {
  RunKind kind = RunKind::backup;
  std::string environment;
  RunId run;
  Instant started;
  Instant finished;
  RunResult result = RunResult::failed;
  std::string error;  ///< of a run that is no success: message, one line
  std::map<Half, HalfRecord> halves;
  PairJudgement pair = PairJudgement::none;
  int attempts = 0;                  ///< how often the pair was taken
  std::optional<Identity> identity;  ///< as seen in this run
  CarriedState state;
  std::map<std::string, std::string> versions;  ///< "dolibarr", "server", "pg_dump", "tool", ...
  std::vector<PrunedObject> pruned;
  /// What a drill measured and the next one compares with: "blockedlog" -> {"rows": ...}.
  /// Of a restore, what came into each half: "db" -> {"archive": ..., "environment": ...}.
  std::map<std::string, std::map<std::string, std::string>> measured;
  std::vector<std::string> verified;  ///< archives that this verify run read whole and found good
  std::vector<std::string> notes;
  uint64_t notes_omitted = 0;       ///< notes that are not listed
  std::vector<RecordRef> previous;  ///< heads not referenced before

  bool operator==(const RunRecord&) const = default;
  /// True if both halves are successes and the pair is quiescent: a point.
  bool good_pair() const;
};

/// The stored text: JSON, two-space indented, keys sorted, newline at the end.
///
/// Every string of the record is a byte string: in the JSON a backslash stands as
/// `\\` and a byte that is no part of valid UTF-8 as `\xNN`, before JSON's own escape.
/// Absent optionals, empty texts, lists and maps are left out. At most
/// kMaxListedTexts problems and notes are written, with the count of the rest;
/// texts beyond kMaxTextBytes are cut, with the count of the bytes left out.
std::string to_json(const RunRecord& record);
/// Reads every format up to kRunRecordFormat; unknown keys are ignored, so that
/// keys can be added without a new format. Throws Errc::corrupt for malformed text,
/// naming the field, and with a hint for a newer format. What it returns can be
/// relied upon: a half that stored something or is unchanged has `archive` and `taken`.
RunRecord parse_run_record(std::string_view text);

std::string_view name_of(HalfResult result);
std::string_view name_of(PairJudgement judgement);
std::string_view name_of(RunKind kind);
std::string_view name_of(RunResult result);

}  // namespace dolibarr_backup
