#include "app/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/checked_source.h"
#include "app/half_error.h"
#include "app/run_journal.h"
#include "app/stored_manifest.h"
#include "base/log.h"
#include "base/stop.h"
#include "core/manifest.h"
#include "core/record_chain.h"
#include "stream/gzip.h"
#include "stream/line_reader.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kBlockBytes = 256 * 1024;
constexpr std::string_view kDumpMagic = "PGDMP";  // pg_backup_archiver.c, WriteHead

void drain(Source& source, const std::stop_token& stop) {
  std::string block(kBlockBytes, '\0');
  while (source.read(std::as_writable_bytes(std::span(block))) > 0) throw_if_stopped(stop);
}

class Verification {
 public:
  Verification(Catalog& catalog, const EnvironmentSettings& environment, VerifyReport& report,
               Progress& progress, const std::stop_token& stop)
      : catalog_(catalog),
        environment_(environment),
        report_(report),
        progress_(progress),
        stop_(stop) {}

  void look_at_records();
  void look_at_objects();
  void read_archives(double share);

 private:
  struct Vouched {
    CatalogArchive archive;
    std::optional<ArchiveEntry> entry;  // nothing for the reference script's
    Instant verified{};                 // by an earlier run
  };
  std::vector<Vouched> in_force();
  void find(const std::string& key, std::string problem) {
    log::warning("{}: {}", key, problem);
    report_.findings.push_back({key, std::move(problem)});
  }
  void look_at(const StoredObject& object, const char* what);
  std::optional<std::string> problem_of(const Vouched& vouched);
  void read_manifest(const ArchiveEntry& entry);
  void read_archive(const Vouched& vouched);

  Catalog& catalog_;
  const EnvironmentSettings& environment_;
  VerifyReport& report_;
  Progress& progress_;
  const std::stop_token& stop_;
};

void Verification::look_at_records() {
  for (const ChainBreak& found : find_chain_breaks(catalog_.chain(catalog_.runs().size()),
                                                   catalog_.heads(), environment_.name)) {
    const std::optional<RunId> run = RunId::parse(found.run);
    find(run ? catalog_.keys().run_record(*run) : found.run, found.problem);
  }
  for (const auto& [key, problem] : catalog_.unreadable_records())
    find(key, "cannot be read: " + problem);
}

std::vector<Verification::Vouched> Verification::in_force() {
  std::map<std::string, Instant> verified;
  for (const RunId& run : catalog_.runs())
    if (const RunRecord* record = catalog_.record(run))
      for (const std::string& key : record->verified) verified[key] = run.start();
  std::vector<Vouched> all;
  for (const CatalogArchive& archive : catalog_.archives()) {
    if (archive.standing != CatalogArchive::Standing::in_force) continue;
    Vouched vouched{archive, archive.entry};
    if (const auto found = verified.find(archive.stored.key); found != verified.end())
      vouched.verified = found->second;
    all.push_back(std::move(vouched));
  }
  return all;
}

void Verification::look_at(const StoredObject& object, const char* what) {
  const auto found = catalog_.objects().find(object.key);
  if (found == catalog_.objects().end())
    find(object.key, fmt::format("the {} is missing", what));
  else if (found->second.size != object.size)
    find(object.key, fmt::format("the {} has {} bytes, its record says {}", what,
                                 found->second.size, object.size));
}

// Also of archives that are gone: the newest record of each half names what is in force.
void Verification::look_at_objects() {
  std::set<std::string> seen;
  for (const Vouched& vouched : in_force()) {
    ++report_.archives;
    if (!vouched.entry) continue;
    seen.insert(vouched.entry->archive.key);
    look_at(vouched.entry->archive, "archive");
    if (vouched.entry->manifest) look_at(*vouched.entry->manifest, "manifest");
  }
  std::set<std::string> pruned;
  for (const RunId& run : catalog_.runs())
    if (const RunRecord* record = catalog_.record(run))
      for (const PrunedObject& object : record->pruned) pruned.insert(object.key);
  for (const RunId& run : catalog_.runs()) {
    const RunRecord* record = catalog_.record(run);
    if (!record || record->kind != RunKind::backup) continue;
    for (const auto& [half, entry] : record->halves)
      if (entry.archive && entry.result != HalfResult::failed &&
          seen.insert(entry.archive->archive.key).second &&
          !pruned.contains(entry.archive->archive.key))
        look_at(entry.archive->archive, "archive");
  }
}

void Verification::read_manifest(const ArchiveEntry& entry) {
  StoredManifest manifest(catalog_.store(), *entry.manifest);
  LineReader lines(manifest);
  ManifestParser parser;
  std::string named;
  while (const std::optional<std::string_view> line = lines.next()) {
    throw_if_stopped(stop_);
    const std::optional<ManifestLine> parsed = parser.parse(*line);
    if (!parsed) continue;
    if (const auto* fact = std::get_if<ManifestFact>(&*parsed);
        fact && fact->key == "archive-sha256")
      named = fact->value;
  }
  if (named != entry.archive.sha256)
    throw Error(Errc::corrupt, "the manifest is of another archive");
}

void Verification::read_archive(const Vouched& vouched) {
  const StoredArchive& archive = vouched.archive.stored;
  CheckedSource stored(catalog_.store(), vouched.entry
                                             ? vouched.entry->archive
                                             : StoredObject{archive.key, archive.size, ""});
  CountingSource counted(stored, progress_.stored_bytes);
  const std::optional<Error> unpacking = error_of([&] {
    if (archive.half == Half::docs) {
      GunzipSource gunzip(counted);
      drain(gunzip, stop_);
    } else {
      std::string begin(kDumpMagic.size(), '\0');
      const size_t got = counted.read(std::as_writable_bytes(std::span(begin)));
      if (begin.substr(0, got) != kDumpMagic) throw Error(Errc::corrupt, "it is no dump");
    }
  });
  drain(counted, stop_);  // to the end, where it is told whether these are the bytes
  report_.read_bytes += archive.size;
  if (unpacking) throw *unpacking;
}

std::optional<std::string> Verification::problem_of(const Vouched& vouched) {
  const auto problem = [&](auto&& body) -> std::optional<std::string> {
    try {
      body();
    } catch (const Error& error) {
      if (error.code() != Errc::corrupt) throw;
      return error.what();
    }
    return std::nullopt;
  };
  if (vouched.entry && vouched.entry->manifest)
    if (auto found = problem([&] { read_manifest(*vouched.entry); })) return found;
  return problem([&] { read_archive(vouched); });
}

void Verification::read_archives(double share) {
  std::vector<Vouched> all = in_force();
  // What is known to be damaged comes last: it must not use up every run's share.
  std::stable_sort(all.begin(), all.end(), [](const Vouched& a, const Vouched& b) {
    return std::pair(a.archive.damaged, a.verified) < std::pair(b.archive.damaged, b.verified);
  });
  uint64_t total = 0;
  for (const Vouched& vouched : all) total += vouched.archive.stored.size;
  const auto enough = static_cast<uint64_t>(static_cast<double>(total) * share);
  uint64_t chosen = 0;
  for (const Vouched& vouched : all) {
    if (share < 1.0 && chosen >= enough) {
      if (vouched.verified == Instant{}) ++report_.never_read;
      continue;
    }
    chosen += vouched.archive.stored.size;
    const std::string& key = vouched.archive.stored.key;
    const std::optional<std::string> problem = problem_of(vouched);
    ++report_.read;
    auto& damaged = report_.record.state.damaged;
    std::erase(damaged, key);
    if (problem) {
      find(key, *problem);
      damaged.push_back(key);
    } else {
      report_.record.verified.push_back(key);
    }
  }
}

}  // namespace

VerifyReport verify(Catalog& catalog, const EnvironmentSettings& environment,
                    const VerifyOptions& options, const std::function<Instant()>& clock,
                    Progress& progress, const std::stop_token& stop) {
  VerifyReport report{
      new_record(RunKind::verify, environment, begin_run(catalog, clock()), catalog)};
  const auto conclude = [&](RunResult result, const std::string& error) {
    report.record.result = result;
    report.record.error = error;
    for (const VerifyFinding& finding : report.findings)
      report.record.notes.push_back(finding.key + ": " + finding.problem);
    commit_record(report.record, catalog, clock());
  };
  try {
    Verification verification(catalog, environment, report, progress, stop);
    verification.look_at_records();
    verification.look_at_objects();
    if (!options.quick) verification.read_archives(options.share);
  } catch (const Error& error) {
    const bool stopped = error.code() == Errc::interrupted;
    if (const std::optional<Error> unrecorded = error_of(
            [&] { conclude(stopped ? RunResult::interrupted : RunResult::failed, error.what()); }))
      log::warning("the run could not be recorded: {}", unrecorded->what());
    throw;
  }
  if (!report.findings.empty()) {
    report.failure =
        Error(Errc::corrupt, fmt::format("{} of {}: {}",
                                         report.findings.size() == 1 ? "a finding in the backups"
                                                                     : "findings in the backups",
                                         environment.name, report.findings.front().problem))
            .with_hint(
                "the next backup takes damaged archives anew; older points keep what is said "
                "above");
  }
  conclude(report.failure ? RunResult::failed : RunResult::success,
           report.failure ? report.failure->what() : "");
  return report;
}

}  // namespace dolibarr_backup
