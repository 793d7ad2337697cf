#include "app/drill.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "app/checked_source.h"
#include "app/database_proof.h"
#include "app/document_access.h"
#include "app/half_error.h"
#include "app/run_journal.h"
#include "base/log.h"
#include "base/stop.h"
#include "dolibarr/database_restore.h"
#include "dolibarr/document_index_check.h"
#include "dolibarr/ledger_check.h"
#include "dolibarr/legal_log_check.h"
#include "dolibarr/scratch_server.h"
#include "dolibarr/secret_value_check.h"

namespace dolibarr_backup {
namespace {

using Outcome = Proof::Outcome;
constexpr size_t kGreatestCulprits = 20;
constexpr const char* kDatabase = "drilled";

// A folder gone with this object. The documents in it are closed to others.
class TrialFolder {
 public:
  explicit TrialFolder(const std::string& where) {
    path_ = where + "/dolibarr-backup-drill-XXXXXX";
    if (!::mkdtemp(path_.data()))
      throw Error(Errc::source, "cannot make a folder in '" + where + "': " + errno_text(errno))
          .with_hint("say with --work-dir where there is room for the documents and the database");
    // The server's user must get through.
    if (::geteuid() == 0) ::chmod(path_.c_str(), 0711);
    // Here the modes that a tree brings along let nobody in.
    const std::string closed = path_ + "/private";
    if (::mkdir(closed.c_str(), 0700) != 0) {
      const int error = errno;
      ::rmdir(path_.c_str());
      throw Error(Errc::source, "cannot make '" + closed + "': " + errno_text(error));
    }
  }
  ~TrialFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    if (error) log::warning("'{}' is left behind: {}", path_, error.message());
  }
  TrialFolder(const TrialFolder&) = delete;
  TrialFolder& operator=(const TrialFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string documents() const { return path_ + "/private/documents"; }

 private:
  std::string path_;
};

int major_of(const DatabaseManifest& manifest) {
  const auto found = manifest.facts.find("server");
  return found == manifest.facts.end() ? 0 : std::atoi(found->second.c_str());
}

NewDatabase made_as(const DatabaseManifest& manifest) {
  const auto fact = [&](const char* key) {
    const auto found = manifest.facts.find(key);
    return found == manifest.facts.end() ? std::string() : found->second;
  };
  return {fact("encoding"), fact("collation"), fact("ctype")};
}

void append(std::vector<std::string>& all, const char* what, const DocumentFindings& findings) {
  for (const std::string& one : findings.examples) all.push_back(fmt::format("{}: {}", what, one));
}

std::map<std::string, std::string> to_texts(const GrowingDigest& digest) {
  return {{"rows", std::to_string(digest.rows)},
          {"greatest_rowid", std::to_string(digest.greatest_rowid)},
          {"validated_until", digest.validated_until},
          {"digest", digest.digest}};
}

GrowingDigest from_texts(const std::map<std::string, std::string>& texts) {
  const auto text = [&](const char* key) {
    const auto found = texts.find(key);
    return found == texts.end() ? std::string() : found->second;
  };
  return {std::strtoull(text("rows").c_str(), nullptr, 10),
          std::strtoll(text("greatest_rowid").c_str(), nullptr, 10), text("validated_until"),
          text("digest")};
}

class Drill {
 public:
  Drill(Catalog& catalog, const EnvironmentSettings& environment, const DrillOptions& options,
        DrillReport& report, Progress& progress, const std::stop_token& stop)
      : catalog_(catalog),
        environment_(environment),
        options_(options),
        report_(report),
        progress_(progress),
        stop_(stop) {}

  void run();

 private:
  void prove_database(const DatabaseSettings& database);
  void prove_documents(const ExtractReport& extracted);
  void prove_index(const DatabaseSettings& database, const std::string& documents);
  void prove_legal_log(const DatabaseSettings& database);
  void prove_growth(const DatabaseSettings& database);
  void prove_key(const DatabaseSettings& database);
  DatabaseSettings fill(ScratchServer& server, const std::string& name, const ArchiveEntry& entry,
                        const DatabaseManifest& manifest);
  std::vector<std::string> culprits_of_growth(const RunRecord& before,
                                              const DatabaseSettings& database,
                                              const std::string& what);
  const RunRecord* last_measured();
  void add(const char* name, Outcome outcome, std::string text,
           std::vector<std::string> culprits = {}) {
    report_.proofs.push_back({name, outcome, std::move(text), std::move(culprits)});
  }

  Catalog& catalog_;
  const EnvironmentSettings& environment_;
  const DrillOptions& options_;
  DrillReport& report_;
  Progress& progress_;
  const std::stop_token& stop_;
  DatabaseManifest manifest_;
  ScratchServer* server_ = nullptr;
  std::string brought_back_;  // why an earlier drill is not compared with
};

void Drill::run() {
  const ArchiveEntry& db = report_.point.db.value();
  const ArchiveEntry& docs = report_.point.docs.value();
  manifest_ = read_database_manifest(catalog_.store(), db.manifest.value(), stop_);
  const TrialFolder folder(options_.work_folder);
  const auto begin = std::chrono::steady_clock::now();
  ScratchServer server(major_of(manifest_), folder.path());
  server_ = &server;
  const DatabaseSettings database = fill(server, kDatabase, db, manifest_);
  const std::string documents = folder.documents();
  const ExtractReport extracted =
      extract_documents(catalog_.store(), docs, PathPattern("**"), documents, progress_, stop_);
  report_.restore_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!report_.point.passed_over.empty())
    add("point", Outcome::failed,
        "a newer point is there, but damaged, incomplete or gone; this is the newest that is not",
        report_.point.passed_over);
  prove_database(database);
  prove_documents(extracted);
  prove_index(database, documents);
  prove_legal_log(database);
  prove_growth(database);
  prove_key(database);
}

DatabaseSettings Drill::fill(ScratchServer& server, const std::string& name,
                             const ArchiveEntry& entry, const DatabaseManifest& manifest) {
  DatabaseSettings target = server.settings(name);
  target.table_prefix = environment_.database.table_prefix;
  target.connections = environment_.database.connections;
  DatabaseRestore restore(target, made_as(manifest), "x");
  restore.fill(
      {.open = [&] { return std::make_unique<CheckedSource>(catalog_.store(), entry.archive); },
       .size = entry.archive.size,
       .work_folder = options_.work_folder},
      stop_);
  restore.exchange();
  return target;
}

void Drill::prove_database(const DatabaseSettings& database) {
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database, stop_);
  const DatabaseFingerprint restored = snapshot->fingerprint(progress_, stop_);
  std::vector<std::string> found =
      differences(manifest_, restored, snapshot->facts().server_version);
  const std::string numbers =
      fmt::format("{} tables, {} rows", manifest_.tables.size(), manifest_.rows());
  if (found.empty())
    add("database", Outcome::proven, numbers + " and the schema are as they were backed up");
  else
    add("database", Outcome::failed, numbers + " expected", std::move(found));
}

void Drill::prove_documents(const ExtractReport& extracted) {
  const std::string numbers =
      fmt::format("{} files, {}", extracted.files, format_bytes(extracted.bytes));
  if (extracted.problems.empty())
    add("documents", Outcome::proven, numbers + ", each with the digest of its backup");
  else
    add("documents", Outcome::failed, numbers, extracted.problems);
}

void Drill::prove_index(const DatabaseSettings& database, const std::string& documents) {
  const DocumentIndexReport index = check_document_index(database, documents, stop_);
  if (index.absent) return add("index", Outcome::untold, "the database has no index of documents");
  std::vector<std::string> culprits;
  append(culprits, "missing", index.missing);
  append(culprits, "other content", index.damaged);
  append(culprits, "unreadable", index.unreadable);
  append(culprits, "missing main document", index.main_missing);
  append(culprits, "missing (optional)", index.missing_optional);
  append(culprits, "rewritten", index.rewritten);
  append(culprits, "differs", index.differing);
  append(culprits, "missing main document (optional)", index.main_missing_optional);
  const Outcome outcome = index.errors() > 0     ? Outcome::failed
                          : index.warnings() > 0 ? Outcome::warning
                                                 : Outcome::proven;
  add("index", outcome,
      fmt::format("{} of {} indexed documents match, {} of {} main documents are there, {} missing",
                  index.matching, index.rows, index.main_documents_present, index.main_documents,
                  index.missing.count + index.main_missing.count),
      std::move(culprits));
}

void Drill::prove_legal_log(const DatabaseSettings& database) {
  const auto zone = manifest_.facts.find("php-time-zone");
  const LegalLogReport log =
      check_legal_log(database, zone == manifest_.facts.end() ? "" : zone->second, stop_);
  if (log.absent) return add("legal log", Outcome::untold, "the database has no legal log");
  std::string text = fmt::format("{} of {} rows verified, {} KO, time zone {}", log.counts.verified,
                                 log.counts.rows, log.counts.broken, log.time_zone);
  if (log.counts.needs_key > 0) text += fmt::format(", {} need the key", log.counts.needs_key);
  if (log.counts.unverifiable > 0)
    text += fmt::format(", {} cannot be told", log.counts.unverifiable);
  std::vector<std::string> culprits = log.counts.culprits;
  culprits.insert(culprits.end(), log.notes.begin(), log.notes.end());
  const Outcome outcome = !log.sound()                                         ? Outcome::failed
                          : log.counts.needs_key + log.counts.unverifiable > 0 ? Outcome::untold
                                                                               : Outcome::proven;
  add("legal log", outcome, std::move(text), std::move(culprits));
}

// What a restore put into the database, if it did: its environment, its archive's time.
const std::map<std::string, std::string>* restored_database(const RunRecord& record) {
  const auto db = record.measured.find("db");
  return record.kind == RunKind::restore && db != record.measured.end() ? &db->second : nullptr;
}

std::string text_of(const std::map<std::string, std::string>& texts, const char* name) {
  const auto found = texts.find(name);
  return found == texts.end() ? "" : found->second;
}

// The newest drill of an earlier or the same state of these very books: not of before another
// instance's came in, nor of a time that a restore went back before.
const RunRecord* Drill::last_measured() {
  std::string until = format_instant(report_.point.at);
  const auto& runs = catalog_.runs();
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const RunRecord* record = catalog_.record(*run);
    if (!record) continue;
    if (const auto* restored = restored_database(*record);
        restored && run->start() <= report_.point.at) {
      if (text_of(*restored, "environment") != record->environment) return nullptr;
      const std::string taken = text_of(*restored, "taken");
      if (!taken.empty()) until = std::min(until, taken);
    }
    // One that failed is no state to grow from: the alarm stays until it is mended.
    const auto point = record->measured.find("point");
    if (record->kind != RunKind::drill || record->result != RunResult::success ||
        point == record->measured.end())
      continue;
    const std::string at = text_of(point->second, "at");
    if (at.empty()) continue;
    if (at <= until) return record;
    if (at <= format_instant(report_.point.at) && brought_back_.empty())
      brought_back_ = fmt::format(
          "the database was brought back to {}: what the drill of {} saw of later is not asked for",
          until, at);
  }
  return nullptr;
}

std::vector<std::string> Drill::culprits_of_growth(const RunRecord& before,
                                                   const DatabaseSettings& database,
                                                   const std::string& what) {
  const auto& point = before.measured.at("point");
  const std::optional<ArchiveEntry> entry = archive_entry(catalog_, text_of(point, "db"));
  if (!entry || !entry->manifest)
    return {"the archive of that point is gone, so the rows cannot be named"};
  const DatabaseManifest manifest =
      read_database_manifest(catalog_.store(), *entry->manifest, stop_);
  const DatabaseSettings earlier = fill(*server_, "before_" + what, *entry, manifest);
  return differing_rows(earlier, database, what, kGreatestCulprits, stop_);
}

void Drill::prove_growth(const DatabaseSettings& database) {
  for (const auto& [what, digest] : growing_digests(database, {}, stop_))
    report_.record.measured[what] = to_texts(digest);
  const RunRecord* before = last_measured();
  if (!before)
    return add(
        "growth", Outcome::untold,
        brought_back_.empty() ? "the first drill: the next one compares with it" : brought_back_);
  GrowingDigests earlier;
  for (const char* what : {kLegalLog, kLedger})
    if (const auto found = before->measured.find(what); found != before->measured.end())
      earlier[what] = from_texts(found->second);
  const GrowingDigests now = growing_digests(database, earlier, stop_);
  std::vector<std::string> culprits;
  uint64_t rows = 0;
  for (const auto& [what, digest] : earlier) {
    rows += digest.rows;
    if (const auto found = now.find(what); found != now.end() && found->second == digest) continue;
    for (std::string& one : culprits_of_growth(*before, database, what))
      culprits.push_back(std::move(one));
  }
  const std::string since = before->measured.at("point").at("at");
  if (culprits.empty())
    add("growth", brought_back_.empty() ? Outcome::proven : Outcome::warning,
        fmt::format("all {} rows of the legal log and validated ledger of {} are unchanged{}{}",
                    rows, since, brought_back_.empty() ? "" : "; ", brought_back_));
  else
    add("growth", Outcome::failed,
        "rows of the legal log or the validated ledger changed or went since " + since,
        std::move(culprits));
}

void Drill::prove_key(const DatabaseSettings& database) {
  if (options_.conf_key.empty())
    return add("key", environment_.conf_key_location.empty() ? Outcome::warning : Outcome::untold,
               environment_.conf_key_location.empty()
                   ? "key not in the backup: conf.php's key is in neither half"
                   : "not tried; kept at: " + environment_.conf_key_location);
  const SecretValueReport values = check_secret_values(database, options_.conf_key, stop_);
  if (values.untold())
    return add("key", Outcome::untold, "no encrypted value whose plain text could be recognised");
  add("key", values.key_fits() ? Outcome::proven : Outcome::failed,
      fmt::format("opens {} of {} encrypted values", values.plausible, values.found),
      values.implausible);
}

}  // namespace

std::string_view name_of(Proof::Outcome outcome) {
  switch (outcome) {
    case Outcome::proven:
      return "proven";
    case Outcome::warning:
      return "warning";
    case Outcome::failed:
      return "FAILED";
    case Outcome::untold:
      return "untold";
  }
  return "untold";
}

DrillReport drill(Catalog& catalog, const EnvironmentSettings& environment,
                  const DrillOptions& options, const std::function<Instant()>& clock,
                  Progress& progress, const std::stop_token& stop) {
  ChosenPoint point = [&] {
    try {
      return choose_point(catalog, options.as_of, false);
    } catch (Error& error) {
      throw error.with_hint("only a good pair can be proven: run backup, or drill another --as-of");
    }
  }();
  DrillReport report{
      .record = new_record(RunKind::drill, environment, begin_run(catalog, clock()), catalog),
      .point = std::move(point)};
  RunRecord& record = report.record;
  report.failure =
      error_of([&] { Drill(catalog, environment, options, report, progress, stop).run(); });
  record.measured["point"] = {{"at", format_instant(report.point.at)},
                              {"db", report.point.db->archive.key},
                              {"docs", report.point.docs->archive.key},
                              {"restore_seconds", fmt::format("{:.1f}", report.restore_seconds)}};
  const auto failed = std::find_if(report.proofs.begin(), report.proofs.end(),
                                   [](const Proof& p) { return p.outcome == Outcome::failed; });
  if (!report.failure && failed != report.proofs.end())
    report.failure =
        Error(Errc::unproven,
              fmt::format("{}: {}", failed->name,
                          failed->culprits.empty() ? failed->text : failed->culprits.front()))
            .with_hint("the point restores, but is not what it should be; each culprit is named");
  for (const Proof& proof : report.proofs) {
    record.notes.push_back(
        fmt::format("{}: {}: {}", proof.name, name_of(proof.outcome), proof.text));
    for (const std::string& culprit : proof.culprits)
      record.notes.push_back(proof.name + ": " + culprit);
  }
  record.result = report.failure ? RunResult::failed : RunResult::success;
  // Kept until the next one, which compares row by row with it.
  if (!report.failure)
    record.state.drilled = {report.point.db->archive.key, report.point.docs->archive.key};
  if (report.failure) record.error = report.failure->what();
  commit_record(record, catalog, clock());
  return report;
}

}  // namespace dolibarr_backup
