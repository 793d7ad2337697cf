#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "database/erp_database.h"

// The exact fingerprint: equal for equal content, whatever lies around it, and
// different for every durable change.
namespace dolibarr_backup {
namespace {

constexpr const char* kSchema = R"(
create type status as enum ('draft', 'final');
create domain amount as numeric(24, 8) check (value > -1000000);
create function touch() returns trigger language plpgsql as
  $$ begin new.tms = now(); return new; end $$;
create function year_of(moment timestamp) returns integer language sql immutable as
  $$ select extract(year from moment)::integer $$;
create table llx_facture (rowid serial primary key, ref varchar(30) not null, extra text, note text,
  total amount, tva double precision, qty real, datef date, moment timestamp with time zone,
  took interval, content bytea, state status default 'draft', paid boolean, cost money,
  tms timestamp default now() not null);
create table llx_facturedet (rowid serial primary key,
  fk_facture integer not null references llx_facture (rowid) on delete cascade, rang integer);
create index idx_ref on llx_facture (ref);
create trigger touch before update on llx_facture for each row execute function touch();
create view llx_paid as select ref, total from llx_facture where paid;
create sequence llx_number start 100 increment 5;
insert into llx_facture (ref, extra, note, total, tva, qty, datef, moment, took, content, paid, cost)
  select 'FA' || n, 'x' || n, case when n % 7 > 0 then 'note ' || n end, n * 1.1, n / 3.0, n / 7.0,
    date '2026-01-01' + n, timestamptz '2026-01-01 12:00+02' + n * interval '1 hour',
    n * interval '1 day 2 hours 3 seconds', decode(md5(n::text), 'hex'), n % 2 = 0, n * 1.5
  from generate_series(1, 300) n;
insert into llx_facturedet (fk_facture, rang) select n % 300 + 1, n from generate_series(1, 900) n;
)";

class ExactFingerprint : public testing::Test {
 protected:
  ExactFingerprint() { database.sql(kSchema); }
  ErpDatabase database;
};

TEST_F(ExactFingerprint, is_equal_for_equal_content) {
  const DatabaseFingerprint first = database.fingerprint();
  const DatabaseFingerprint second = database.fingerprint();
  EXPECT_EQ(first.fingerprint, second.fingerprint);
  EXPECT_EQ(first.tables, second.tables);
  EXPECT_EQ(first.schema_digest, second.schema_digest);
  EXPECT_EQ(first.fingerprint.algorithm, "exact-1");
  EXPECT_EQ(first.tables.size(), 2u);
  EXPECT_EQ(table_in(first, "public.llx_facture").rows, 300u);
  for (const unsigned connections : {1u, 2u, 3u, 4u}) {
    database.settings.connections = connections;
    EXPECT_EQ(database.fingerprint().fingerprint, first.fingerprint) << connections;
  }
  EXPECT_EQ(database.sessions_left(), 0);
}

TEST_F(ExactFingerprint, does_not_depend_on_where_rows_lie_or_what_else_is_kept_of_them) {
  expect_unseen(database,
                {"vacuum full",
                 "cluster llx_facture using idx_ref; alter table llx_facture set without cluster",
                 "analyze", "reindex table llx_facture",
                 "alter table llx_facture disable trigger touch; "
                 "update llx_facture set ref = ref where rowid % 3 = 0; alter table llx_facture "
                 "enable trigger touch",
                 "vacuum", "grant select on all tables in schema public to public",
                 "revoke all on all tables in schema public from public",
                 "alter default privileges grant select on tables to public"});
  const Fingerprint before = database.fingerprint().fingerprint;
  database.sql_as_superuser(
      "alter table llx_facturedet owner to postgres; grant select on llx_facturedet to dolibarr;"
      "grant select on llx_facturedet_rowid_seq to dolibarr; checkpoint");
  EXPECT_EQ(database.fingerprint().fingerprint, before) << "owners";
}

TEST_F(ExactFingerprint, does_not_depend_on_settings_of_role_or_database) {
  const DatabaseFingerprint before = database.fingerprint();
  for (const std::string& target : {std::string("role dolibarr"), "database " + database.name()}) {
    // The superuser's sessions are subject to the database's settings too.
    std::string sql =
        "set default_transaction_read_only = off; set standard_conforming_strings = on;";
    for (const char* setting :
         {"datestyle = 'German, DMY'", "timezone = 'Asia/Kolkata'", "intervalstyle = 'iso_8601'",
          "extra_float_digits = -10", "bytea_output = 'escape'", "lc_monetary = 'C.UTF-8'",
          "lc_numeric = 'C.UTF-8'", "search_path = 'pg_catalog'", "row_security = on",
          "statement_timeout = '1ms'", "quote_all_identifiers = on", "client_encoding = 'LATIN1'",
          "standard_conforming_strings = off", "xmlbinary = 'hex'",
          "default_transaction_read_only = on", "transform_null_equals = on", "lock_timeout = '1h'",
          "default_transaction_isolation = 'read committed'",
          "idle_in_transaction_session_timeout = 50"})
      sql += "alter " + target + " set " + setting + ";";
    database.sql_as_superuser(sql);
    const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    const DatabaseFingerprint after = fingerprint_of(*snapshot);
    EXPECT_EQ(after.fingerprint, before.fingerprint) << target;
    EXPECT_EQ(after.tables, before.tables) << target;
    database.sql_as_superuser(
        "set default_transaction_read_only = off; set statement_timeout = 0; alter " + target +
        " reset all");
  }
}

TEST_F(ExactFingerprint, is_equal_in_the_database_restored_from_its_dump) {
  database.sql(R"(
comment on table llx_facture is 'it''s ours';
create table parts (id int, k text) partition by range (id);
create table parts_1 partition of parts for values from (0) to (10);
create table parts_2 partition of parts default;
insert into parts select n, n from generate_series(1, 20) n;
create table gone (a int, b int, c text default 'x'); alter table gone drop column a;
insert into gone (b) values (1);
create materialized view mv as select count(*) from llx_facture;
create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0');
alter table llx_facture enable row level security;
create policy all_rows on llx_facture using (true);
create rule nothing as on delete to llx_paid do instead nothing;
create statistics llx_stat on ref, extra from llx_facture;
create type pair as (a int, b text);
create type span as range (subtype = numeric);
select lo_from_bytea(0, 'a large object');
select setval('llx_number', 1234);
create table listed (a varchar(9) check (a in ('x', 'it''s]', 'z\(')), b text check (b in ('x')),
  c varchar default 'd' check (c <> all (array['1', '2']::varchar[])), d char(2) check (d in ('e')));
create index listed_some on listed (a) where a in ('x', 'y');
create view few as select * from listed where a in ('x', 'y') and c not in ('1');
)");
  ErpDatabase copy;
  std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(database.settings);
  const DatabaseFingerprint original = fingerprint_of(*snapshot);
  dump_and_restore(*snapshot, copy);
  snapshot.reset();  // and its locks
  const DatabaseFingerprint restored = copy.fingerprint();
  EXPECT_EQ(restored.tables, original.tables);
  EXPECT_EQ(restored.schema_digest, original.schema_digest);
  database.sql(
      "alter table listed drop constraint listed_a_check;"
      "alter table listed add constraint listed_a_check check (a in ('x', 'it''s]', 'z('))");
  EXPECT_NE(database.fingerprint().schema_digest, original.schema_digest);
}

TEST_F(ExactFingerprint, sees_every_change_of_rows) {
  expect_seen(
      database,
      {
          "update llx_facture set extra = 'other' where rowid = 7",
          "alter table llx_facture disable trigger touch",
          "update llx_facture set note = '' where rowid = 7",  // was null
          "update llx_facture set note = null where rowid = 7",
          "update llx_facture set note = 'null' where rowid = 7",
          "update llx_facture set extra = 'a', note = 'bc' where rowid = 7",
          "update llx_facture set extra = 'ab', note = 'c' where rowid = 7",
          "update llx_facture set extra = 'a,b', note = null where rowid = 7",
          "update llx_facture set extra = 'a', note = 'b' where rowid = 7",
          "update llx_facture set note = 'b ' where rowid = 7",
          "update llx_facture set total = total + 0.00000001 where rowid = 8",
          "update llx_facture set tva = tva + 1e-14 where rowid = 2",
          "update llx_facture set tva = '-0' where rowid = 2",
          "update llx_facture set tva = '0' where rowid = 2",
          "update llx_facture set tva = 'NaN' where rowid = 2",
          "update llx_facture set qty = qty * 1.0000002 where rowid = 9",
          "update llx_facture set datef = datef + 1 where rowid = 9",
          "update llx_facture set moment = moment + interval '1 microsecond' where rowid = 9",
          "update llx_facture set took = took + interval '1 microsecond' where rowid = 9",
          "update llx_facture set took = interval '24 hours' where rowid = 9",
          "update llx_facture set took = interval '1 day' where rowid = 9",
          "update llx_facture set content = content || '\\x00' where rowid = 9",
          "update llx_facture set content = '' where rowid = 9",
          "update llx_facture set content = null where rowid = 9",
          "update llx_facture set state = 'final' where rowid = 9",
          "update llx_facture set paid = not paid where rowid = 9",
          "update llx_facture set cost = cost + 0.01::money where rowid = 9",
          "update llx_facture set tms = tms + interval '1 microsecond' where rowid = 9",
          "update llx_facturedet set rowid = 10000 where rowid = 300",
          // Two rows exchange a value, which no plain sum of columns would see.
          "update llx_facture set ref = case rowid when 20 then 'FA21' else 'FA20' end "
          "where rowid in (20, 21)",
          "insert into llx_facturedet (fk_facture, rang) values (1, 1)",
          "delete from llx_facturedet where rowid = 901",
          "insert into llx_facture (ref) values ('FA'), ('FA')",
          "delete from llx_facture where rowid = 302",
          "begin; insert into llx_facture (ref) values ('drawn'); rollback",  // a number is lost
          "update llx_facturedet set rang = 0",
          "truncate llx_facturedet",
      });
  expect_unseen(database, "begin; update llx_facture set extra = 'undone'; rollback");
}

TEST_F(ExactFingerprint, sees_every_change_of_the_schema) {
  expect_seen(
      database,
      {
          "create index more on llx_facture (datef)",
          "drop index more; create index more on llx_facture (datef desc)",
          "drop index more; create index more on llx_facture (datef) where paid",
          "drop index more",
          "create unique index one on llx_facture (rowid, ref)",
          "create or replace function year_of(moment timestamp) returns integer language sql "
          "immutable as $$ select extract(year from moment)::integer + 0 $$",
          "alter function year_of(timestamp) volatile",
          "create function year_of(moment date) returns integer language sql as $$ select 1 $$",
          "create procedure tidy() language sql as $$ delete from llx_facturedet $$",
          "create cast (text as amount) with inout",
          "create publication changes for table llx_facture",
          "alter publication changes add table llx_facturedet",
          "drop publication changes",
          "create text search configuration plain (copy = pg_catalog.simple)",
          "create operator === (leftarg = integer, rightarg = integer, function = int4eq)",
          "drop operator === (integer, integer)",
          "alter table llx_facture alter extra set default 'x'",
          "alter table llx_facture alter extra drop default",
          "alter table llx_facture add constraint positive check (total >= 0)",
          "alter table llx_facture drop constraint positive",
          "alter table llx_facture add constraint positive check (total >= -1) not valid",
          "alter table llx_facture validate constraint positive",
          "alter table llx_facture alter extra set not null",
          "alter table llx_facturedet drop constraint llx_facturedet_fk_facture_fkey",
          "alter table llx_facturedet add foreign key (fk_facture) references llx_facture (rowid)",
          "alter table llx_facture disable trigger touch",
          "create trigger again after insert on llx_facture execute function touch()",
          "drop trigger again on llx_facture",
          "create or replace view llx_paid as select ref, total from llx_facture where not paid",
          "create view another as select 1 as one",
          "drop view another",
          "comment on table llx_facture is 'invoices'",
          "comment on table llx_facture is 'Invoices'",
          "comment on column llx_facture.ref is 'reference'",
          "comment on function year_of(timestamp) is 'f'",
          "comment on constraint positive on llx_facture is 'c'",
          "comment on index idx_ref is 'i'",
          "comment on trigger touch on llx_facture is 't'",
          "comment on type status is 'e'",
          "comment on sequence llx_number is 's'",
          "alter type status add value 'void'",
          "alter type status rename value 'void' to 'null'",
          "select setval('llx_number', 555)",
          "select setval('llx_number', 555, false)",
          "select nextval('llx_number')",
          "alter sequence llx_number increment 7",
          "alter sequence llx_number cache 10",
          "alter sequence llx_number cycle",
          "alter sequence llx_number owned by llx_facture.extra",
          "select setval('llx_facture_rowid_seq', 9999)",
          "create table empty_one ()",
          "alter table empty_one add a int",
          "alter table empty_one add b int",
          "alter table empty_one drop a; alter table empty_one add a int",
          "alter table empty_one rename b to c",
          "alter table empty_one alter c type bigint",
          "alter table empty_one rename to empty_two",
          "alter table empty_two set (fillfactor = 50)",
          "alter table empty_two set unlogged",
          "alter table empty_two add t text collate \"C\"",
          "alter table empty_two alter t set storage external",
          "alter table empty_two alter t set compression lz4",
          "alter table empty_two alter t set statistics 77",
          "alter table empty_two add g int generated always as (c::int + 1) stored",
          "alter table empty_two add i int generated by default as identity",
          "alter table empty_two alter i set generated always",
          "alter table empty_two replica identity full",
          "create table child () inherits (empty_two)",
          "alter table child no inherit empty_two",
          "drop table child",
          "alter table llx_facture cluster on idx_ref",
          "alter table llx_facture enable row level security",
          "create policy p on llx_facture using (true)",
          "alter policy p on llx_facture using (rowid > 0)",
          "create rule r as on update to llx_paid do instead nothing",
          "alter domain amount add constraint small check (value < 1e12)",
          "alter domain amount set default 0",
          "create domain word as text",
          "create type pair as (a int, b text)",
          "alter type pair add attribute c date",
          "create type span as range (subtype = numeric)",
          "drop type span; create type span as range (subtype = date)",
          "create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0')",
          "drop aggregate total(int); create aggregate total(int) "
          "(sfunc = int4pl, stype = int, initcond = '1')",
          "create statistics st on ref, extra from llx_facture",
          "create materialized view mv as select 1 as one",
          "create schema other",
          "comment on schema other is 'another'",
          "create table other.llx_facture (a int)",
      });
  expect_seen(database, {"create extension pg_trgm", "drop extension pg_trgm"});
}

TEST_F(ExactFingerprint, sees_large_objects) {
  expect_seen(database, "select lo_from_bytea(4711, 'scan')");
  expect_seen(database, "select lo_put(4711, 2, 'X')");
  expect_seen(database, "select lo_from_bytea(4712, 'another')");
  expect_seen(database, "select lo_unlink(4711)");
  expect_seen(database, "select lo_unlink(4712); select lo_from_bytea(4713, 'another')");
}

TEST_F(ExactFingerprint, tells_tables_from_each_other) {
  database.sql("create table one (a int); create table two (a int); insert into one values (1)");
  expect_seen(database, "delete from one; insert into two values (1)");
  expect_seen(database,
              "alter table one rename to x; alter table two rename to one; "
              "alter table x rename to two");
}

TEST_F(ExactFingerprint, of_an_empty_database_is_refused) {
  const ErpDatabase empty;
  const Error error = error_of([&] { DatabaseSnapshot::open(empty.settings); });
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), testing::HasSubstr("has no tables"));
}

TEST_F(ExactFingerprint, in_tms_mode_counts_rows_and_the_greatest_tms) {
  database.settings.fingerprint = DatabaseSettings::FingerprintMode::tms;
  database.sql(
      "create table llx_user (login text, tms timestamp default now());"
      "create table llx_without (a int)");
  EXPECT_EQ(database.fingerprint().fingerprint.algorithm, "tms-1");
  expect_seen(database, "insert into llx_facture (ref) values ('new')");
  expect_seen(database, "update llx_facture set note = 'n' where rowid = 1");  // by its trigger
  expect_seen(database, "delete from llx_facture where rowid = 3");
  expect_unseen(database, "insert into llx_user (login) values ('x')");
  expect_unseen(database, "insert into llx_without values (1)");
  expect_unseen(database, "create index more on llx_facture (datef)");
}

}  // namespace
}  // namespace dolibarr_backup
