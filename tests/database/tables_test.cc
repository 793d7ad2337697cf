#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "database/erp_database.h"
#include "dolibarr/pg_session.h"
#include "dolibarr/table_digest.h"
#include "dolibarr/table_list.h"

// Tables of every kind that PostgreSQL knows.
namespace dolibarr_backup {
namespace {

class Tables : public testing::Test {
 protected:
  ErpDatabase database;
};

TEST_F(Tables, may_have_any_name_and_any_columns) {
  const std::string tables[] = {R"("Weird ""name"" 'x'")",
                                R"("select")",
                                R"("UPPER")",
                                R"("été")",
                                R"("with.dot")",
                                R"("a b")",
                                R"("back\slash")",
                                R"("pg_class")",
                                R"("$1")",
                                R"("dolibarr_backup_row")",
                                R"("hashed")",
                                R"("new
line")"};
  const std::string columns =
      R"(("dolibarr_backup_row" int, "a" int, "b" int, "durable" text, "tms" text, "select" text,
      "Mixed Case" text, "q""uote" text, "é" text, "{}" text, "$1" text, "oid" int, "count" int))";
  for (const std::string& table : tables)
    database.sql("create table public." + table + " " + columns + "; insert into public." + table +
                 " values (1)");
  const DatabaseFingerprint first = database.fingerprint();
  EXPECT_EQ(first.tables.size(), std::size(tables));
  EXPECT_EQ(table_in(first, "public.Weird \"name\" 'x'").rows, 1u);
  std::vector<std::string> changes;
  for (const std::string& table : tables) {
    for (const char* column : {"\"dolibarr_backup_row\"", "a", "\"{}\"", "\"q\"\"uote\"", "tms"})
      changes.push_back(fmt::format("update public.{} set {} = 2", table, column));
  }
  expect_seen(database, changes);
  database.sql(R"(create schema "Sch ""1"; create table "Sch ""1"."T 1" (a serial))");
  expect_seen(database, R"(insert into "Sch ""1"."T 1" default values)");
}

TEST_F(Tables, may_lack_columns_and_still_have_rows) {
  database.sql("create table nothing ()");
  expect_seen(database, "insert into nothing default values");
  expect_seen(database, "insert into nothing default values");
  EXPECT_EQ(table_in(database.fingerprint(), "public.nothing").rows, 2u);
}

TEST_F(Tables, may_have_a_thousand_columns) {
  std::string columns = "c0 int";
  for (int i = 1; i < 1000; ++i) columns += fmt::format(", c{} {}", i, i % 2 ? "text" : "int");
  database.sql("create table wide (" + columns + "); insert into wide (c0, c999) values (1, 'x')");
  expect_seen(database, "update wide set c500 = 1");
  expect_seen(database, "update wide set c999 = 'y'");
  expect_seen(database, "alter table wide drop c700");
  expect_seen(database, "update wide set c998 = 7");
}

TEST_F(Tables, may_be_partitioned_or_inherit) {
  database.sql(R"(
create table ledger (id int, year int, label text) partition by list (year);
create table ledger_2025 partition of ledger for values in (2025);
create table ledger_rest partition of ledger default partition by range (id);
create table ledger_rest_1 partition of ledger_rest for values from (minvalue) to (100);
create table parent (a int);
create table child (b int) inherits (parent);
insert into ledger select n, 2024 + n % 3, 'x' from generate_series(1, 30) n;
insert into parent values (1); insert into child values (2, 3);
)");
  const DatabaseFingerprint first = database.fingerprint();
  EXPECT_EQ(table_in(first, "public.ledger_2025").rows, 10u);
  EXPECT_EQ(table_in(first, "public.ledger_rest_1").rows, 20u);
  EXPECT_EQ(table_in(first, "public.parent").rows, 1u) << "rows of the child count once";
  expect_seen(database,
              {"update ledger set label = 'y' where id = 3",
               "update ledger set year = 2025 where id = 3", "update child set b = 4",
               "update parent set a = 9", "alter table ledger detach partition ledger_2025",
               "create table ledger_2030 partition of ledger for values in (2030)"});
}

TEST_F(Tables, may_hold_values_of_any_type) {
  database.sql(R"(
create type pair as (a int, b text);
create table types (id int primary key, json json, jsonb jsonb, ints int[], texts text[][],
  span int4range, spans datemultirange, uuid uuid, inet inet, xml xml, words tsvector, bits bit varying,
  point point, code char(5), big numeric, pair pair, whole pair[], at timetz, oid oid, class regclass,
  twice int generated always as (id * 2) stored);
insert into types values (1, '{"a": 1}', '{"b": 1}', '{1,2,null}', '{{a,b},{"c,d",null}}', '[1,5)',
  '{[2026-01-01,2026-02-01)}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.1/8', '<a>1</a>',
  'fat & cat'::text::tsvector, B'101', '(1,2)', 'ab', 1e30, (1, 'x,"y'), array[(1, 'x')::pair],
  '12:00+02', 77, 'types');
)");
  const Fingerprint first = database.fingerprint().fingerprint;
  EXPECT_EQ(database.fingerprint().fingerprint, first);
  std::vector<std::string> changes;
  for (const char* change : {"json = '{\"a\":1}'",
                             "jsonb = '{\"b\": 1.0}'",
                             "ints = '{1,2,0}'",
                             "ints = '{}'",
                             "texts = '{{a,b},{c,d}}'",
                             "span = '[1,5]'",
                             "spans = '{}'",
                             "uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'",
                             "inet = '10.0.0.1/9'",
                             "xml = '<a>2</a>'",
                             "words = 'fat:1'",
                             "bits = B'1010'",
                             "point = '(1,2.0000000000000004)'",
                             "code = 'abc'",
                             "big = 1000000000000000000000000000001",
                             "pair = (1, null)",
                             "pair = null",
                             "pair = (null, null)",
                             "whole = '{}'",
                             "at = '12:00+01'",
                             "oid = 78",
                             "class = 'pg_catalog.pg_class'",
                             "id = 2"})
    changes.push_back(fmt::format("update types set {}", change));
  expect_seen(database, changes);
}

TEST_F(Tables, may_be_in_many_schemas) {
  std::string sql;
  for (int i = 0; i < 120; ++i)
    sql += fmt::format(
        "create schema s{0}; create table s{0}.t (a int); insert into s{0}.t values (1);", i);
  database.sql(sql);
  EXPECT_EQ(database.fingerprint().tables.size(), 120u);
  expect_seen(database, "update s77.t set a = 2");
  expect_seen(database, "create sequence s5.numbers; ");
  expect_seen(database, "select nextval('s5.numbers')");
}

TEST_F(Tables, may_hold_bytes_of_no_encoding) {
  const char* const options = "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'";
  const ErpDatabase latin(options);
  latin.sql(
      "create table llx_ecm_files (filepath text, filename text);"
      "create table \"caf\xe9\" (a text); insert into \"caf\xe9\" values ('t\xe9')");
  expect_seen(latin, {"update \"caf\xe9\" set a = 't\xe8'",
                      "insert into llx_ecm_files values ('soci\xe9t\xe9', 'd\xe9"
                      "but.pdf')"});
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(latin.settings);
  std::vector<std::string> files;
  snapshot->visit_indexed_files([&](std::string_view path) { files.emplace_back(path); });
  EXPECT_THAT(files, testing::ElementsAre("soci\xe9t\xe9/d\xe9"
                                          "but.pdf"));
  const DatabaseFingerprint original = fingerprint_of(*snapshot);
  EXPECT_EQ(table_in(original, "public.caf\xe9").rows, 1u);
  const ErpDatabase copy(options);
  dump_and_restore(*snapshot, copy);
  EXPECT_EQ(copy.fingerprint().fingerprint, original.fingerprint);
}

TEST_F(Tables, of_an_extension_count_as_far_as_pg_dump_takes_them) {
  database.sql("create table own (a int)");
  // Without files on the server's disk there is one way to have such a table: to make
  // it a member, as CREATE EXTENSION does, and to say which of its rows are the user's.
  database.sql_as_superuser(R"(
create table public.config (name text, builtin boolean);
create table public.internal (name text);
insert into public.config values ('shipped', true), ('mine', false);
alter extension plpgsql add table public.config;
alter extension plpgsql add table public.internal;
grant select on public.config, public.internal to dolibarr;
update pg_extension set extconfig = array['public.config'::regclass::oid],
  extcondition = array['WHERE not builtin'] where extname = 'plpgsql';
)");
  EXPECT_EQ(table_in(database.fingerprint(), "public.config").rows, 1u);
  EXPECT_EQ(database.fingerprint().tables.size(), 2u);
  const auto value = [&] { return database.fingerprint().fingerprint.value; };
  std::string before = value();
  database.sql_as_superuser("update config set name = 'other' where builtin");
  database.sql_as_superuser("insert into internal values ('x')");
  EXPECT_EQ(value(), before);
  database.sql_as_superuser("update config set name = 'other' where not builtin");
  EXPECT_NE(value(), before);
}

TEST_F(Tables, add_up_from_page_ranges) {
  database.sql(
      "create table llx_facture (rowid int, note text);"
      "insert into llx_facture select n, repeat(md5(n::text), 8) from generate_series(1, 9000) n;"
      "delete from llx_facture where rowid % 5 = 0;"
      "create table llx_user (login text, pass text, datelastlogin timestamp);"
      "insert into llx_user select n, md5(n::text), now() from generate_series(1, 9000) n");
  PgConnection connection = database.session();
  begin_pinned(connection, "", std::chrono::seconds(5));
  const TableList list = list_and_lock_tables(connection, "llx_");
  ASSERT_EQ(list.tables.size(), 2u);
  for (const PgTable& table : list.tables) {
    ASSERT_GT(table.pages, 60u);
    const auto sums = [&](const PageRange& range) {
      return read_table_sums(table, connection.query(table_sums_query(table, range)));
    };
    const TableSums whole = sums({});
    EXPECT_EQ(whole.all.rows, table.name == "llx_user" ? 9000u : 7200u);
    EXPECT_EQ(whole.durable.digest() == whole.all.digest(), table.name != "llx_user");
    for (const uint64_t step : {1u, 7u, 50u, 1000u}) {
      TableSums parts;
      for (uint64_t begin = 0; begin < table.pages; begin += step)
        parts += sums({begin, begin + step, begin + step >= table.pages});
      EXPECT_EQ(parts.all.rows, whole.all.rows) << step;
      EXPECT_EQ(parts.all.digest(), whole.all.digest()) << step;
      EXPECT_EQ(parts.durable.digest(), whole.durable.digest()) << step;
    }
    // What was appended after the pages were counted belongs to the last range.
    TableSums early = sums({0, 10, false});
    early += sums({10, 20, true});
    EXPECT_EQ(early.all.digest(), whole.all.digest());
    EXPECT_NE(sums({0, 10, false}).all.digest(), whole.all.digest());
  }
}

TEST(RowSums, are_a_group_of_signed_numbers) {
  RowSums sums{1, -1, 5};
  EXPECT_EQ(sums.digest(), std::string(32, 'f') + std::string(31, '0') + "5");
  sums += {2, 1, -5};
  EXPECT_EQ(sums.rows, 3u);
  EXPECT_EQ(sums.digest(), std::string(64, '0'));
}

}  // namespace
}  // namespace dolibarr_backup
