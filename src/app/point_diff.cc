#include "app/point_diff.h"

#include <algorithm>
#include <map>

#include "app/document_scan.h"
#include "app/stored_manifest.h"
#include "base/error.h"
#include "base/stop.h"
#include "core/path_pattern.h"
#include "stream/line_reader.h"

namespace dolibarr_backup {
namespace {

using Type = ManifestEntry::Type;

constexpr size_t kMostDocuments = 100'000;

struct TablesOf {
  std::map<std::string, ManifestTable> tables;
  std::string schema_digest, rules;
};

// "exact-1:3:5b2f…" -> "exact-1:3"
std::string rules_of(const std::string& fingerprint) {
  return fingerprint.substr(0, fingerprint.rfind(':'));
}

TablesOf read_tables(ObjectStore& store, const StoredObject& manifest,
                     const std::stop_token& stop) {
  TablesOf all;
  StoredManifest text(store, manifest);
  LineReader lines(text);
  ManifestParser parser;
  while (const std::optional<std::string_view> line = lines.next()) {
    throw_if_stopped(stop);
    std::optional<ManifestLine> parsed = parser.parse(*line);
    if (!parsed) continue;
    if (auto* table = std::get_if<ManifestTable>(&*parsed)) {
      std::string name = table->name;
      all.tables.insert_or_assign(std::move(name), std::move(*table));
    } else if (const auto* fact = std::get_if<ManifestFact>(&*parsed)) {
      if (fact->key == "schema-digest") all.schema_digest = fact->value;
      if (fact->key == "fingerprint") all.rules = rules_of(fact->value);
    }
  }
  return all;
}

bool same_rows(const ManifestTable& a, const ManifestTable& b) {
  return a.rows == b.rows && a.rows_digest == b.rows_digest &&
         a.business_digest == b.business_digest;
}

void compare_tables(const TablesOf& a, const TablesOf& b, PointDiff& diff) {
  using Kind = TableChange::Kind;
  diff.schema_changed = a.schema_digest != b.schema_digest;
  diff.same_rules = a.rules == b.rules;
  for (const auto& [name, before] : a.tables) {
    const auto found = b.tables.find(name);
    if (found == b.tables.end()) {
      diff.tables.push_back({name, Kind::gone, before.rows, 0});
      continue;
    }
    const ManifestTable& after = found->second;
    const bool same = diff.same_rules
                          ? same_rows(before, after)
                          : before.rows == after.rows && before.rows_digest == after.rows_digest;
    if (same) {
      ++diff.tables_unchanged;
      continue;
    }
    const bool business = !diff.same_rules || before.business_digest != after.business_digest;
    diff.tables.push_back(
        {name, business ? Kind::business : Kind::volatile_only, before.rows, after.rows});
  }
  for (const auto& [name, after] : b.tables)
    if (!a.tables.contains(name)) diff.tables.push_back({name, Kind::added, 0, after.rows});
  std::sort(diff.tables.begin(), diff.tables.end(),
            [](const TableChange& x, const TableChange& y) { return x.name < y.name; });
}

// A scan that is known to come in the order in which both are merged.
class OrderedScan {
 public:
  OrderedScan(ObjectStore& store, const StoredObject& manifest, const std::stop_token& stop)
      : key_(manifest.key), scan_(store, manifest, stop) {
    next();
  }
  bool ended() const { return ended_; }
  const LocatedEntry& entry() const { return now_; }
  void next() {
    before_.swap(now_.entry.path);
    ended_ = !scan_.next(now_);
    if (!ended_ && !first_ && compare_in_tree(before_, now_.entry.path) >= 0)
      throw Error(Errc::corrupt,
                  "the manifest '" + key_ + "' is out of order at '" + now_.entry.path + "'");
    first_ = false;
  }

 private:
  std::string key_, before_;
  DocumentScan scan_;
  LocatedEntry now_;
  bool first_ = true, ended_ = false;
};

bool is_file(const ManifestEntry& entry) {
  return entry.type == Type::file || entry.type == Type::hard_link;
}

bool same_content(const LocatedEntry& a, const LocatedEntry& b) {
  if (is_file(a.entry) || is_file(b.entry))
    return is_file(a.entry) && is_file(b.entry) && a.entry.size == b.entry.size &&
           a.sha256 == b.sha256;
  return a.entry.type == b.entry.type && a.entry.target == b.entry.target;
}

bool same_metadata(const ManifestEntry& a, const ManifestEntry& b) {
  const bool time = a.type == Type::directory || a.mtime_ns == b.mtime_ns;
  return time && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid;
}

class DocumentsDiff {
 public:
  explicit DocumentsDiff(PointDiff& diff) : diff_(diff) {}

  void merge(OrderedScan& a, OrderedScan& b) {
    using Kind = DocumentChange::Kind;
    while (!a.ended() || !b.ended()) {
      const int order = a.ended()   ? 1
                        : b.ended() ? -1
                                    : compare_in_tree(a.entry().entry.path, b.entry().entry.path);
      if (order < 0) {
        add(Kind::gone, &a.entry().entry, nullptr, diff_.gone);
        a.next();
      } else if (order > 0) {
        add(Kind::added, nullptr, &b.entry().entry, diff_.added);
        b.next();
      } else {
        compare(a.entry(), b.entry());
        a.next();
        b.next();
      }
    }
  }

 private:
  void compare(const LocatedEntry& a, const LocatedEntry& b) {
    using Kind = DocumentChange::Kind;
    if (!same_content(a, b))
      add(Kind::content, &a.entry, &b.entry, diff_.content);
    else if (!same_metadata(a.entry, b.entry))
      add(Kind::metadata, &a.entry, &b.entry, diff_.metadata);
    else
      ++diff_.unchanged;
  }

  void add(DocumentChange::Kind kind, const ManifestEntry* before, const ManifestEntry* after,
           uint64_t& count) {
    ++count;
    if (diff_.documents.size() == kMostDocuments) {
      ++diff_.documents_omitted;
      return;
    }
    DocumentChange change{.path = before ? before->path : after->path, .kind = kind};
    if (before) {
      change.size_before = before->size;
      change.mtime_before_ns = before->mtime_ns;
    }
    if (after) {
      change.size_after = after->size;
      change.mtime_after_ns = after->mtime_ns;
    }
    diff_.documents.push_back(std::move(change));
  }

  PointDiff& diff_;
};

bool comparable(const std::optional<ArchiveEntry>& a, const std::optional<ArchiveEntry>& b) {
  if (!a || !b) return false;
  return a->archive.key == b->archive.key || (a->manifest && b->manifest);
}

}  // namespace

PointDiff diff_points(Catalog& catalog, const ChosenPoint& a, const ChosenPoint& b,
                      const std::stop_token& stop) {
  PointDiff diff;
  ObjectStore& store = catalog.store();
  diff.db_compared = comparable(a.db, b.db);
  if (diff.db_compared && a.db->archive.key != b.db->archive.key)
    compare_tables(read_tables(store, *a.db->manifest, stop),
                   read_tables(store, *b.db->manifest, stop), diff);
  diff.docs_compared = comparable(a.docs, b.docs);
  if (diff.docs_compared && a.docs->archive.key != b.docs->archive.key) {
    OrderedScan before(store, *a.docs->manifest, stop), after(store, *b.docs->manifest, stop);
    DocumentsDiff(diff).merge(before, after);
  }
  return diff;
}

}  // namespace dolibarr_backup
