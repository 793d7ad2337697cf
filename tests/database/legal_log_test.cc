#include "core/legal_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/php_text.h"
#include "core/wall_clock.h"
#include "database/erp_database.h"
#include "dolibarr/legal_log_check.h"

// The chain of the legal log, against a generator written in SQL, which shares nothing with
// the program, in every format of Dolibarr 16 to 23.
namespace dolibarr_backup {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kPrinted =
    "stdClass Object\n(\n    [id] => 7\n    [name] => Caf\xC3\xA9\n    [lines] => Array\n"
    "        (\n            [0] => 1\n            [x] => \n        )\n\n    [total] => 12.5\n)\n";
constexpr const char* kSerialized =
    "O:8:\"stdClass\":4:{s:2:\"id\";i:7;s:4:\"name\";s:5:\"Caf\xC3\xA9\";s:5:\"lines\";a:2:{i:0;b:"
    "1;"
    "s:1:\"x\";N;}s:5:\"total\";d:12.5;}";
constexpr const char* kJson = R"({"id":7,"name":"Caf\u00e9 \/ bar","lines":{"0":1}})";

std::string quoted(const std::string& text) {
  return quote_literal(text);
}

struct Entry {
  int entity = 1;
  std::string created = "2026-07-01 10:00:00";
  std::string amount = "120.50000000", amount_text = "120.5";
  std::string data = kJson, hashed = kJson, version = "22.0.4", format = "V1";
};

class LegalLog : public testing::Test {
 protected:
  // The zone is that of the PHP server which writes the log.
  void create(const std::string& columns, const std::string& server_zone = "UTC") {
    columns_ = columns;
    database.sql(fmt::format(
        R"(
create table llx_const (name text, entity int, value text);
insert into llx_const values ('MAIN_SECURITY_SALT', 0, '20260101120000'),
  ('BLOCKEDLOG_ENTITY_FINGERPRINT', 1, 'first'), ('BLOCKEDLOG_ENTITY_FINGERPRINT', 2, 'second');
create table llx_blockedlog (rowid serial primary key, entity int, date_creation timestamp,
  action text, amounts numeric(24,8), ref_object text, date_object timestamp, user_fullname text,
  object_data text, signature text {});
create function sha(text) returns text language sql as
  $$ select encode(sha256(convert_to($1, 'UTF8')), 'hex') $$;
create function unix(timestamp) returns text language sql as
  $$ select coalesce(extract(epoch from $1 at time zone '{}')::int8::text, '') $$;
)",
        columns, server_zone));
  }
  void create_v22(const std::string& zone = "UTC") {
    create(", signature_line text, object_version text, debuginfo text", zone);
  }

  void append(const Entry& entry = {}) {
    const std::string head =
        fmt::format("unix(created) || '|BILL_VALIDATE|{}|FA1|' || unix(dated) || '|Zo\xC3\xAB'",
                    entry.amount_text);
    std::string names, values;
    const auto optional = [&](const char* name, const std::string& value) {
      if (columns_.find(name) == std::string::npos) return;
      names += std::string(", ") + name;
      values += ", " + value;
    };
    optional("signature_line", "sha(salt || head || '|' || data)");
    optional("object_version", quoted(entry.version));
    optional("debuginfo", "head");
    optional("object_format", quoted(entry.format));
    database.sql(fmt::format(
        R"(
insert into llx_blockedlog (entity, date_creation, action, amounts, ref_object, date_object,
  user_fullname, object_data, signature {})
select {}, created, 'BILL_VALIDATE', {}, 'FA1', dated, E'Zo\u00eb', {},
  sha(salt || previous || head || '|' || data) {}
from (select *, {} as head from (select timestamp {} as created, timestamp '2026-01-15' as dated,
  {} as data, (select value from llx_const where name = 'MAIN_SECURITY_SALT') as salt,
  coalesce((select signature from llx_blockedlog where entity = {} order by rowid desc limit 1),
    (select value from llx_const where name like 'BLOCKED%' and entity = {})) as previous) a) b)",
        names, entry.entity, entry.amount, quoted(entry.data), values, head, quoted(entry.created),
        quoted(entry.hashed), entry.entity, entry.entity));
  }
  void append_all(int count) {
    for (int i = 0; i < count; ++i) append();
  }

  LegalLogReport check(const std::string& zone = "UTC") {
    LegalLogReport report = check_legal_log(database.settings, zone, {});
    const LegalLogCounts& counts = report.counts;
    EXPECT_EQ(counts.rows, counts.verified + counts.needs_key + counts.unverifiable +
                               counts.resets + counts.broken);
    return report;
  }
  void expect_culprits(const testing::Matcher<std::vector<std::string>>& expected,
                       uint64_t broken = 1) {
    const LegalLogReport report = check();
    EXPECT_FALSE(report.sound());
    EXPECT_EQ(report.counts.broken, broken);
    EXPECT_THAT(report.counts.culprits, expected);
  }

  ErpDatabase database;
  std::string columns_;
};

TEST(PhpText, floats_are_written_as_php_does) {
  const std::pair<double, const char*> cases[] = {{0, "0"},
                                                  {-0.0, "-0"},
                                                  {22415.73, "22415.73"},
                                                  {100, "100"},
                                                  {-12.5, "-12.5"},
                                                  {0.1 + 0.2, "0.3"},
                                                  {0.0001, "0.0001"},
                                                  {0.00001, "1.0E-5"},
                                                  {0.000012, "1.2E-5"},
                                                  {99999999999999, "99999999999999"},
                                                  {1e14, "1.0E+14"},
                                                  {1234567890123456, "1.2345678901235E+15"},
                                                  {1e100, "1.0E+100"}};
  for (const auto& [number, text] : cases) EXPECT_EQ(php_float_text(number), text);
}

TEST(PhpText, serialized_values_are_printed_as_php_does) {
  EXPECT_EQ(print_php_serialized(kSerialized).text, kPrinted);
  const std::pair<const char*, const char*> cases[] = {
      {"N;", ""},
      {"b:1;", "1"},
      {"b:0;", ""},
      {"i:-5;", "-5"},
      {"d:0.1;", "0.1"},
      {"d:1.0E+25;", "1.0E+25"},
      {"d:INF;", "INF"},
      {"s:3:\"a\";\";", "a\";"},
      {"a:0:{}", "Array\n(\n)\n"},
      {"a:1:{i:0;a:0:{}}", "Array\n(\n    [0] => Array\n        (\n        )\n\n)\n"},
      {"a:2:{i:0;O:8:\"stdClass\":0:{}i:1;r:2;}",
       "Array\n(\n    [0] => stdClass Object\n        (\n        )\n\n"
       "    [1] => stdClass Object\n        (\n        )\n\n)\n"},
      {"O:8:\"stdClass\":1:{s:1:\"a\";r:1;}",
       "stdClass Object\n(\n    [a] => stdClass Object\n *RECURSION*\n)\n"}};
  for (const auto& [serialized, text] : cases)
    EXPECT_EQ(print_php_serialized(serialized).text, text) << serialized;
  EXPECT_FALSE(print_php_serialized(kSerialized).foreign_class);
  EXPECT_TRUE(print_php_serialized("O:3:\"Foo\":0:{}").foreign_class);
}

TEST(PhpText, what_is_no_serialized_value_has_no_text_but_a_reason) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "a:1:{i:0;";
  for (const std::string& bad :
       {std::string(""), std::string("x"), std::string("i:;"), std::string("i:1"),
        std::string("s:9:\"a\";"), std::string("s:99999999999999999999:\"a\";"),
        std::string("a:2:{i:0;N;}"), std::string("a:99999999:{"), std::string("r:1;"),
        std::string("a:1:{i:0;R:9;}"), std::string("N;N;"), std::string("C:3:\"Foo\":0:{}"),
        deep}) {
    const PrintedValue printed = print_php_serialized(bad);
    EXPECT_FALSE(printed.text) << bad;
    EXPECT_NE(printed.problem, "") << bad;
  }
  const std::string whole = kSerialized;
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(print_php_serialized(whole.substr(0, length)).text) << length;
}

TEST(WallClock, repeated_and_skipped_hours_are_read_as_php_does) {
  const int64_t winter = 1767225600;  // 2026-01-01 00:00:00
  EXPECT_THAT(unix_times_of(winter, "UTC"), ElementsAre(winter));
  EXPECT_THAT(unix_times_of(winter, "Europe/Paris"), ElementsAre(winter - 3600));
  const int64_t repeated = 1792895400;  // 2026-10-25 02:30:00
  EXPECT_THAT(unix_times_of(repeated, "Europe/Paris"),
              ElementsAre(repeated - 7200, repeated - 3600));
  const int64_t skipped = 1774751400;  // 2026-03-29 02:30:00
  EXPECT_THAT(unix_times_of(skipped, "Europe/Paris"), ElementsAre(skipped - 3600));
  EXPECT_THROW(unix_times_of(0, "Mars/Base"), Error);
}

TEST_F(LegalLog, that_is_not_there_is_said_to_be_absent) {
  EXPECT_TRUE(check().absent);
  database.sql("create table llx_blockedlog (rowid int)");
  EXPECT_THROW(check(), Error);
}

TEST_F(LegalLog, is_sound_as_dolibarr_22_wrote_it) {
  create_v22();
  append_all(5);
  append({.entity = 2});
  append({.amount = "1234567890123456", .amount_text = "1.2345678901235E+15"});
  append({.entity = 2, .amount = "0", .amount_text = "0"});
  database.sql(
      "insert into llx_blockedlog select 50, entity, date_creation, action, amounts, "
      "ref_object, date_object, user_fullname, object_data, signature, signature_line, "
      "object_version, debuginfo from llx_blockedlog where false");
  const LegalLogReport report = check();
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.counts.rows, 8u);
  EXPECT_EQ(report.counts.verified, 8u);
  EXPECT_EQ(report.zone_origin, ZoneOrigin::given);
  EXPECT_THAT(report.notes, IsEmpty());
  ASSERT_THAT(report.heads, SizeIs(2));
  EXPECT_EQ(report.heads.at(1).rowid, 7);
  EXPECT_EQ(report.heads.at(1).signature + "\n",
            database.sql("select signature from llx_blockedlog where rowid = 7"));
  EXPECT_EQ(report.heads.at(2).rowid, 8);
}

TEST_F(LegalLog, is_sound_with_serialized_data_and_without_later_columns) {
  create(", signature_line text");
  append({.data = kSerialized, .hashed = kPrinted});
  append({.data = kSerialized, .hashed = kPrinted});
  append();
  EXPECT_EQ(check().counts.verified, 3u);
  database.sql(
      "update llx_blockedlog set object_data = replace(object_data, 'i:7', 'i:8') "
      "where rowid = 2");
  expect_culprits(ElementsAre("entity 1, rowid 2: its content was changed"));
}

TEST_F(LegalLog, of_version_17_and_18_in_one_table_is_sound) {
  create(", signature_line text, object_version text");
  append({.data = kSerialized, .hashed = kPrinted, .version = "16.0.3"});
  append({.data = kSerialized, .hashed = kPrinted, .version = "17.0.0-beta"});
  append({.version = "18.0.1"});
  EXPECT_EQ(check().counts.verified, 3u);
}

TEST_F(LegalLog, that_cannot_be_read_is_unverifiable_never_fine) {
  create(", signature_line text, object_version text");
  append();
  append({.data = "a:1:{i:0", .hashed = kPrinted, .version = "17.0.0"});
  append({.data = "O:7:\"Facture\":0:{}", .hashed = "something", .version = "17.0.0"});
  append({.data = "O:7:\"Facture\":0:{}", .hashed = "Facture Object\n(\n)\n", .version = "17.0.0"});
  append();
  const LegalLogReport report = check();
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.counts.verified, 3u);
  EXPECT_EQ(report.counts.unverifiable, 2u);
  EXPECT_THAT(report.counts.unverifiable_reasons, SizeIs(2));
}

TEST_F(LegalLog, of_version_23_counts_the_rows_that_need_the_key) {
  create(", object_version text, debuginfo text, object_format text");
  append({.format = ""});
  append({.format = "V1"});
  append({.format = "V2"});
  append({.format = "V9"});
  append({.format = "V1"});
  LegalLogReport report = check();
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.counts.verified, 3u);
  EXPECT_EQ(report.counts.needs_key, 1u);
  EXPECT_EQ(report.counts.unverifiable, 1u);
  database.sql("update llx_blockedlog set amounts = 99 where rowid = 2");
  expect_culprits(ElementsAre("entity 1, rowid 2: its content was changed (amounts 120.5 -> 99)"));
  database.sql("update llx_blockedlog set amounts = 120.5 where rowid = 2");
  database.sql("delete from llx_blockedlog where rowid = 1");
  expect_culprits(ElementsAre(AllOf(HasSubstr("rowid 2: "), HasSubstr("rows before it are gone"))));
}

TEST_F(LegalLog, resets_are_counted_and_are_no_damage) {
  create_v22();
  append_all(2);
  database.sql(
      "update llx_blockedlog set signature = '0000000000', action = 'MODULE_RESET', "
      "debuginfo = replace(debuginfo, 'BILL_VALIDATE', 'MODULE_RESET'), signature_line = "
      "sha('20260101120000' || replace(debuginfo, 'BILL_VALIDATE', 'MODULE_RESET') || '|' "
      "|| object_data) where rowid = 2");
  append_all(2);
  const LegalLogReport report = check();
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.counts.resets, 1u);
  EXPECT_EQ(report.counts.verified, 3u);
  database.sql("update llx_blockedlog set signature = '0000000000' where rowid = 3");
  EXPECT_EQ(check().counts.broken, 1u);
}

class DamagedLog : public LegalLog {
 protected:
  void SetUp() override {
    create_v22();
    append_all(6);
  }
};

TEST_F(DamagedLog, an_edited_row_is_named_with_what_was_edited) {
  database.sql("update llx_blockedlog set amounts = 1, date_object = '2026-02-01' where rowid = 3");
  expect_culprits(
      ElementsAre("entity 1, rowid 3: its content was changed (amounts 120.5 -> 1, date_object "
                  "2026-01-15T00:00:00Z -> 2026-02-01T00:00:00Z)"));
}
TEST_F(DamagedLog, edited_data_are_named) {
  database.sql("update llx_blockedlog set object_data = object_data || ' ' where rowid = 6");
  expect_culprits(ElementsAre("entity 1, rowid 6: its content was changed (object_data)"));
}
TEST_F(DamagedLog, an_edited_row_whose_own_hash_was_made_anew_is_named) {
  database.sql(
      "update llx_blockedlog set amounts = 1, signature_line = sha('20260101120000' || "
      "replace(debuginfo, '120.5', '1') || '|' || object_data) where rowid = 3");
  expect_culprits(ElementsAre("entity 1, rowid 3: its content was changed (amounts 120.5 -> 1)"));
}
TEST_F(DamagedLog, a_removed_row_is_named) {
  database.sql("delete from llx_blockedlog where rowid = 3");
  expect_culprits(ElementsAre(
      "entity 1, rowid 4: it does not follow rowid 2: what lay between them is gone (rowid 3)"));
  database.sql("delete from llx_blockedlog where rowid = 4");
  expect_culprits(ElementsAre(HasSubstr("is gone (rowids 3, 4)")));
}
TEST_F(DamagedLog, the_first_row_removed_is_named) {
  database.sql("delete from llx_blockedlog where rowid = 1");
  expect_culprits(ElementsAre(
      "entity 1, rowid 2: it does not follow the log's beginning: rows before it are gone (rowid "
      "1), or BLOCKEDLOG_ENTITY_FINGERPRINT was changed"));
}
TEST_F(DamagedLog, a_lost_beginning_is_named) {
  database.sql("delete from llx_const where name like 'BLOCKED%'");
  expect_culprits(ElementsAre(HasSubstr("BLOCKEDLOG_ENTITY_FINGERPRINT, is gone")));
}
TEST_F(DamagedLog, an_edited_signature_is_named_and_not_the_row_after) {
  database.sql("update llx_blockedlog set signature = 'x' where rowid = 3");
  expect_culprits(ElementsAre("entity 1, rowid 3: its signature was changed"));
}
TEST_F(DamagedLog, an_edited_own_hash_is_named) {
  database.sql("update llx_blockedlog set signature_line = 'x' where rowid = 3");
  expect_culprits(ElementsAre("entity 1, rowid 3: its signature_line was changed"));
}
TEST_F(DamagedLog, an_inserted_row_is_named) {
  database.sql("update llx_blockedlog set rowid = rowid + 10 where rowid > 3");
  database.sql(
      "insert into llx_blockedlog select 5, 1, date_creation, action, 7, ref_object, "
      "date_object, user_fullname, object_data, 'x', 'y', object_version, debuginfo from "
      "llx_blockedlog where rowid = 3");
  expect_culprits(ElementsAre("entity 1, rowid 5: it was inserted"));
}
TEST_F(DamagedLog, a_row_inserted_with_a_valid_signature_is_named) {
  database.sql(
      "create table kept as select * from llx_blockedlog where rowid > 3; "
      "delete from llx_blockedlog where rowid > 3");
  append({.amount = "3", .amount_text = "3"});
  append({.amount = "4", .amount_text = "4"});
  database.sql(
      "insert into llx_blockedlog select rowid + 20, entity, date_creation, action, "
      "amounts, ref_object, date_object, user_fullname, object_data, signature, "
      "signature_line, object_version, debuginfo from kept");
  expect_culprits(
      ElementsAre("entity 1, rowid 7: it was inserted", "entity 1, rowid 8: it was inserted"), 2);
}
TEST_F(DamagedLog, a_row_moved_to_another_entity_is_named_in_both) {
  append({.entity = 2});
  append({.entity = 2});
  append({.entity = 1});
  database.sql("update llx_blockedlog set entity = 1 where rowid = 7");
  expect_culprits(testing::UnorderedElementsAre(
                      HasSubstr("entity 2, rowid 8: it does not follow the log's beginning"),
                      "entity 1, rowid 7: it was inserted"),
                  2);
}
TEST_F(DamagedLog, many_culprits_are_counted_and_the_first_named) {
  append_all(30);
  database.sql("update llx_blockedlog set ref_object = 'FA2' where rowid > 3");
  expect_culprits(SizeIs(LegalLogCounts::kGreatestCulprits), 33);
}

TEST_F(LegalLog, the_time_zone_is_found_if_it_is_not_known) {
  create_v22("Europe/Paris");
  append({.created = "2026-01-05 10:00:00"});
  append({.created = "2026-07-05 10:00:00"});
  append({.created = "2026-10-25 02:30:00"});
  LegalLogReport report = check("");
  EXPECT_EQ(report.time_zone, "Europe/Paris");
  EXPECT_EQ(report.zone_origin, ZoneOrigin::found);
  EXPECT_EQ(report.counts.verified, 3u);
  EXPECT_THAT(report.notes, IsEmpty());
  report = check("UTC");
  EXPECT_EQ(report.zone_origin, ZoneOrigin::found);
  EXPECT_EQ(report.counts.verified, 3u);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("UTC of the settings, but Europe/Paris")));
  EXPECT_EQ(check("Europe/Paris").zone_origin, ZoneOrigin::given);
}

TEST_F(LegalLog, an_unusual_time_zone_is_found_by_the_chain_alone) {
  create(", object_version text", "Asia/Kathmandu");
  append_all(3);
  const LegalLogReport report = check("");
  EXPECT_EQ(report.counts.verified, 3u);
  EXPECT_EQ(report.time_zone, "Asia/Kathmandu");
}

TEST_F(LegalLog, with_another_salt_fits_no_time_zone) {
  create_v22();
  append_all(3);
  database.sql(
      "update llx_blockedlog set debuginfo = null; "
      "update llx_const set value = '1' where name = 'MAIN_SECURITY_SALT'");
  const LegalLogReport report = check();
  EXPECT_EQ(report.counts.broken, 3u);
  EXPECT_EQ(report.zone_origin, ZoneOrigin::assumed);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("MAIN_SECURITY_SALT")));
}

TEST_F(LegalLog, many_rows_are_streamed) {
  create_v22();
  append();
  database.sql(R"(
do $$ begin for n in 2..1500 loop
  insert into llx_blockedlog select n, entity, date_creation, action, amounts, ref_object,
    date_object, user_fullname, object_data, sha('20260101120000' || signature || debuginfo || '|'
    || object_data), signature_line, object_version, debuginfo from llx_blockedlog
    where rowid = n - 1;
end loop; end $$)");
  EXPECT_EQ(check().counts.verified, 1500u);
  database.sql("delete from llx_blockedlog where rowid between 300 and 1350");
  expect_culprits(ElementsAre(HasSubstr("rowid 1351: it does not follow rowid 299")));
}

}  // namespace
}  // namespace dolibarr_backup
