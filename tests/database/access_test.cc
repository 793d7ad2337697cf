#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "database/erp_database.h"
#include "dolibarr/pg_session.h"
#include "dolibarr/table_list.h"
#include "support/temp_dir.h"

// Roles, rights, locks and credentials: what cannot be read fails by name.
namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Access : public testing::Test {
 protected:
  Access() {
    database.sql(
        "create table llx_facture (rowid serial primary key, ref text);"
        "create table llx_societe (rowid serial primary key, nom text);"
        "insert into llx_facture (ref) values ('FA1'), ('FA2');"
        "insert into llx_societe (nom) values ('Acme')");
  }
  Error error_of_opening() {
    return error_of([&] { DatabaseSnapshot::open(database.settings); });
  }
  /// A role of its own that may read everything; dropped with all it was granted.
  struct Role {
    Role(const ErpDatabase& in, std::string role) : database(in), name(std::move(role)) {
      database.sql_as_superuser("create role " + name + " login");
    }
    ~Role() { database.sql_as_superuser("drop owned by " + name + "; drop role " + name); }
    const ErpDatabase& database;
    std::string name;
  };

  ErpDatabase database;
};

TEST_F(Access, tables_and_sequences_without_the_right_to_read_are_named) {
  const Role role(database, "reader");
  database.settings.user = role.name;
  database.sql("grant select on llx_facture, llx_facture_rowid_seq to reader");
  const Error error = error_of_opening();
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("public.llx_societe, public.llx_societe_rowid_seq"),
                                  Not(HasSubstr("llx_facture"))));
  EXPECT_THAT(error.hint(), HasSubstr("GRANT"));
  database.sql("grant select on llx_societe to reader");
  EXPECT_THAT(error_of_opening().what(), AllOf(HasSubstr("public.llx_societe_rowid_seq"),
                                               Not(HasSubstr("public.llx_societe,"))));
  database.sql("grant select on llx_societe_rowid_seq to reader");
  EXPECT_EQ(database.fingerprint().tables.size(), 2u);
  database.sql(
      "create schema closed; create table closed.t (a int); grant select on closed.t to reader");
  EXPECT_THAT(error_of_opening().what(), HasSubstr("closed.t"));
}

TEST_F(Access, a_role_with_column_rights_only_may_not_read_the_table) {
  const Role role(database, "reader");
  database.settings.user = role.name;
  database.sql(
      "grant select on all sequences in schema public to reader;"
      "grant select on llx_societe to reader; grant select (ref) on llx_facture to reader");
  EXPECT_THAT(error_of_opening().what(), HasSubstr("public.llx_facture"));
}

TEST_F(Access, pg_read_all_data_is_enough) {
  const Role role(database, "reader");
  database.sql_as_superuser("grant pg_read_all_data to reader");
  const DatabaseFingerprint as_owner = database.fingerprint();
  database.settings.user = role.name;
  EXPECT_EQ(database.fingerprint().fingerprint, as_owner.fingerprint);
  const ErpDatabase copy;
  dump_and_restore(*DatabaseSnapshot::open(database.settings), copy);
  EXPECT_EQ(copy.fingerprint().tables, as_owner.tables);
}

TEST_F(Access, row_security_that_would_hide_rows_is_refused_by_name) {
  const Role role(database, "reader");
  database.sql(
      "grant select on all tables in schema public to reader;"
      "grant select on all sequences in schema public to reader;"
      "alter table llx_societe enable row level security;"
      "create policy some_rows on llx_societe to reader using (rowid > 100)");
  EXPECT_EQ(database.fingerprint().tables.size(), 2u) << "the owner sees all rows";
  database.settings.user = role.name;
  const Error error = error_of_opening();
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("row security"), HasSubstr("public.llx_societe"),
                                  Not(HasSubstr("llx_facture"))));
  EXPECT_THAT(error.hint(), HasSubstr("BYPASSRLS"));
  database.sql_as_superuser("alter role reader bypassrls");
  EXPECT_EQ(table_in(database.fingerprint(), "public.llx_societe").rows, 1u);
  database.settings.user = PostgresServer::kOwner;
  database.sql("alter table llx_societe force row level security");
  EXPECT_THAT(error_of_opening().what(), HasSubstr("public.llx_societe"));
}

TEST_F(Access, a_table_that_somebody_alters_is_waited_for_and_its_holder_named) {
  PgConnection other = database.session();
  const std::string pid = other.query("select pg_backend_pid()").text(0, 0);
  other.query("begin");
  other.query("alter table llx_societe add more int");
  database.settings.lock_wait = seconds(1);
  const auto started = steady_clock::now();
  const Error error = error_of_opening();
  EXPECT_GE(steady_clock::now() - started, milliseconds(900));
  EXPECT_LT(steady_clock::now() - started, seconds(10));
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), HasSubstr("public.llx_societe (pid " + pid + ")"));
  EXPECT_THAT(error.hint(), HasSubstr("lock_wait"));

  database.settings.lock_wait = seconds(30);
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(300));
    other.query("rollback");
  });
  EXPECT_EQ(database.fingerprint().tables.size(), 2u);
  ends.join();
}

TEST_F(Access, a_table_emptied_between_snapshot_and_lock_is_not_taken_for_empty) {
  for (const char* sql :
       {"truncate llx_societe", "alter table llx_societe alter nom type varchar(9)"}) {
    PgConnection connection = database.session();
    begin_pinned(connection, "", seconds(5));
    connection.query("select 1");
    database.sql(sql);
    const Error error = error_of([&] { list_and_lock_tables(connection, "llx_"); });
    EXPECT_EQ(error.code(), Errc::source) << sql;
    EXPECT_THAT(error.what(), HasSubstr("public.llx_societe")) << sql;
    EXPECT_THAT(error.hint(), HasSubstr("try again")) << sql;
  }
}

TEST_F(Access, a_table_dropped_between_snapshot_and_lock_is_an_error) {
  PgConnection connection = database.session();
  begin_pinned(connection, "", seconds(5));
  connection.query("select 1");
  database.sql("drop table llx_societe");
  const Error error = error_of([&] { list_and_lock_tables(connection, "llx_"); });
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), HasSubstr("llx_societe"));
}

TEST_F(Access, while_a_snapshot_is_open_nobody_empties_or_alters_and_everybody_writes) {
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  for (const char* sql : {"truncate llx_societe", "drop table llx_societe",
                          "vacuum full llx_societe", "alter table llx_societe add x int"})
    EXPECT_THROW(database.sql(std::string("set lock_timeout = 200;") + sql), Error) << sql;
  database.sql(
      "set lock_timeout = 200; insert into llx_societe (nom) values ('new');"
      "update llx_societe set nom = 'x'; delete from llx_societe; "
      "create index on llx_societe (nom)");
}

TEST_F(Access, everything_is_read_only) {
  PgConnection connection = database.session();
  begin_pinned(connection, "", seconds(5));
  const Error error =
      error_of([&] { connection.query("insert into public.llx_societe (nom) values ('x')"); });
  EXPECT_THAT(error.what(), HasSubstr("read-only"));
}

class Credentials : public Access {
 protected:
  Credentials() {
    test_server().add_password_role("rotating", "first one");
    database.sql(
        "grant select on all tables in schema public to rotating;"
        "grant select on all sequences in schema public to rotating");
    database.settings.user = "rotating";
    database.settings.password_file = folder / "password";
  }
  ~Credentials() override {
    database.sql_as_superuser("drop owned by rotating; drop role rotating");
  }
  void put(const std::string& file, const std::string& text) {
    std::ofstream(folder / file) << text;
  }
  TempDir folder;
};

TEST_F(Credentials, come_from_a_file) {
  put("password", "first one\n");
  EXPECT_EQ(database.fingerprint().tables.size(), 2u);
  const ErpDatabase copy;
  dump_and_restore(*DatabaseSnapshot::open(database.settings), copy);
  EXPECT_EQ(copy.fingerprint().tables.size(), 2u) << "pg_dump logs in by the same password";
}

TEST_F(Credentials, are_read_again_when_the_login_is_refused) {
  put("password", "stale");
  std::thread rotates([&] {
    std::this_thread::sleep_for(milliseconds(500));
    put("password", "first one");
  });
  EXPECT_EQ(database.fingerprint().tables.size(), 2u);
  rotates.join();
}

TEST_F(Credentials, of_another_user_are_read_again_too) {
  database.settings.user_file = folder / "user";
  put("user", "expired_lease");
  put("password", "x");
  std::thread rotates([&] {
    std::this_thread::sleep_for(milliseconds(500));
    put("user", "rotating\n");
    put("password", "first one\n");
  });
  EXPECT_EQ(database.fingerprint().tables.size(), 2u);
  rotates.join();
}

TEST_F(Credentials, that_stay_wrong_are_refused_without_being_told) {
  put("password", "wrong-password-in-file");
  const Error error = error_of_opening();
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("rotating"), Not(HasSubstr("wrong-password-in-file"))));
  EXPECT_THAT(error.hint(), HasSubstr("password"));
  std::filesystem::remove(folder / "password");
  EXPECT_THAT(error_of_opening().what(), HasSubstr("credential file"));
}

TEST_F(Credentials, in_the_settings_are_tried_once) {
  database.settings.password_file.clear();
  database.settings.password = Secret("wrong-password-in-settings");
  const auto started = steady_clock::now();
  const Error error = error_of_opening();
  EXPECT_LT(steady_clock::now() - started, seconds(2)) << "nothing could have changed";
  EXPECT_THAT(error.what(), Not(HasSubstr("wrong-password-in-settings")));
}

TEST_F(Access, a_missing_database_and_a_missing_server_have_hints) {
  database.settings.name = "nowhere";
  EXPECT_THAT(error_of_opening().hint(), HasSubstr("name"));
  database.settings.host = "/nonexistent";
  const Error error = error_of_opening();
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.hint(), HasSubstr("host"));
}

}  // namespace
}  // namespace dolibarr_backup
