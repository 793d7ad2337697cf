#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/units.h"
#include "database/erp_database.h"
#include "stream/process.h"
#include "support/child_process.h"
#include "support/temp_dir.h"

// The dump: of the fingerprint's own snapshot, and whole or an error.
namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Dump : public testing::Test {
 protected:
  Dump() {
    database.sql(
        "create table llx_facture (rowid serial primary key, ref text, total numeric);"
        "insert into llx_facture (ref, total) select 'FA' || n, n from generate_series(1, 500) n");
  }
  /// Poses as pg_dump of this server's major; `body` is what it does when asked to dump.
  void use_script(const std::string& body) {
    const std::string path = folder / "pg_dump";
    std::ofstream(path) << "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) "
                        << major() << ".0' && exit 0\n"
                        << body << "\n";
    std::filesystem::permissions(path, std::filesystem::perms(0755));
    database.settings.pg_dump = path;
  }
  int major() { return std::stoi(database.sql("show server_version_num")) / 10000; }
  void add_bulk() {
    database.sql(
        "create table bulk as select n, md5(n::text) || md5((n + 1)::text) as noise "
        "from generate_series(1, 60000) n");
  }
  ErpDatabase database;
  TempDir folder;
};

TEST_F(Dump, and_fingerprint_are_of_one_snapshot_while_others_commit) {
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  const DatabaseFingerprint before = fingerprint_of(*snapshot);
  database.sql(
      "update llx_facture set total = total + 1; "
      // Without drawing a number: sequences are outside all snapshots.
      "insert into llx_facture (rowid, ref) values (9000, 'late');"
      "create table late (a int); insert into late values (1);"
      "create function late_too() returns int language sql as $$ select 1 $$;"
      "delete from llx_facture where rowid < 10");
  // Sequences obey no snapshot, tables do.
  EXPECT_EQ(fingerprint_of(*snapshot).tables, before.tables);
  ErpDatabase copy;
  std::jthread writer([&](const std::stop_token& stop) {
    PgConnection session = database.session();
    while (!stop.stop_requested()) session.query("update llx_facture set total = total + 1");
  });
  dump_and_restore(*snapshot, copy);
  writer.request_stop();
  writer.join();
  const DatabaseFingerprint restored = copy.fingerprint();
  EXPECT_EQ(restored.tables, before.tables);

  const std::unique_ptr<DatabaseSnapshot> next = DatabaseSnapshot::open(database.settings);
  EXPECT_NE(fingerprint_of(*next).fingerprint, before.fingerprint);
  EXPECT_NE(next->mark(), snapshot->mark());
}

TEST_F(Dump, a_number_drawn_after_the_snapshot_is_never_below_what_rows_use) {
  // A sequence is outside all transactions: the dump may be ahead of its snapshot.
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  database.sql("insert into llx_facture (ref) select 'x' from generate_series(1, 50)");
  const ErpDatabase copy;
  dump_and_restore(*snapshot, copy);
  EXPECT_EQ(copy.sql("select count(*) from llx_facture"), "500\n");
  EXPECT_GE(std::stoi(copy.sql("select nextval('llx_facture_rowid_seq')")), 501);
}

TEST_F(Dump, marks_are_equal_when_nothing_was_committed) {
  const auto mark = [&] { return DatabaseSnapshot::open(database.settings)->mark(); };
  const SnapshotMark before = mark();
  EXPECT_EQ(mark(), before);
  EXPECT_EQ(before.timeline, "00000001");
  EXPECT_TRUE(before.usable());
  database.sql("select count(*) from llx_facture");
  EXPECT_EQ(mark(), before);
  database.sql("update llx_facture set ref = ref where rowid = 1");
  EXPECT_NE(mark(), before);
}

TEST_F(Dump, marks_differ_after_a_crash_without_a_new_start) {
  const SnapshotMark before = DatabaseSnapshot::open(database.settings)->mark();
  // SIGKILL to one session makes the server end all others and recover.
  PgConnection victim = database.session();
  ASSERT_EQ(
      ::kill(static_cast<pid_t>(victim.query("select pg_backend_pid()").integer(0, 0)), SIGKILL),
      0);
  SnapshotMark after;
  for (int attempt = 0; after.snapshot.empty(); ++attempt) {
    try {
      after = DatabaseSnapshot::open(database.settings)->mark();
    } catch (const Error& error) {
      ASSERT_LT(attempt, 200) << error.what();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  EXPECT_EQ(after.server_started, before.server_started);
  EXPECT_NE(after.statistics_reset, before.statistics_reset);
  EXPECT_TRUE(after.usable());
}

TEST_F(Dump, that_fails_after_its_output_is_an_error) {
  use_script("head -c 100000 /dev/zero; echo 'pg_dump: error: the disk is on fire' >&2; exit 1");
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  const std::unique_ptr<Source> dump = snapshot->dump({});
  const Error error = error_of([&] { read_all(*dump, kGiB); });
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("status 1"), HasSubstr("the disk is on fire")));
}

TEST_F(Dump, that_ends_well_is_whole) {
  use_script("head -c 100000 /dev/zero; exit 0");
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  EXPECT_EQ(read_all(*snapshot->dump({}), kGiB).size(), 100'000u);
  EXPECT_EQ(snapshot->pg_dump_version(), fmt::format("pg_dump (PostgreSQL) {}.0", major()));
  EXPECT_TRUE(snapshot->warnings().size() <= 1);
}

TEST_F(Dump, that_is_killed_midway_is_an_error) {
  add_bulk();
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  const std::unique_ptr<Source> dump = snapshot->dump({});
  std::vector<std::byte> buffer(1000);
  ASSERT_GT(dump->read(buffer), 0u);
  ::kill(dynamic_cast<ProcessSource&>(*dump).pid(), SIGKILL);
  EXPECT_THAT(error_of([&] { read_all(*dump, kGiB); }).what(), HasSubstr("killed by signal 9"));
}

TEST_F(Dump, whose_session_is_ended_by_an_administrator_is_an_error) {
  add_bulk();
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  const std::unique_ptr<Source> dump = snapshot->dump({});
  std::vector<std::byte> buffer(1000);
  ASSERT_GT(dump->read(buffer), 0u);
  ASSERT_EQ(database.sql_as_superuser(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                "where application_name = 'pg_dump' and datname = current_database()"),
            "1\n");
  const Error error = error_of([&] { read_all(*dump, kGiB); });
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), testing::AnyOf(HasSubstr("terminating connection"),
                                           HasSubstr("server closed the connection")));
}

TEST_F(Dump, that_is_stopped_leaves_no_process_and_no_session) {
  add_bulk();
  std::stop_source stop;
  {
    const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
    std::unique_ptr<Source> dump = snapshot->dump(stop.get_token());
    std::vector<std::byte> buffer(1000);
    ASSERT_GT(dump->read(buffer), 0u);
    const pid_t pid = dynamic_cast<ProcessSource&>(*dump).pid();
    stop.request_stop();
    EXPECT_EQ(error_of([&] { read_all(*dump, kGiB); }).code(), Errc::interrupted);
    dump.reset();
    EXPECT_NE(::kill(pid, 0), 0);
  }
  EXPECT_EQ(database.sessions_left(), 0);
}

/// Sets variables of this process while it lives.
class Variables {
 public:
  explicit Variables(std::map<std::string, std::string> values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : values_) ::unsetenv(name.c_str());
  }

 private:
  std::map<std::string, std::string> values_;
};

TEST_F(Dump, is_of_the_settings_database_whatever_variables_say) {
  ErpDatabase other;
  other.sql("create table wrong (a int)");
  const Variables variables({{"PGDATABASE", other.name()},
                             {"PGUSER", "postgres"},
                             {"PGPORT", "1"},
                             {"PGAPPNAME", "x"},
                             {"PGTZ", "Asia/Tokyo"},
                             {"PGDATESTYLE", "German"},
                             {"PGCLIENTENCODING", "LATIN1"},
                             {"PGOPTIONS", "-c extra_float_digits=0 -c row_security=on"}});
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  EXPECT_EQ(snapshot->facts().name, database.name());
  const DatabaseFingerprint fingerprint = fingerprint_of(*snapshot);
  ErpDatabase copy;
  dump_and_restore(*snapshot, copy);
  ::unsetenv("PGOPTIONS");
  EXPECT_EQ(copy.fingerprint().tables, fingerprint.tables);
  EXPECT_EQ(copy.sql("select count(*) from llx_facture"), "500\n");
}

TEST_F(Dump, gets_no_variable_of_ours_and_no_secret_on_its_command_line) {
  test_server().add_password_role("dumper", "hidden-in-the-environment");
  database.sql(
      "grant select on all tables in schema public to dumper;"
      "grant select on all sequences in schema public to dumper");
  database.settings.user = "dumper";
  database.settings.password = Secret("hidden-in-the-environment");
  use_script("for word in \"$@\"; do echo \"ARG $word\"; done; env | grep '^PG' | sort");
  std::string said;
  {
    const Variables variables({{"PGDATABASE", "leak"},
                               {"PGOPTIONS", ""},
                               {"PGSSLROOTCERT", "leak"},
                               {"PGPASSFILE", "/dev/null"}});
    const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
    said = read_all(*snapshot->dump({}), kMiB);
  }
  database.sql_as_superuser("drop owned by dumper; drop role dumper");
  EXPECT_THAT(said, HasSubstr("\nPGPASSWORD=hidden-in-the-environment\n"));
  EXPECT_EQ(said.find("hidden"), said.rfind("hidden"));
  EXPECT_THAT(said, Not(HasSubstr("PGDATABASE")));
  EXPECT_THAT(said, Not(HasSubstr("PGOPTIONS")));
  EXPECT_THAT(said, Not(HasSubstr("PGPASSFILE")));
  EXPECT_THAT(said,
              AllOf(HasSubstr("ARG --format=custom"), HasSubstr("ARG --snapshot="),
                    HasSubstr("ARG --lock-wait-timeout=60000"), HasSubstr("ARG --no-password"),
                    HasSubstr("dbname='" + database.name() + "'")));
}

TEST_F(Dump, a_wrong_program_is_refused_before_anything_is_read) {
  std::ofstream(folder / "other") << "#!/bin/sh\necho hello\n";
  std::filesystem::permissions(folder / "other", std::filesystem::perms(0755));
  database.settings.pg_dump = folder / "other";
  EXPECT_THAT(error_of([&] { DatabaseSnapshot::open(database.settings); }).what(),
              HasSubstr("is no pg_dump"));
  database.settings.pg_dump = "/nowhere/pg_dump";
  EXPECT_EQ(error_of([&] { DatabaseSnapshot::open(database.settings); }).code(), Errc::source);
}

}  // namespace
}  // namespace dolibarr_backup
