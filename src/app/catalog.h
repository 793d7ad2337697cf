#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/object_keys.h"
#include "core/record_chain.h"
#include "core/retention.h"
#include "core/run_record.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// An archive in the store, joined with what the records say of it.
struct CatalogArchive {
  enum class Standing {
    in_force,  ///< ours and named by its run's record, or of the reference script and accepted
    orphan,    ///< ours, but no record names it: never a point
    foreign,   ///< of the reference script, newer than our first record and not adopted
  };
  StoredArchive stored;
  Standing standing = Standing::orphan;
  bool reference = false;             ///< made by the reference script: no manifest, no record
  std::optional<RunId> run;           ///< of ours
  bool damaged = false;               ///< found damaged and not replaced since
  std::optional<ArchiveEntry> entry;  ///< what a record says of it; ours in force only
  /// The orphan's own record names it, but under another prefix: somebody moved it here.
  bool moved_here = false;
};

/// The last capture of a half that counts as a success, and the record that says so.
struct LastSuccess {
  RunId run;        ///< the record
  HalfRecord half;  ///< its `archive` exists with its recorded size
};

/// One environment's part of the bucket as it was listed at construction. Run
/// records are read when they are first asked for, and kept. Not thread-safe.
class Catalog {
 public:
  /// Lists everything under the prefix; `store` must outlive the catalog.
  Catalog(ObjectStore& store, KeySpace keys, std::stop_token stop);

  const KeySpace& keys() const { return keys_; }
  ObjectStore& store() const { return store_; }
  /// Everything that was listed, by key.
  const std::map<std::string, ObjectInfo>& objects() const { return objects_; }
  bool contains(const std::string& key) const { return objects_.contains(key); }

  /// Runs that have a record, oldest first.
  const std::vector<RunId>& runs() const { return runs_; }
  /// The record of a run; null if there is none or it cannot be read (the reason
  /// is logged once and stands in unreadable_records()).
  const RunRecord* record(const RunId& run);
  const RunRecord* newest_record();
  /// Reads these records at once, for record() to find.
  void prefetch(const std::vector<RunId>& runs);
  /// Every record as a link of their chain, oldest first; the newest `count` are read.
  std::vector<ChainLink> chain(size_t count);
  const std::map<std::string, std::string>& unreadable_records() const { return unreadable_; }
  /// What the newest records carry forward, merged over forks.
  CarriedState state();
  /// Records that no other record refers to yet, for the next record's `previous`.
  std::vector<RecordRef> heads();

  /// Every archive of both halves, oldest first, with its standing.
  const std::vector<CatalogArchive>& archives();
  /// Manifests of ours whose archive is not there.
  std::vector<ObjectInfo> lone_manifests() const;
  /// Objects that are none of ours: never touched.
  std::vector<ObjectInfo> not_ours() const;
  /// Held archives: key -> the hold's text.
  std::map<std::string, std::string> holds();

  /// Archive and manifest are listed with their recorded sizes.
  bool intact(const ArchiveEntry& entry) const;
  std::optional<LastSuccess> last_success(Half half);
  /// The newest good pair at or before `instant` whose two archives are there.
  std::optional<PairAt> good_pair_at(Instant instant);

 private:
  void find_witnesses();

  ObjectStore& store_;
  KeySpace keys_;
  std::stop_token stop_;
  std::map<std::string, ObjectInfo> objects_;
  std::vector<RunId> runs_;
  struct Loaded {
    std::unique_ptr<RunRecord> record;
    std::string sha256;
  };
  std::map<RunId, Loaded> loaded_;
  std::map<std::string, std::string> unreadable_;
  std::optional<std::vector<CatalogArchive>> archives_;
};

}  // namespace dolibarr_backup
