#include "dolibarr/database.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <thread>

#include "base/log.h"
#include "base/stop.h"
#include "dolibarr/database_facts.h"
#include "dolibarr/database_fingerprint.h"
#include "dolibarr/pg_connection.h"
#include "dolibarr/pg_dump_finder.h"
#include "dolibarr/pg_login.h"
#include "dolibarr/pg_session.h"
#include "dolibarr/table_list.h"
#include "stream/process.h"

namespace dolibarr_backup {
namespace {

// Level 6, zlib's default, takes three times as long for 5 % less.
constexpr const char* kDumpCompression = "--compress=2";

class OpenSnapshot : public DatabaseSnapshot {
 public:
  OpenSnapshot(const DatabaseSettings& settings, const std::stop_token& stop)
      : settings_(settings), connection_(log_in(settings, stop)) {
    throw_if_stopped(stop);
    with_context("while looking at database " + connection_.describe(), [&] { look(stop); });
    choose_pg_dump();
  }

  const DatabaseFacts& facts() const override { return facts_; }
  const SnapshotMark& mark() const override { return mark_; }
  const std::string& pg_dump_version() const override { return pg_dump_.version; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  DatabaseFingerprint fingerprint(Progress& progress, const std::stop_token& stop) override {
    const PgParameters parameters = connection_.resolved();
    const auto open_session = [&] {
      PgConnection session(parameters, stop);
      begin_pinned(session, snapshot_, settings_.lock_wait);
      return session;
    };
    return with_context("while fingerprinting database " + connection_.describe(), [&] {
      return fingerprint_database(connection_, open_session, tables_, settings_, progress, stop);
    });
  }

  ContentFolders content_folders() override {
    return read_content_folders(connection_, settings_.table_prefix);
  }
  void visit_indexed_files(const IndexedFileVisitor& visit) override {
    read_indexed_files(connection_, settings_.table_prefix, visit);
  }

  std::unique_ptr<Source> dump(const std::stop_token& stop) override {
    PgParameters parameters = connection_.resolved();
    // pg_dump writes in the database's own encoding unless it is told otherwise.
    parameters.options.erase("client_encoding");
    ProcessSpec spec;
    spec.argv = {pg_dump_.path,
                 "--format=custom",
                 kDumpCompression,
                 "--snapshot=" + snapshot_,
                 "--lock-wait-timeout=" +
                     std::to_string(std::chrono::milliseconds(settings_.lock_wait).count()),
                 "--no-password",
                 "--dbname=" + connection_string(parameters)};
    spec.hidden_variables = "PG";
    if (!parameters.password.empty()) spec.environment["PGPASSWORD"] = parameters.password.reveal();
    log::debug("db: {}", fmt::join(spec.argv, " "));
    return std::make_unique<ProcessSource>(spec, stop);
  }

 private:
  void look(const std::stop_token& stop) {
    begin_pinned(connection_, "", settings_.lock_wait);
    snapshot_ = connection_.query("SELECT pg_export_snapshot()").text(0, 0);
    tables_ = list_and_lock_tables(connection_, settings_.table_prefix, stop);
    if (tables_.tables.empty())
      throw Error(Errc::source, "the database " + connection_.describe() + " has no tables")
          .with_hint("an empty database is never taken for a backup: check host and name");
    facts_ = read_database_facts(connection_, settings_.table_prefix, warnings_);
    mark_ = read_snapshot_mark(connection_, facts_.system_identifier);
    log::debug("db: snapshot {} ({}) of {}, {} tables", snapshot_, mark_.snapshot,
               connection_.describe(), tables_.tables.size());
  }

  void choose_pg_dump() {
    const char* path = std::getenv("PATH");
    PgDumpChoice choice = find_pg_dump({.program = settings_.pg_dump, .path = path ? path : ""},
                                       facts_.server_version / 10000);
    pg_dump_ = std::move(choice.program);
    if (!choice.warning.empty()) warnings_.push_back(std::move(choice.warning));
  }

  DatabaseSettings settings_;
  PgConnection connection_;
  std::string snapshot_;
  TableList tables_;
  DatabaseFacts facts_;
  SnapshotMark mark_;
  PgDumpProgram pg_dump_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<DatabaseSnapshot> DatabaseSnapshot::open(const DatabaseSettings& settings,
                                                         const std::stop_token& stop) {
  return std::make_unique<OpenSnapshot>(settings, stop);
}

}  // namespace dolibarr_backup
