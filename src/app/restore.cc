#include "app/restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>

#include <cctype>
#include <chrono>
#include <filesystem>
#include <memory>

#include "app/checked_source.h"
#include "app/database_proof.h"
#include "app/document_access.h"
#include "app/half_error.h"
#include "app/run_journal.h"
#include "base/log.h"
#include "base/stop.h"
#include "dolibarr/tree_exchange.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kShownDifferences = 5;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Names made by this restore end so: digits and lower-case letters.
std::string mark_of(const RunId& run) {
  std::string mark;
  for (const char c : run.text())
    if (c != '-') mark += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return mark;
}

std::string some_of(const std::vector<std::string>& texts) {
  const size_t shown = std::min(texts.size(), kShownDifferences);
  std::string text = fmt::format(
      "{}", fmt::join(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (texts.size() > shown) text += fmt::format("; and {} more", texts.size() - shown);
  return text;
}

class Restore {
 public:
  Restore(Catalog& catalog, const RestoreTarget& target, const RestoreOptions& options,
          RestoreReport& report, std::string mark, Progress& progress, const std::stop_token& stop)
      : catalog_(catalog),
        target_(target),
        options_(options),
        report_(report),
        mark_(std::move(mark)),
        progress_(progress),
        stop_(stop) {}

  void plan(const std::set<Half>& halves);
  void stage();
  void exchange();

 private:
  void plan_half(Half half, const std::optional<ArchiveEntry>& entry);
  void stage_database(RestoredHalf& half);
  void stage_documents(RestoredHalf& half);
  void neutralize_database();
  void require_room(const RestoredHalf& half) const;
  void require_other_database(const DatabaseTarget& found);

  Catalog& catalog_;
  const RestoreTarget& target_;
  const RestoreOptions& options_;
  RestoreReport& report_;
  const std::string mark_;
  Progress& progress_;
  const std::stop_token& stop_;
  std::unique_ptr<DatabaseRestore> database_;
  std::unique_ptr<TreeExchange> tree_;
};

void Restore::plan_half(Half half, const std::optional<ArchiveEntry>& entry) {
  if (!entry)
    throw Error(Errc::refused,
                fmt::format("this point has no {} archive; restore the other half alone with "
                            "--half",
                            name_of(half)));
  RestoredHalf planned{.archive = *entry};
  const ParsedKey parsed = catalog_.keys().parse(entry->archive.key);
  planned.taken = parsed.taken.value_or(report_.point.at);
  if (!entry->manifest)
    report_.notes.push_back(
        fmt::format("'{}' has no manifest: what comes back cannot be compared with what was there",
                    entry->archive.key));
  if (half == Half::db) {
    if (!target_.database) throw Error(Errc::usage, "the target has no database");
    const DatabaseTarget found = inspect_database_target(*target_.database);
    planned.target = fmt::format("database {} on {}", found.name, found.server);
    planned.exists = found.exists;
    require_other_database(found);
    if (found.superuser)
      report_.notes.push_back(
          "the login is a superuser: what the dump defines runs with its rights; a role with "
          "CREATEDB that is a member of the owner is enough");
    if (found.sessions > 0)
      report_.notes.push_back(
          fmt::format("{} session(s) of database '{}' will be ended", found.sessions, found.name));
  } else {
    if (!target_.documents) throw Error(Errc::usage, "the target has no documents folder");
    if (!entry->manifest)
      throw Error(Errc::refused, "'" + entry->archive.key + "' has no manifest")
          .with_hint(
              "restore the database with --half db, and unpack this with tar by the recipe "
              "in RESTORE.txt: nothing can be proven of it");
    planned.target = "folder " + *target_.documents;
    planned.exists = std::filesystem::exists(*target_.documents);
    require_room(planned);
  }
  report_.halves.emplace(half, std::move(planned));
}

void Restore::plan(const std::set<Half>& halves) {
  for (const Half half : halves)
    plan_half(half, half == Half::db ? report_.point.db : report_.point.docs);
  for (const std::string& key : report_.point.damaged)
    report_.notes.push_back("'" + key + "' was found damaged by a verify");
  if (!report_.point.passed_over.empty())
    report_.notes.push_back("passed over, newer but damaged, incomplete or gone: '" +
                            some_of(report_.point.passed_over) + "'");
}

// One environment's archives never come into another one's own database, by whatever name of
// the server the settings reach it.
void Restore::require_other_database(const DatabaseTarget& found) {
  if (!target_.environment || found.system_identifier.empty()) return;
  for (auto run = catalog_.runs().rbegin(); run != catalog_.runs().rend(); ++run) {
    const RunRecord* record = catalog_.record(*run);
    if (!record || record->kind != RunKind::backup || !record->identity) continue;
    const auto server = record->versions.find("system_identifier");
    if (server == record->versions.end()) continue;
    if (record->environment != target_.environment->name &&
        server->second == found.system_identifier && record->identity->database == found.name)
      throw Error(
          Errc::refused,
          fmt::format("the database of '{}' is the one that '{}' is backed up from: {} on {}",
                      target_.environment->name, record->environment, found.name, found.server))
          .with_hint("mend the settings: two environments never share a database");
    return;
  }
}

// The old tree stays beside the new one. What is compressed needs at least its own size.
void Restore::require_room(const RestoredHalf& half) const {
  std::filesystem::path where = *target_.documents;
  while (!where.empty() && !std::filesystem::exists(where)) where = where.parent_path();
  struct statvfs room {};
  if (::statvfs(where.c_str(), &room) != 0) return;
  const uint64_t free = static_cast<uint64_t>(room.f_bavail) * room.f_frsize;
  if (free < half.archive.archive.size)
    throw Error(Errc::refused,
                fmt::format("no room in '{}': {} free, the archive alone has {}", where.string(),
                            format_bytes(free), format_bytes(half.archive.archive.size)))
        .with_hint("a restore keeps the old tree beside the new one until you remove it");
}

void Restore::stage_database(RestoredHalf& half) {
  std::optional<DatabaseManifest> manifest;
  NewDatabase made;
  if (half.archive.manifest) {
    manifest = read_database_manifest(catalog_.store(), *half.archive.manifest, stop_);
    made = {manifest->facts["encoding"], manifest->facts["collation"], manifest->facts["ctype"]};
  }
  database_ = std::make_unique<DatabaseRestore>(*target_.database, made, mark_);
  const StoredObject& archive = half.archive.archive;
  database_->fill(
      {.open = [&] { return std::make_unique<CheckedSource>(catalog_.store(), archive); },
       .size = archive.size,
       .work_folder = options_.work_folder},
      stop_);
  if (!manifest) return;
  const std::unique_ptr<DatabaseSnapshot> snapshot =
      DatabaseSnapshot::open(database_->staged(), stop_);
  const std::vector<std::string> found = differences(
      *manifest, snapshot->fingerprint(progress_, stop_), snapshot->facts().server_version);
  if (!found.empty())
    throw Error(Errc::corrupt,
                "the restored database is not what was backed up: " + some_of(found));
  half.count = manifest->rows();
}

// After the proof, which it would break, and before anybody can use it.
void Restore::neutralize_database() {
  if (!database_ || !options_.neutralize) return;
  report_.neutralized = neutralize(database_->staged(), database_->owner(), *options_.neutralize);
}

void Restore::stage_documents(RestoredHalf& half) {
  tree_ = std::make_unique<TreeExchange>(*target_.documents, mark_);
  report_.staging_notes = tree_->cleared();
  const ExtractReport extracted = extract_documents(
      catalog_.store(), half.archive, PathPattern("**"), tree_->staging(), progress_, stop_);
  if (!extracted.problems.empty())
    throw Error(Errc::corrupt,
                "not everything could be brought back: " + some_of(extracted.problems));
  half.count = extracted.files;
  half.size = extracted.bytes;
}

void Restore::stage() {
  report_.neutralized.clear();  // so far they were planned
  for (auto& entry : report_.halves) {
    const auto begin = std::chrono::steady_clock::now();
    RestoredHalf& half = entry.second;
    with_context(fmt::format("{} half", name_of(entry.first)),
                 [&] { entry.first == Half::db ? stage_database(half) : stage_documents(half); });
    half.seconds = seconds_since(begin);
  }
  neutralize_database();
}

void Restore::exchange() {
  throw_if_stopped(stop_);  // from here on it is quick, and goes to its end
  if (database_) {
    RestoredHalf& half = report_.halves.at(Half::db);
    half.kept_aside = database_->exchange().value_or("");
    half.restored = true;
  }
  if (tree_) {
    RestoredHalf& half = report_.halves.at(Half::docs);
    half.kept_aside = tree_->exchange();
    half.restored = true;
  }
}

}  // namespace

RestoreReport restore(Catalog& catalog, const RestoreTarget& target, const RestoreOptions& options,
                      const std::function<void(const RestoreReport&)>& announce,
                      const std::function<Instant()>& clock, Progress& progress,
                      const std::stop_token& stop) {
  RestoreReport report{.point = choose_point(catalog, options.as_of, options.accept_unproven)};
  const RunId run = begin_run(catalog, clock());
  Restore work(catalog, target, options, report, mark_of(run), progress, stop);
  work.plan(options.halves);
  if (options.neutralize && options.halves.contains(Half::db))
    report.neutralized = neutralize_steps(*options.neutralize);
  announce(report);
  if (options.dry_run) return report;
  report.failure = error_of([&] {
    work.stage();
    work.exchange();
  });
  return report;
}

void record_restore(Catalog& target, const EnvironmentSettings& environment,
                    const std::string& source, const RestoreReport& report, Instant now) {
  RunRecord record = new_record(RunKind::restore, environment, begin_run(target, now), target);
  record.result = report.failure ? RunResult::failed : RunResult::success;
  if (report.failure) record.error = report.failure->what();
  for (const auto& [which, half] : report.halves) {
    if (!half.restored) continue;
    auto& came = record.measured[std::string(name_of(which))];
    came = {{"archive", half.archive.archive.key},
            {"environment", source},
            {"kept_aside", half.kept_aside},
            {"taken", format_instant(half.taken)}};
    if (which != Half::db) continue;
    came["neutralized"] = report.neutralized.empty() ? "no" : "yes";
    record.identity = DatabaseSnapshot::open(environment.database)->facts().identity;
    record.state.identity = record.identity;
  }
  commit_record(record, target, now);
}

RestoreLeftovers discard_leftovers(const RestoreTarget& target, bool dry_run) {
  // Both are asked before the first is touched.
  std::optional<DatabaseDiscard> database;
  std::optional<TreeDiscard> tree;
  if (target.database && !database_leftovers(*target.database).empty())
    database.emplace(*target.database);
  if (target.documents) {
    const TreeLeftovers left = tree_leftovers(*target.documents);
    if (!left.half_done.empty() || !left.kept_aside.empty()) tree.emplace(*target.documents);
  }
  RestoreLeftovers left;
  if (dry_run) {
    if (database) left.databases = database->names();
    if (tree) left.trees = tree->leftovers();
    return left;
  }
  left.failure = error_of([&] {
    if (database) database->run(left.databases);
    if (tree) tree->run(left.trees);
  });
  return left;
}

}  // namespace dolibarr_backup
