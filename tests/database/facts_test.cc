#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "database/erp_database.h"
#include "stream/digest.h"

// What the database says of itself, of Dolibarr and of its documents.
namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kConstants = R"(
create table llx_const (rowid serial, name text, entity int, value text);
insert into llx_const (name, entity, value) values
  ('MAIN_SECURITY_SALT', 1, 'of another entity'), ('MAIN_SECURITY_SALT', 0, '20261123221313'),
  ('MAIN_VERSION_LAST_INSTALL', 0, '20.0.2'), ('MAIN_VERSION_LAST_UPGRADE', 0, '22.0.4');
)";

class Facts : public testing::Test {
 protected:
  std::unique_ptr<DatabaseSnapshot> open() { return DatabaseSnapshot::open(database.settings); }
  Identity identity() { return open()->facts().identity; }
  static std::string hash(const std::string& text) { return sha256_hex(text).substr(0, 32); }
  ErpDatabase database;
};

TEST_F(Facts, are_those_of_server_database_and_dolibarr) {
  database.sql(kConstants);
  const auto snapshot = open();
  const DatabaseFacts& facts = snapshot->facts();
  EXPECT_EQ(facts.name, database.name());
  EXPECT_EQ(facts.owner, "dolibarr");
  EXPECT_EQ(facts.encoding, "UTF8");
  EXPECT_EQ(facts.collation, "C.UTF-8");
  EXPECT_EQ(std::to_string(facts.server_version) + "\n", database.sql("show server_version_num"));
  EXPECT_THAT(database.sql("show server_version"), HasSubstr(facts.server_version_text));
  EXPECT_EQ(facts.system_identifier + "\n",
            database.sql_as_superuser("select system_identifier from pg_control_system()"));
  EXPECT_GT(facts.size_bytes, 1u << 20);
  EXPECT_EQ(facts.dolibarr_version, "22.0.4");
  EXPECT_THAT(snapshot->pg_dump_version(), HasSubstr("pg_dump (PostgreSQL)"));
  database.sql("delete from llx_const where name = 'MAIN_VERSION_LAST_UPGRADE'");
  EXPECT_EQ(open()->facts().dolibarr_version, "20.0.2");
}

TEST_F(Facts, the_identity_is_of_salt_and_legal_log) {
  database.sql(kConstants);
  EXPECT_EQ(identity(), (Identity{database.name(), hash("20261123221313") + ".-"}));
  database.sql("create table llx_blockedlog (rowid serial, signature text)");
  EXPECT_EQ(identity().instance, hash("20261123221313") + ".-") << "an empty log has none";
  database.sql("insert into llx_blockedlog values (7, 'seventh'), (3, 'third'), (9, 'ninth')");
  EXPECT_EQ(identity().instance, hash("20261123221313") + "." + hash("third"));
  database.sql("insert into llx_blockedlog values (10, 'tenth')");
  EXPECT_EQ(identity().instance, hash("20261123221313") + "." + hash("third"));
  database.sql("delete from llx_const");
  EXPECT_EQ(identity().instance, "-." + hash("third"));
}

TEST_F(Facts, of_a_database_that_is_not_dolibarrs_come_with_a_warning) {
  database.sql("create table something (a int)");
  const auto snapshot = open();
  EXPECT_THAT(snapshot->warnings(), ElementsAre(HasSubstr("llx_const")));
  EXPECT_EQ(snapshot->facts().identity.instance, "-.-");
  EXPECT_TRUE(snapshot->content_folders().empty());
  snapshot->visit_indexed_files([](std::string_view) { FAIL() << "a file"; });
}

TEST_F(Facts, folders_named_temp_are_content_where_the_database_knows_them) {
  database.sql(R"(
create table llx_ecm_directories (label text, fk_parent int, entity int);
create table llx_product (ref text, entity int);
create table llx_projet (ref text, entity int);
create table llx_ecm_files (filepath text, filename text);
insert into llx_ecm_directories values ('temp', 5, 1), ('other', 0, 1);
insert into llx_product values ('Temp', 1), ('temporary', 1);
insert into llx_ecm_files values ('facture/FA1', 'a.pdf'), ('facture/FA1/temp', 'b.pdf'), ('temp', 'c'),
  ('facture/temporary', 'd');
)");
  EXPECT_TRUE(open()->content_folders().empty());
  database.sql(R"(
insert into llx_ecm_directories values ('temp', null, 1), ('temp', 0, 3);
insert into llx_product values ('temp', 1), ('temp', 2);
insert into llx_projet values ('temp', 1);
insert into llx_ecm_files values ('medias/temp/sub/folder', 'e'), ('4/societe/temp', 'f'), ('medias/temp', 'g');
)");
  EXPECT_THAT(open()->content_folders(),
              ElementsAre("2/produit/temp", "3/ecm/temp", "4/societe/temp", "ecm/temp",
                          "medias/temp", "produit/temp", "projet/temp"));
}

TEST_F(Facts, all_indexed_files_are_visited_however_many) {
  database.sql(
      "create table llx_ecm_files (filepath text, filename text);"
      "insert into llx_ecm_files select 'facture/FA' || n, n || '.pdf' from generate_series(1, "
      "25000) n;"
      "insert into llx_ecm_files values ('', 'x'), ('x', ''), (null, 'x'), ('é', 'ü ß.pdf')");
  const auto snapshot = open();
  for (int round = 0; round < 2; ++round) {
    std::set<std::string> seen;
    uint64_t visits = 0;
    snapshot->visit_indexed_files([&](std::string_view path) {
      ++visits;
      seen.emplace(path);
    });
    EXPECT_EQ(visits, 25'001u);
    EXPECT_EQ(seen.size(), 25'001u);
    EXPECT_TRUE(seen.contains("facture/FA10001/10001.pdf"));
    EXPECT_TRUE(seen.contains("é/ü ß.pdf"));
  }
  EXPECT_EQ(fingerprint_of(*snapshot).tables.size(), 1u) << "the session goes on";
}

TEST_F(Facts, another_prefix_finds_its_own_tables) {
  database.sql(
      "create table erp_const (name text, entity int, value text);"
      "insert into erp_const values ('MAIN_SECURITY_SALT', 0, 'salt')");
  database.settings.table_prefix = "erp_";
  EXPECT_EQ(identity().instance, hash("salt") + ".-");
  EXPECT_TRUE(open()->warnings().empty());
}

TEST_F(Facts, a_stop_cancels_a_long_query_and_leaves_no_session) {
  database.sql(
      "create unlogged table large as select n, md5(n::text) a, md5(n::text) b "
      "from generate_series(1, 1500000) n");
  for (const unsigned connections : {1u, 3u}) {
    database.settings.connections = connections;
    std::stop_source stop;
    auto snapshot = open();
    std::thread stops([&] {
      std::this_thread::sleep_for(milliseconds(150));
      stop.request_stop();
    });
    const Error error = error_of([&] {
      Progress progress;
      snapshot->fingerprint(progress, stop.get_token());
    });
    EXPECT_EQ(error.code(), Errc::interrupted);
    stops.join();
    const auto stopped = steady_clock::now();
    EXPECT_EQ(
        database.sql_as_superuser(
            "select pg_sleep(0.2); select count(*) from pg_stat_activity where state = 'active' "
            "and datname = current_database() and pid <> pg_backend_pid()"),
        "\n0\n")
        << "a query goes on at the server";
    snapshot.reset();
    EXPECT_EQ(database.sessions_left(), 0);
    EXPECT_LT(steady_clock::now() - stopped, seconds(5));
  }
}

TEST_F(Facts, the_server_going_away_is_an_error_with_a_hint) {
  database.sql("create table t (a int)");
  const auto snapshot = open();
  database.sql_as_superuser(
      "select pg_terminate_backend(pid) from pg_stat_activity "
      "where datname = current_database() and pid <> pg_backend_pid()");
  const Error error = error_of([&] { fingerprint_of(*snapshot); });
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_FALSE(error.hint().empty());
}

}  // namespace
}  // namespace dolibarr_backup
