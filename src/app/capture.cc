#include "app/capture.h"

#include <future>

#include "app/half_error.h"

namespace dolibarr_backup {
namespace {

void write_common_facts(PendingArchive& pending, Half half, const CaptureContext& context) {
  pending.fact("half", std::string(name_of(half)));
  pending.fact("environment", context.environment.name);
  pending.fact("run", context.run.text());
  pending.fact("tool", "dolibarr-backup " DOLIBARR_BACKUP_VERSION);
}

void write_database_facts(PendingArchive& pending, const Look& look,
                          const CaptureContext& context) {
  const DatabaseFacts& facts = look.snapshot->facts();
  const SnapshotMark& mark = look.snapshot->mark();
  pending.fact("database", facts.name);
  pending.fact("owner", facts.owner);
  pending.fact("encoding", facts.encoding);
  pending.fact("collation", facts.collation);
  pending.fact("ctype", facts.ctype);
  pending.fact("server", facts.server_version_text);
  pending.fact("pg_dump", look.snapshot->pg_dump_version());
  pending.fact("dolibarr", facts.dolibarr_version);
  pending.fact("php-time-zone", context.environment.php_time_zone);
  pending.fact("system-identifier", mark.system_identifier);
  pending.fact("timeline", mark.timeline);
  pending.fact("snapshot", mark.snapshot);
  pending.fact("identity", facts.identity.instance);
  pending.fact("fingerprint", look.db->fingerprint.text());
  pending.fact("schema-digest", look.db->schema_digest);
}

// pg_dump -> sha256 -> upload; then the facts that prove a restore.
void capture_database(PendingArchive& pending, const Look& look, const CaptureContext& context,
                      Progress& progress, const std::stop_token& stop) {
  if (look.db->tables.empty())
    throw Error(Errc::bug, "the database would be stored without having been read");
  write_common_facts(pending, Half::db, context);
  write_database_facts(pending, look, context);
  const std::unique_ptr<Source> dump = look.snapshot->dump(stop);
  CountingSource counted(*dump, progress.db_read_bytes);
  pump(counted, pending.archive(), stop);
  for (const ManifestTable& table : look.db->tables) pending.line(table);
  pending.seal();
}

// walk -> tar -> gzip members -> sha256 -> upload; a manifest line per file on the way.
DocumentsCapture capture_tree(PendingArchive& pending, const Look& look,
                              const CaptureContext& context, Progress& progress,
                              const std::stop_token& stop) {
  write_common_facts(pending, Half::docs, context);
  pending.fact("root", look.documents.root);
  pending.fact("fingerprint", look.docs->fingerprint.text());
  DocumentsCapture captured =
      capture_documents(look.documents, pending.archive(), pending.manifest(), progress, stop);
  pending.fact("files", std::to_string(captured.survey.files));
  pending.fact("bytes", std::to_string(captured.survey.bytes));
  pending.seal();
  return captured;
}

}  // namespace

Capture capture_halves(const Look& look, const std::set<Half>& wanted,
                       const CaptureContext& context, Progress& progress,
                       const std::stop_token& stop) {
  Capture capture;
  const auto begin = [&](Half half) -> PendingArchive& {
    auto pending = std::make_unique<PendingArchive>(context.store, context.keys, context.run, half,
                                                    context.expected_bytes.at(half));
    return *capture.pending.insert_or_assign(half, std::move(pending)).first->second;
  };
  std::map<Half, std::optional<Error>> errors;
  PendingArchive* db = nullptr;
  PendingArchive* docs = nullptr;
  if (wanted.contains(Half::db)) errors[Half::db] = error_of([&] { db = &begin(Half::db); });
  if (wanted.contains(Half::docs))
    errors[Half::docs] = error_of([&] { docs = &begin(Half::docs); });

  std::future<std::optional<Error>> documents;
  if (docs) {
    documents = std::async(std::launch::async, [&] {
      return error_of([&] { capture.docs = capture_tree(*docs, look, context, progress, stop); });
    });
  }
  if (db)
    errors[Half::db] = error_of([&] { capture_database(*db, look, context, progress, stop); });
  if (documents.valid()) errors[Half::docs] = documents.get();

  for (const auto& [half, error] : errors) {
    if (!error) continue;
    capture.pending.erase(half);  // aborts its uploads
    capture.failures.emplace(half, *error);
  }
  return capture;
}

}  // namespace dolibarr_backup
