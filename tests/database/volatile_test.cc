#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "database/erp_database.h"
#include "dolibarr/volatile_list.h"
#include "support/company/company.h"
#include "support/temp_dir.h"

// The volatile list hides what it names, and nothing else.
namespace dolibarr_backup {
namespace {

std::string table_of(const VolatileEntry& entry) {
  return "llx_" + std::string(entry.table);
}

/// A table with the entry's columns, one that it does not name, and three rows.
void make_table(const ErpDatabase& database, const VolatileEntry& entry) {
  std::string columns = "rowid serial primary key, other text";
  for (const std::string_view column : entry.columns) columns += fmt::format(", {} text", column);
  if (!entry.row_column.empty()) columns += fmt::format(", {} text", entry.row_column);
  database.sql(
      fmt::format("create table {0} ({1}); insert into {0} (other) values ('a'), ('b'), ('c')",
                  table_of(entry), columns));
}

/// A text that the LIKE pattern fits.
std::string example_of(std::string_view pattern) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%')
      text += "anything";
    else
      text += pattern[i] == '\\' ? pattern[++i] : pattern[i];
  }
  return text;
}

class VolatileList : public testing::Test {
 protected:
  VolatileList() { database.sql("create table llx_facture (a int)"); }
  ErpDatabase database;
};

TEST_F(VolatileList, hides_columns_and_nothing_else_of_their_table) {
  for (const VolatileEntry& entry : volatile_list()) {
    if (entry.columns.empty()) continue;
    make_table(database, entry);
    const std::string table = table_of(entry);
    for (const std::string_view column : entry.columns) {
      const ManifestTable before = table_in(database.fingerprint(), "public." + table);
      expect_unseen(database,
                    fmt::format("update {} set {} = 'moved' where rowid = 2", table, column));
      const ManifestTable after = table_in(database.fingerprint(), "public." + table);
      EXPECT_EQ(after.business_digest, before.business_digest) << table << "." << column;
      EXPECT_NE(after.rows_digest, before.rows_digest)
          << "a restore is proven by every column: " << table << "." << column;
    }
    expect_seen(database, fmt::format("update {} set other = 'x' where rowid = 2", table));
    expect_seen(database, fmt::format("delete from {} where rowid = 2", table));
    expect_seen(database, fmt::format("insert into {} default values", table));
    expect_seen(database, fmt::format("select nextval('{}_rowid_seq')", table));
    expect_seen(database, fmt::format("alter table {} drop {}", table, entry.columns.back()));
    expect_seen(database, fmt::format("alter table {} add {}_2 text default 'x'", table,
                                      entry.columns.back()));
    expect_seen(database, fmt::format("update {} set {}_2 = 'y'", table, entry.columns.back()));
  }
}

TEST_F(VolatileList, hides_rows_and_nothing_else_of_their_table) {
  for (const VolatileEntry& entry : volatile_list()) {
    if (entry.row_column.empty()) continue;
    make_table(database, entry);
    const std::string table = table_of(entry);
    for (const std::string_view pattern : entry.row_like) {
      const std::string name = example_of(pattern);
      expect_unseen(
          database,
          {fmt::format("insert into {} ({}, other) values ('{}', '1')", table, entry.row_column,
                       name),
           fmt::format("update {} set other = '2' where {} = '{}'", table, entry.row_column, name),
           fmt::format("delete from {} where {} = '{}'", table, entry.row_column, name)});
      // Close to the pattern, but not it.
      for (const std::string& other : {"X" + name, name.substr(1), std::string("FIRST")})
        expect_seen(database, fmt::format("insert into {} ({}) values ('{}')", table,
                                          entry.row_column, other));
      if (const size_t underscore = name.find('_'); underscore != std::string::npos) {
        std::string wild = name;
        wild[underscore] = 'x';
        expect_seen(database, fmt::format("insert into {} ({}) values ('{}')", table,
                                          entry.row_column, wild));
      }
    }
    expect_seen(database, fmt::format("update {} set other = 'x' where {} is null and rowid = 1",
                                      table, entry.row_column));
    expect_seen(database, fmt::format("delete from {} where {} is null", table, entry.row_column));
    expect_unseen(database, fmt::format("select nextval('{}_rowid_seq')", table));
  }
}

TEST_F(VolatileList, hides_whole_tables_but_not_their_definition) {
  for (const VolatileEntry& entry : volatile_list()) {
    if (!entry.columns.empty() || !entry.row_column.empty()) continue;
    make_table(database, entry);
    const std::string table = table_of(entry);
    const ManifestTable before = table_in(database.fingerprint(), "public." + table);
    expect_unseen(database, fmt::format("insert into {} (other) values ('x')", table));
    EXPECT_NE(table_in(database.fingerprint(), "public." + table).rows_digest, before.rows_digest);
    expect_unseen(database, fmt::format("update {} set other = 'y'", table));
    expect_unseen(database, fmt::format("truncate {}", table));
    expect_seen(database, fmt::format("alter table {} add more int", table));
  }
}

TEST_F(VolatileList, is_about_tables_with_the_prefix) {
  database.sql(
      "create table \"user\" (login text, datelastlogin text);"
      "create table llx_users (login text, datelastlogin text);"
      "create table x_user (login text, datelastlogin text);"
      "insert into \"user\" values ('a'); insert into llx_users values ('a');"
      "insert into x_user values ('a')");
  expect_seen(database, "update \"user\" set datelastlogin = 'now'");
  expect_seen(database, "update llx_users set datelastlogin = 'now'");
  expect_seen(database, "update x_user set datelastlogin = 'now'");
  const Fingerprint with_llx = database.fingerprint().fingerprint;
  database.settings.table_prefix = "x_";
  EXPECT_NE(database.fingerprint().fingerprint.volatile_list, with_llx.volatile_list);
  expect_unseen(database, "update x_user set datelastlogin = 'later'");
}

TEST_F(VolatileList, of_an_instance_hides_logins_and_no_other_column_of_its_users) {
  const ErpDatabase company;
  const TempDir documents;
  make_company(company.settings, documents / "documents", {.scale = 1});
  // Noise of a quiet day, as Dolibarr makes it.
  expect_unseen(
      company,
      {"update llx_user set datepreviouslogin = datelastlogin, datelastlogin = now(), "
       "ippreviouslogin = iplastlogin, iplastlogin = '10.9.8.7' where rowid = 1",
       "update llx_cronjob set datelastrun = now(), lastresult = '0', nbrun = coalesce(nbrun, 0) + "
       "1",
       "insert into llx_events (type, entity, dateevent) values ('USER_LOGIN', 1, now())",
       "update llx_holiday_config set value = '20260701000000' where name = 'lastUpdate'"});

  std::vector<std::string> hidden;
  for (const VolatileEntry& entry : volatile_list())
    if (entry.table == "user") hidden.assign(entry.columns.begin(), entry.columns.end());
  ASSERT_THAT(hidden, testing::Contains("datelastlogin"));
  // The trigger moves tms with each update, which is on the list and hides nothing more.
  std::istringstream columns(
      company.sql("select attname || ' ' || format_type(atttypid, null) from pg_attribute "
                  "where attrelid = 'llx_user'::regclass and attnum > 0 order by attnum"));
  int tried = 0;
  for (std::string line; std::getline(columns, line); ++tried) {
    const std::string column = line.substr(0, line.find(' '));
    const std::string type = line.substr(line.find(' ') + 1);
    std::string value = "'2001-02-03 04:05:06'";
    if (type == "integer" || type == "smallint") value = "4321";
    if (type.starts_with("character")) value = "'other'";
    // Nothing refers to this user.
    company.sql("insert into llx_user (login) values ('someone') on conflict do nothing");
    const std::string sql =
        fmt::format("update llx_user set {} = {} where login = 'someone'", column, value);
    if (std::find(hidden.begin(), hidden.end(), column) != hidden.end())
      expect_unseen(company, sql);
    else
      expect_seen(company, sql);
    company.sql("delete from llx_user where login in ('someone', 'other')");
  }
  EXPECT_GE(tried, 15);
}

TEST_F(VolatileList, leaves_what_the_earlier_script_overlooked_in_sight) {
  const ErpDatabase company;
  const TempDir documents;
  make_company(company.settings, documents / "documents", {.scale = 1});
  // Each of these the count and the greatest tms overlook (on PostgreSQL).
  expect_seen(
      company,
      {"update llx_accounting_bookkeeping set lettering_code = 'AAA' where rowid = (select "
       "min(rowid) "
       "from llx_accounting_bookkeeping)",
       "update llx_facturedet set fk_code_ventilation = 9 where rowid = (select min(rowid) from "
       "llx_facturedet)",
       "update llx_const set value = 'FR00123456789' where rowid = (select min(rowid) from "
       "llx_const)",
       "update llx_user set pass_crypted = 'new' where rowid = 1",
       "update llx_c_tva set taux = taux + 0.1 where rowid = (select min(rowid) from llx_c_tva)"});
}

TEST(VolatileListPure, names_nothing_twice_and_gives_reasons) {
  std::string before;
  for (const VolatileEntry& entry : volatile_list()) {
    EXPECT_LT(before, entry.table) << "by table, each once";
    before = entry.table;
    EXPECT_FALSE(entry.reason.empty()) << entry.table;
    EXPECT_EQ(entry.row_column.empty(), entry.row_like.empty()) << entry.table;
  }
  EXPECT_EQ(volatile_list_id("llx_"), volatile_list_id("llx_"));
  EXPECT_NE(volatile_list_id("llx_"), volatile_list_id("x_"));
}

}  // namespace
}  // namespace dolibarr_backup
