#include "dolibarr/ledger_check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "database/erp_database.h"

// What may only grow, between two points in time.
namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kLedgerTable = R"(
create table llx_accounting_bookkeeping (rowid serial primary key, piece_num int, doc_ref text,
  debit numeric(24,8), credit numeric(24,8), code_journal text, lettering_code text,
  date_lettering timestamp, date_export timestamp, tms timestamp default now(),
  fk_user_modif int, date_validated timestamp);
insert into llx_accounting_bookkeeping (piece_num, doc_ref, debit, credit, code_journal,
  date_validated)
select n / 2, 'FA' || n, case n % 2 when 0 then 100 else 0 end,
  case n % 2 when 1 then 100 else 0 end, 'VT',
  case when n <= 10 then timestamp '2026-02-01 10:00:00' end from generate_series(1, 20) n;
create table llx_blockedlog (rowid serial primary key, action text, ref_object text,
  object_data text);
insert into llx_blockedlog (action, ref_object, object_data)
  select 'BILL_VALIDATE', 'FA' || n, repeat('x', 500) from generate_series(1, 300) n;
)";

class Growing : public testing::Test {
 protected:
  void SetUp() override {
    before.sql(kLedgerTable);
    now.sql(kLedgerTable);
    now.sql("update llx_accounting_bookkeeping set tms = '2020-01-01'");
    first = growing_digests(before.settings, {}, {});
  }
  bool grew() { return growing_digests(now.settings, first, {}) == first; }
  std::vector<std::string> differences(const char* what, size_t greatest = 20) {
    return differing_rows(before.settings, now.settings, what, greatest, {});
  }
  void expect_named(const std::string& change, const char* what,
                    const testing::Matcher<std::vector<std::string>>& names) {
    now.sql(change);
    EXPECT_FALSE(grew()) << change;
    EXPECT_THAT(differences(what), names) << change;
  }

  ErpDatabase before, now;
  GrowingDigests first;
};

TEST_F(Growing, digests_count_what_counts) {
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[kLedger].rows, 10u);
  EXPECT_EQ(first[kLedger].greatest_rowid, 10);
  EXPECT_EQ(first[kLedger].validated_until, "2026-02-01 10:00:00");
  EXPECT_EQ(first[kLedger].digest.size(), 64u);
  EXPECT_EQ(first[kLegalLog].rows, 300u);
  EXPECT_EQ(first[kLegalLog].validated_until, "");
  const ErpDatabase empty;
  EXPECT_THAT(growing_digests(empty.settings, {}, {}), IsEmpty());
  EXPECT_THAT(differing_rows(empty.settings, now.settings, kLedger, 9, {}), IsEmpty());
  EXPECT_THAT(differing_rows(now.settings, empty.settings, kLedger, 9, {}),
              ElementsAre("llx_accounting_bookkeeping: the whole table is gone"));
}

TEST_F(Growing, growth_lettering_and_later_columns_are_no_difference) {
  now.sql(R"(
update llx_accounting_bookkeeping set lettering_code = 'AAA', date_lettering = now(),
  date_export = now(), fk_user_modif = 7;
update llx_accounting_bookkeeping set debit = 50 where rowid = 15;
delete from llx_accounting_bookkeeping where rowid = 16;
update llx_accounting_bookkeeping set date_validated = '2026-03-01' where rowid > 12;
insert into llx_blockedlog (action) values ('MODULE_SET');
alter table llx_blockedlog add column object_format text;
alter table llx_accounting_bookkeeping add column later int;
create table moved as select * from llx_blockedlog order by rowid desc;
truncate llx_blockedlog;
insert into llx_blockedlog select * from moved;
)");
  EXPECT_TRUE(grew());
  EXPECT_THAT(differences(kLedger), IsEmpty());
  EXPECT_THAT(differences(kLegalLog), IsEmpty());
  EXPECT_NE(growing_digests(now.settings, {}, {}), first);
}

TEST_F(Growing, lines_validated_later_at_a_lower_rowid_are_no_difference) {
  before.sql("update llx_accounting_bookkeeping set date_validated = null where rowid = 3");
  first = growing_digests(before.settings, {}, {});
  now.sql("update llx_accounting_bookkeeping set date_validated = '2026-03-01' where rowid = 3");
  EXPECT_TRUE(grew());
  EXPECT_THAT(differences(kLedger), IsEmpty());
}

TEST_F(Growing, an_empty_ledger_may_grow) {
  before.sql("update llx_accounting_bookkeeping set date_validated = null");
  first = growing_digests(before.settings, {}, {});
  EXPECT_EQ(first[kLedger].rows, 0u);
  EXPECT_TRUE(grew());
  EXPECT_THAT(differences(kLedger), IsEmpty());
}

TEST_F(Growing, an_edited_line_is_named) {
  expect_named("update llx_accounting_bookkeeping set debit = 120 where rowid = 4", kLedger,
               ElementsAre("llx_accounting_bookkeeping rowid 4: debit 100.00 -> 120.00 (piece_num "
                           "2, journal VT)"));
}
TEST_F(Growing, a_line_that_is_gone_is_named) {
  expect_named("delete from llx_accounting_bookkeeping where rowid in (1, 10)", kLedger,
               ElementsAre("llx_accounting_bookkeeping rowid 1: gone (piece_num 0, journal VT)",
                           "llx_accounting_bookkeeping rowid 10: gone (piece_num 5, journal VT)"));
}
TEST_F(Growing, a_line_no_longer_validated_is_named) {
  expect_named("update llx_accounting_bookkeeping set date_validated = null where rowid = 4",
               kLedger, ElementsAre(HasSubstr("date_validated 2026-02-01 10:00:00 -> (nothing)")));
}
TEST_F(Growing, a_line_validated_in_the_past_is_named) {
  before.sql("update llx_accounting_bookkeeping set date_validated = null where rowid = 3");
  first = growing_digests(before.settings, {}, {});
  expect_named(
      "update llx_accounting_bookkeeping set date_validated = '2026-01-01' where rowid = 3",
      kLedger, ElementsAre(HasSubstr("rowid 3: was not validated then, but says")));
}
TEST_F(Growing, rows_of_the_legal_log_are_named) {
  expect_named(
      "update llx_blockedlog set object_data = 'y', action = null where rowid = 200; "
      "delete from llx_blockedlog where rowid = 7",
      kLegalLog,
      ElementsAre("llx_blockedlog rowid 7: gone (action BILL_VALIDATE, ref FA7)",
                  "llx_blockedlog rowid 200: action BILL_VALIDATE -> (nothing), "
                  "object_data changed (action BILL_VALIDATE, ref FA200)"));
  before.sql("delete from llx_blockedlog where rowid = 150");
  EXPECT_THAT(differences(kLegalLog),
              testing::Contains(HasSubstr("rowid 150: inserted among rows that were there")));
  EXPECT_THAT(differences(kLegalLog, 1), SizeIs(1));
}

}  // namespace
}  // namespace dolibarr_backup
