#include "app/backup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/capture.h"
#include "app/catalog.h"
#include "app/half_error.h"
#include "app/holds.h"
#include "app/look.h"
#include "app/restore_text.h"
#include "app/run_journal.h"
#include "app/stored_manifest.h"
#include "base/log.h"
#include "base/stop.h"
#include "core/half_decision.h"

namespace dolibarr_backup {
namespace {

class BackupRun {
 public:
  BackupRun(const EnvironmentSettings& environment, Catalog& catalog, const BackupOptions& options,
            Instant now, RunRecord& record, BackupReport& report, Progress& progress,
            const std::stop_token& stop)
      : environment_(environment),
        catalog_(catalog),
        options_(options),
        now_(now),
        record_(record),
        report_(report),
        progress_(progress),
        stop_(stop) {}

  /// Fills the record and the report up to, not including, the commit. Throws
  /// what ends the run as a whole: a refusal, an interruption, a lost store.
  void run();

 private:
  Look guarded_look();
  Look new_look();
  std::optional<KnownDatabase> known_database();
  void guard_identity(const Look& look);
  void note_versions(const Look& look);
  void note_once(std::string_view where, const std::string& note);
  std::set<Half> decide(const Look& look);
  HalfDecision decide_documents(const Look& look);
  void alarm(const LastSuccess& last, const std::vector<std::string>& changed);
  uint64_t expected_bytes(Half half, const Look& look);
  std::optional<std::string> moved(const Look& look, const Capture& capture, Look& again);
  void complete(const Look& look, Capture& capture);
  void fill_unchanged(const Look& look);
  void conclude(const std::string& moved_reason);

  const std::optional<LastSuccess>& last(Half half);
  HalfRecord& half(Half which) { return record_.halves[which]; }

  const EnvironmentSettings& environment_;
  Catalog& catalog_;
  const BackupOptions& options_;
  Instant now_;
  RunRecord& record_;
  BackupReport& report_;
  Progress& progress_;
  const std::stop_token& stop_;
  std::map<Half, std::optional<LastSuccess>> last_;
  std::map<Half, HalfDecision> decisions_;
  std::map<Half, Error> failures_;
  std::vector<std::string> silently_changed_;
};

const std::optional<LastSuccess>& BackupRun::last(Half which) {
  const auto known = last_.find(which);
  if (known != last_.end()) return known->second;
  return last_.emplace(which, catalog_.last_success(which)).first->second;
}

void BackupRun::run() {
  Look look = new_look();
  bool retried = false;
  std::string moved_reason;
  Capture capture;
  for (record_.attempts = 1;; ++record_.attempts) {
    const std::set<Half> wanted = decide(look);
    const CaptureContext context{environment_,
                                 catalog_.store(),
                                 catalog_.keys(),
                                 record_.run,
                                 {{Half::db, expected_bytes(Half::db, look)},
                                  {Half::docs, expected_bytes(Half::docs, look)}}};
    capture = Capture();  // what an earlier attempt captured is aborted first
    capture = capture_halves(look, wanted, context, progress_, stop_);

    // A lease of dynamic credentials may end in mid-dump: a new look reads them anew.
    if (const auto failed = capture.failures.find(Half::db);
        failed != capture.failures.end() && failed->second.code() == Errc::source && !retried) {
      retried = true;
      log::warning("db: {}; trying once more", capture.failures.at(Half::db).what());
      record_.notes.push_back("the database was dumped again after: " +
                              std::string(capture.failures.at(Half::db).what()));
      capture = Capture();
      look = new_look();
      --record_.attempts;
      continue;
    }
    if (!look.whole() || !capture.failures.empty()) break;
    record_.pair = PairJudgement::quiescent;
    if (capture.pending.empty()) break;

    Look again;
    const std::optional<std::string> why = moved(look, capture, again);
    if (!why) break;
    moved_reason = *why;
    record_.pair = PairJudgement::torn;
    if (record_.attempts >= environment_.pair_attempts || !again.whole()) break;
    log::warning("{} while they were taken; taking both halves again", moved_reason);
    look = std::move(again);
  }
  complete(look, capture);
  fill_unchanged(look);
  conclude(moved_reason);
}

// Whatever is captured later comes from a look that was guarded.
Look BackupRun::guarded_look() {
  Look look = open_look(environment_, stop_);
  if (look.snapshot) {
    guard_identity(look);
    note_versions(look);
  }
  return look;
}

Look BackupRun::new_look() {
  Look look = guarded_look();
  examine(look, known_database(), progress_, stop_);
  if (look.db_error && look.db_error->transient()) {
    log::warning("db: {}; trying once more", look.db_error->what());
    look = guarded_look();
    examine(look, known_database(), progress_, stop_);
  }
  return look;
}

// What the last success knows of the database, if it would be believed unread.
std::optional<KnownDatabase> BackupRun::known_database() {
  const std::optional<LastSuccess>& before = last(Half::db);
  if (!before || !before->half.mark || options_.force || options_.reread) return std::nullopt;
  const Fingerprint method = fingerprint_method(environment_.database);
  Fingerprint like_last = *before->half.fingerprint;
  if (like_last.algorithm != method.algorithm || like_last.volatile_list != method.volatile_list)
    return std::nullopt;
  const PreviousCapture previous{like_last, *before->half.taken};
  if (decide_half(previous, like_last, now_, environment_.max_unchanged_days).take)
    return std::nullopt;
  return KnownDatabase{*before->half.mark, {std::move(like_last), {}, ""}};
}

// The first run of a prefix writes down whose it is; another instance is refused.
void BackupRun::guard_identity(const Look& look) {
  const Identity& seen = look.snapshot->facts().identity;
  record_.identity = seen;
  if (!record_.state.identity) {
    record_.state.identity = seen;
    return;
  }
  const Identity& known = *record_.state.identity;
  if (same_instance(known, seen)) {
    record_.state.identity = merged(known, seen);
    return;
  }
  const std::string what =
      known.database != seen.database
          ? fmt::format("database '{}' instead of '{}'", seen.database, known.database)
          : fmt::format("another instance (identity {} instead of {})", seen.instance,
                        known.instance);
  throw Error(Errc::refused,
              fmt::format("identity: {} holds the backups of another Dolibarr: found {}",
                          catalog_.keys().prefix(), what))
      .with_hint(
          "if this is right, e.g. after a restore or a rename, run: dolibarr-backup "
          "identity accept --env " +
          environment_.name);
}

void BackupRun::note_versions(const Look& look) {
  const DatabaseFacts& facts = look.snapshot->facts();
  record_.versions["server"] = facts.server_version_text;
  record_.versions["pg_dump"] = look.snapshot->pg_dump_version();
  record_.versions["dolibarr"] = facts.dolibarr_version;
  record_.versions["system_identifier"] = facts.system_identifier;
  if (!environment_.php_time_zone.empty())
    record_.versions["php_time_zone"] = environment_.php_time_zone;
  for (const std::string& warning : look.snapshot->warnings()) note_once("db", warning);
  const RunRecord* before = catalog_.newest_record();
  if (!before) return;
  const auto known = before->versions.find("system_identifier");
  if (known == before->versions.end() || known->second == facts.system_identifier) return;
  const std::string note = fmt::format(
      "the database server is another one now: system identifier "
      "{} instead of {}",
      facts.system_identifier, known->second);
  note_once("db", note);
}

// A run may look several times; it says the same only once.
void BackupRun::note_once(std::string_view where, const std::string& note) {
  if (std::find(record_.notes.begin(), record_.notes.end(), note) != record_.notes.end()) return;
  log::warning("{}: {}", where, note);
  record_.notes.push_back(note);
}

std::set<Half> BackupRun::decide(const Look& look) {
  decisions_.clear();
  failures_.clear();
  if (look.db_error) failures_.emplace(Half::db, *look.db_error);
  if (look.docs_error) failures_.emplace(Half::docs, *look.docs_error);
  if (look.db) {
    std::optional<PreviousCapture> previous;
    if (last(Half::db)) previous = {*last(Half::db)->half.fingerprint, *last(Half::db)->half.taken};
    decisions_[Half::db] =
        decide_half(previous, look.db->fingerprint, now_, environment_.max_unchanged_days);
  }
  if (look.docs) decisions_[Half::docs] = decide_documents(look);

  std::set<Half> wanted;
  for (auto& [which, decision] : decisions_) {
    if (options_.force && !decision.take) decision = {true, "asked for (--force)"};
    log::info("{}: {}", name_of(which), decision.reason);
    report_.why[which] = decision.reason;
    if (decision.take) wanted.insert(which);
  }
  return wanted;
}

// Equal stats prove little for files that changed just before the last walk, and
// nothing about a disk that rots: those are read and compared with the manifest.
HalfDecision BackupRun::decide_documents(const Look& look) {
  const std::optional<LastSuccess>& before = last(Half::docs);
  std::optional<PreviousCapture> previous;
  if (before) previous = {*before->half.fingerprint, *before->half.taken};
  HalfDecision decision =
      decide_half(previous, look.docs->fingerprint, now_, environment_.max_unchanged_days);
  if (!before || *before->half.fingerprint != look.docs->fingerprint) return decision;
  if (!look.docs->unlistable.empty())
    return {true, fmt::format("'{}' cannot be listed", look.docs->unlistable.front())};

  const bool everything = options_.reread || decision.take;
  const DocsTrust trust = before->half.trust.value_or(DocsTrust{});
  if (!everything && trust.racy_files == 0) return decision;
  try {
    StoredManifest manifest(catalog_.store(), before->half.archive->manifest.value());
    const int64_t since_ns = everything ? 0 : trust.walk_started_ns - kRacyMarginNs;
    const DocumentsReread reread =
        reread_documents(look.documents, manifest, since_ns, progress_, stop_);
    if (reread.silently_changed.empty()) return decision;
    if (everything) alarm(*before, reread.silently_changed);
    return {true, fmt::format("{} changed without a new time stamp",
                              fmt::join(reread.silently_changed, ", "))};
  } catch (const Error& error) {
    // Captured, such a file is named and the rest is stored.
    if (error.code() != Errc::corrupt && error.code() != Errc::source) throw;
    note_once("docs", error.what());
    return {true, std::string("not comparable with the last archive: ") + error.what()};
  }
}

// Content that changed under an equal stat is a failing disk or a forgery: the
// archive that still has the old content is kept from now on.
void BackupRun::alarm(const LastSuccess& before, const std::vector<std::string>& changed) {
  silently_changed_ = changed;
  const std::string& key = before.half.archive->archive.key;
  add_hold(catalog_, key,
           fmt::format("{} file(s) changed later without a new time stamp, e.g. {}", changed.size(),
                       changed.front()),
           std::string(kAutomaticHolder), now_);
  record_.notes.push_back("kept by a hold: " + key);
}

uint64_t BackupRun::expected_bytes(Half which, const Look& look) {
  if (which == Half::docs) return look.docs ? look.docs->bytes : 0;
  // A compressed dump is a fraction of the database; the last one tells it better.
  if (last(Half::db)) return last(Half::db)->half.archive->archive.size * 5 / 4;
  return look.snapshot ? look.snapshot->facts().size_bytes / 4 : 0;
}

// Whether the two halves may not belong together, and why. Dolibarr renames files
// inside its transactions, so whoever writes now may have touched a file that was
// captured: their end is waited for, then both halves must look as before.
std::optional<std::string> BackupRun::moved(const Look& look, const Capture& capture, Look& again) {
  std::vector<std::string> writers;
  const std::optional<Error> failed = error_of([&] {
    writers = wait_for_writers(environment_.database, environment_.settle_timeout, stop_);
  });
  if (failed)
    return "the database could not be asked for open transactions: " + std::string(failed->what());
  again = guarded_look();
  examine(again, look.known_database(), progress_, stop_);
  if (!again.whole()) {
    const Error& error = again.db_error ? *again.db_error : *again.docs_error;
    return "could not be looked at again: " + std::string(error.what());
  }
  if (!writers.empty())
    return fmt::format("transactions stayed open ({})", fmt::join(writers, "; "));
  if (again.db->fingerprint != look.db->fingerprint) return "the database changed";
  if (again.docs->fingerprint != look.docs->fingerprint) return "the documents changed";
  if (capture.docs && capture.docs->survey.fingerprint != look.docs->fingerprint)
    return "the documents changed for a while";
  return std::nullopt;
}

void BackupRun::complete(const Look& look, Capture& capture) {
  for (auto& [which, error] : capture.failures) failures_.insert_or_assign(which, error);
  for (auto& [which, pending] : capture.pending) {
    throw_if_stopped(stop_);
    if (std::optional<Error> error = error_of([&upload = pending] { upload->complete(); })) {
      failures_.insert_or_assign(which, *error);
      record_.pair = PairJudgement::none;
      continue;
    }
    HalfRecord& stored = half(which);
    stored.result = HalfResult::stored;
    stored.archive = pending->entry();
    stored.taken = record_.started;
    if (which == Half::db) {
      stored.fingerprint = look.db->fingerprint;
      continue;
    }
    bool missed = capture.docs->incomplete;
    for (const ManifestProblem& problem : capture.docs->problems) {
      stored.problems.push_back(problem.kind + ": " + problem.path);
      // The walks before and after saw it: it did not vanish, it could not be opened.
      missed |= problem.kind == "vanished" && record_.pair == PairJudgement::quiescent;
    }
    stored.trust = look.docs->trust;
    if (missed)
      stored.result = HalfResult::incomplete;
    else
      stored.fingerprint = look.docs->fingerprint;
  }
}

void BackupRun::fill_unchanged(const Look& look) {
  for (const auto& [which, decision] : decisions_) {
    if (decision.take) continue;
    HalfRecord& entry = half(which) = last(which)->half;
    entry.result = HalfResult::unchanged;
    entry.problems.clear();
    entry.mark.reset();
    // Racy files were read again by decide_documents: from here the new walk counts.
    if (which == Half::docs) entry.trust = look.docs->trust;
  }
  if (look.db) {
    auto& facts = half(Half::db).facts;
    if (!look.db->tables.empty()) {  // else nothing was read and all is as it was
      facts.clear();
      facts["tables"] = look.db->tables.size();
      for (const ManifestTable& table : look.db->tables) facts["rows"] += table.rows;
    }
    facts["database_bytes"] = look.snapshot->facts().size_bytes;
    const SnapshotMark& mark = look.snapshot->mark();
    if (half(Half::db).success() && mark.usable()) half(Half::db).mark = mark;
  }
  if (look.docs) {
    auto& facts = half(Half::docs).facts;
    facts.clear();
    facts["files"] = look.docs->files;
    facts["directories"] = look.docs->directories;
    facts["bytes"] = look.docs->bytes;
    for (const ManifestExcluded& excluded : look.docs->excluded) {
      facts["excluded_files"] += excluded.files;
      facts["excluded_bytes"] += excluded.bytes;
    }
    facts["indexed_files_missing"] = look.missing.count;
  }
  if (look.missing.count == 0) return;
  std::string note =
      fmt::format("{} document(s) that the database knows are not in the tree, e.g. {}",
                  look.missing.count, fmt::join(look.missing.examples, ", "));
  note_once("docs", note);
}

void BackupRun::conclude(const std::string& moved_reason) {
  for (const auto& [which, error] : failures_) {
    half(which).result = HalfResult::failed;
    half(which).problems.insert(half(which).problems.begin(), error.what());
    record_.pair = PairJudgement::none;
  }
  if (!failures_.empty()) {
    const auto& [which, error] = *failures_.begin();
    report_.failure = error;
    report_.failure->add_context(std::string(name_of(which)) + " half");
    if (failures_.size() > 1) {
      log::error("{} half: {}", name_of(std::next(failures_.begin())->first),
                 std::next(failures_.begin())->second.what());
    }
    record_.result = RunResult::failed;
    return;
  }
  const HalfRecord& docs = half(Half::docs);
  if (docs.result == HalfResult::incomplete) {
    record_.result = RunResult::incomplete;
    report_.failure =
        Error(Errc::incomplete, fmt::format("stored, but not everything could be captured: {}",
                                            fmt::join(docs.problems, ", ")))
            .with_hint("mend what is named and run again; the archive is no success until then");
    return;
  }
  if (record_.pair == PairJudgement::torn) {
    record_.result = RunResult::torn;
    report_.failure =
        Error(Errc::torn,
              fmt::format("stored as torn: {}; tried {} time(s)", moved_reason, record_.attempts))
            .with_hint("run at a quieter time, or raise pair_attempts or settle_timeout");
    record_.notes.push_back("torn: " + moved_reason);
    return;
  }
  record_.result = RunResult::success;
  if (silently_changed_.empty()) return;
  report_.failure =
      Error(Errc::corrupt, fmt::format("content changed under an equal time stamp: {}",
                                       fmt::join(silently_changed_, ", ")))
          .with_hint(
              "a failing disk or a forgery? The archive before is held; "
              "compare these files with it");
}

RunResult result_of(const Error& error) {
  if (error.code() == Errc::interrupted) return RunResult::interrupted;
  if (error.code() == Errc::refused) return RunResult::refused;
  return RunResult::failed;
}

// For whoever looks; truth is in the records. A store that refuses the overwrite
// (object lock) does not fail the run.
void write_pointers(const Catalog& catalog, const EnvironmentSettings& environment,
                    const RunRecord& record) {
  const auto write = [&](const std::string& key, const std::string& text) {
    const std::optional<Error> error =
        error_of([&] { catalog.store().put(key, as_bytes(text), Overwrite::yes); });
    if (error) log::warning("'{}' was not written: {}", key, error->what());
  };
  for (const auto& [which, half] : record.halves)
    if (half.fingerprint && record.pair != PairJudgement::torn)
      write(catalog.keys().fingerprint_pointer(which), half.fingerprint->text() + "\n");
  const std::string key = catalog.keys().restore_text();
  const auto known = catalog.objects().find(key);
  const std::string text = restore_text(environment, catalog.keys());
  if (known == catalog.objects().end() || known->second.size != text.size()) write(key, text);
}

}  // namespace

int BackupReport::uploaded() const {
  int count = 0;
  for (const auto& [which, half] : record.halves)
    count += half.result == HalfResult::stored || half.result == HalfResult::incomplete;
  return count;
}

int BackupReport::unchanged() const {
  int count = 0;
  for (const auto& [which, half] : record.halves) count += half.result == HalfResult::unchanged;
  return count;
}

BackupReport back_up(const EnvironmentSettings& environment, ObjectStore& store,
                     const BackupOptions& options, const std::function<Instant()>& clock,
                     Progress& progress, const std::stop_token& stop) {
  Catalog catalog(store, KeySpace(environment.prefix), stop);
  if (!catalog.runs().empty() && !catalog.newest_record())
    throw Error(Errc::refused, "no run record under " + catalog.keys().runs() + " can be read")
        .with_hint(
            "is this program older than the one that wrote them? Whose backups these are "
            "must be known before others are added");
  if (catalog.runs().empty() && environment.is_protected)
    log::warning(
        "this is the first backup of '{}' in {}: if there should be earlier ones, see "
        "whether the store is mounted and its prefix right",
        environment.name, store.describe());
  const RunId run = begin_run(catalog, clock());
  BackupReport report{.record = new_record(RunKind::backup, environment, run, catalog)};
  RunRecord& record = report.record;
  try {
    BackupRun(environment, catalog, options, clock(), record, report, progress, stop).run();
  } catch (const Error& error) {
    report.failure = error;
    record.result = result_of(error);
    record.pair = PairJudgement::none;
    // What was stored but not committed stays an orphan; the record must not name it.
    record.halves.clear();
  } catch (const std::exception& error) {
    report.failure = Error(Errc::bug, std::string("internal error: ") + error.what());
    record.result = RunResult::failed;
    record.pair = PairJudgement::none;
    record.halves.clear();
  }
  if (report.failure) record.error = report.failure->what();

  const std::optional<Error> commit_error =
      error_of([&] { commit_record(record, catalog, clock()); });
  if (commit_error) {
    log::error("the run record could not be stored, so nothing of this run is in force: {}",
               commit_error->what());
    if (!report.failure) report.failure = *commit_error;
    record.result = RunResult::failed;
    record.halves.clear();
    return report;
  }
  write_pointers(catalog, environment, record);
  if (record.result != RunResult::success || !options.prune) return report;
  try {
    Catalog after(store, KeySpace(environment.prefix), stop);
    report.prune = prune(after, environment, {}, clock, stop);
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const Error*>(&error);
    report.prune_failure = known ? *known : Error(Errc::bug, error.what());
    log::warning("the backup is stored; pruning did not happen: {}", error.what());
  }
  return report;
}

}  // namespace dolibarr_backup
