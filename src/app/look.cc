#include "app/look.h"

#include <algorithm>
#include <functional>
#include <future>

#include "app/half_error.h"
#include "base/log.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kMissingExamples = 20;
// Dolibarr stores an upload that could be executed under this extra suffix and
// indexes it without.
constexpr std::string_view kNoExecuteSuffix = ".noexe";

// The paths that the database indexes, as hashes: 8 bytes each, whatever their length.
class IndexedPaths {
 public:
  void add(std::string_view path) { entries_.push_back({std::hash<std::string_view>{}(path)}); }
  void close() {
    std::sort(entries_.begin(), entries_.end());
    entries_.erase(std::unique(entries_.begin(), entries_.end()), entries_.end());
    met_.assign(entries_.size(), false);
  }
  void meet(std::string_view path) {
    mark(path);
    if (path.ends_with(kNoExecuteSuffix))
      mark(path.substr(0, path.size() - kNoExecuteSuffix.size()));
  }
  bool missed(std::string_view path) const {
    const std::optional<size_t> at = find(path);
    return at && !met_[*at];
  }
  uint64_t missed_count() const {
    return static_cast<uint64_t>(std::count(met_.begin(), met_.end(), false));
  }

 private:
  std::optional<size_t> find(std::string_view path) const {
    const uint64_t hash = std::hash<std::string_view>{}(path);
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), hash);
    if (at == entries_.end() || *at != hash) return std::nullopt;
    return static_cast<size_t>(at - entries_.begin());
  }
  void mark(std::string_view path) {
    if (const std::optional<size_t> at = find(path)) met_[*at] = true;
  }
  std::vector<uint64_t> entries_;
  std::vector<bool> met_;
};

}  // namespace

Look open_look(const EnvironmentSettings& environment, const std::stop_token& stop) {
  Look look;
  look.documents.root = environment.documents;
  look.documents.workers = environment.workers;
  look.db_error = error_of([&] {
    look.snapshot = DatabaseSnapshot::open(environment.database, stop);
    look.documents.content = look.snapshot->content_folders();
  });
  if (look.db_error) {
    look.snapshot.reset();
    look.documents.content.reset();  // only the database knows which are a user's own
  }
  return look;
}

std::optional<KnownDatabase> Look::known_database() const {
  if (!snapshot || !db) return std::nullopt;
  return KnownDatabase{snapshot->mark(), *db};
}

void examine(Look& look, const std::optional<KnownDatabase>& known, Progress& progress,
             const std::stop_token& stop) {
  IndexedPaths indexed;
  if (look.snapshot) {
    look.db_error = error_of([&] {
      look.snapshot->visit_indexed_files([&](std::string_view path) { indexed.add(path); });
    });
  }
  indexed.close();

  std::future<std::optional<Error>> documents = std::async(std::launch::async, [&] {
    return error_of([&] {
      look.docs = survey_documents(
          look.documents, [&](std::string_view path) { indexed.meet(path); }, progress, stop);
    });
  });
  if (look.snapshot && !look.db_error) {
    look.db_error = error_of([&] {
      const SnapshotMark& mark = look.snapshot->mark();
      const bool still = known && mark.usable() && known->mark == mark;
      if (still) log::debug("db: nothing was committed since, its tables are not read");
      look.db = still ? known->db : look.snapshot->fingerprint(progress, stop);
    });
  }
  look.docs_error = documents.get();

  if (!look.whole() || indexed.missed_count() == 0) return;
  look.missing.count = indexed.missed_count();
  look.db_error = error_of([&] {
    look.snapshot->visit_indexed_files([&](std::string_view path) {
      if (look.missing.examples.size() < kMissingExamples && indexed.missed(path))
        look.missing.examples.emplace_back(path);
    });
  });
  if (look.db_error) look.db.reset();
}

}  // namespace dolibarr_backup
