// The proofs on a real instance, where its data stands beside the clone or where
// $REAL_INSTANCE_DATA says. A clone without it says so and passes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/units.h"
#include "database/erp_database.h"
#include "dolibarr/document_index_check.h"
#include "dolibarr/ledger_check.h"
#include "dolibarr/legal_log_check.h"
#include "stream/process.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string data_folder() {
  const char* given = std::getenv("REAL_INSTANCE_DATA");
  return given ? given : SHARED_DATA;
}
const std::string kData = data_folder();

bool data_present() {
  if (fs::exists(kData + "/full/dolibarr-pg.dump")) return true;
  std::cout << "NOTE: no real instance at " << kData
            << "; its tests have nothing to run on and pass empty\n";
  return false;
}

// Says how long a check took: what a drill on such an instance costs.
template <typename Body>
auto timed(const char* what, const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  auto result = body();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  std::cout << "NOTE: " << what << " took " << format_duration(took) << "\n";
  return result;
}

// Restored once; each test gets a copy.
const std::string& restored_database() {
  static const ErpDatabase database;
  static const bool restored = [] {
    test_server().restore(database.name(), kData + "/full/dolibarr-pg.dump");
    return true;
  }();
  EXPECT_TRUE(restored);
  return database.name();
}

class RealDatabase : public ErpDatabase {
 public:
  RealDatabase() : ErpDatabase("TEMPLATE " + restored_database()) {}
};

TEST(RealProofs, each_damage_to_the_legal_log_is_named) {
  if (!data_present()) return;
  const RealDatabase database;
  const auto check = [&](const std::string& zone = "UTC") {
    return timed("the legal log", [&] { return check_legal_log(database.settings, zone, {}); });
  };
  LegalLogReport report = check();
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.counts.verified, 3598u);
  EXPECT_EQ(report.counts.rows, 3598u);
  EXPECT_EQ(report.heads.at(1).rowid, 3598);
  report = check("Europe/Paris");
  EXPECT_EQ(report.counts.verified, 3598u);
  EXPECT_EQ(report.time_zone, "UTC");
  EXPECT_EQ(report.zone_origin, ZoneOrigin::found);

  database.sql("update llx_blockedlog set amounts = amounts + 1 where rowid = 1000");
  report = check();
  EXPECT_EQ(report.counts.broken, 1u);
  EXPECT_THAT(report.counts.culprits,
              ElementsAre(HasSubstr("entity 1, rowid 1000: its content was changed (amounts ")));
  database.sql(
      "update llx_blockedlog set amounts = amounts - 1 where rowid = 1000; "
      "delete from llx_blockedlog where rowid = 2000");
  report = check();
  EXPECT_EQ(report.counts.broken, 1u);
  EXPECT_THAT(report.counts.culprits,
              ElementsAre("entity 1, rowid 2001: it does not follow rowid 1999: what lay between "
                          "them is gone (rowid 2000)"));
}

TEST(RealProofs, each_damage_to_the_documents_is_named) {
  if (!data_present()) return;
  const RealDatabase database;
  const TempDir folder;
  run_and_read({.argv = {"tar", "-C", folder.string(), "-xzf", kData + "/full/documents.tar.gz"}},
               kGiB);
  const std::string documents = folder.string() + "/documents";
  const auto check = [&] {
    return timed("the documents",
                 [&] { return check_document_index(database.settings, documents, {}); });
  };
  DocumentIndexReport report = check();
  EXPECT_EQ(report.rows, 3488u);
  EXPECT_EQ(report.matching, 3488u);
  EXPECT_GE(report.main_documents, 2000u);
  EXPECT_EQ(report.main_documents_present, report.main_documents);
  EXPECT_EQ(report.errors() + report.warnings(), 0u);

  const std::string gone = "facture/FA2412-0001/FA2412-0001.pdf";
  const std::string rewritten = "facture/FA2412-0002/FA2412-0002.pdf";
  fs::remove(documents + "/" + gone);
  std::ofstream(documents + "/" + rewritten) << "%PDF-1.7\nanother\n%%EOF\n";
  report = check();
  EXPECT_THAT(report.missing.examples, ElementsAre(gone + " (generated)"));
  EXPECT_THAT(report.rewritten.examples, ElementsAre(HasSubstr(rewritten + " (generated)")));
  EXPECT_THAT(report.main_missing.examples,
              ElementsAre(AllOf(HasSubstr("llx_facture rowid "), HasSubstr(gone))));
  EXPECT_EQ(report.errors(), 2u);
  EXPECT_EQ(report.warnings(), 1u);
}

// The instance has no ledger yet: this writes one from its invoices, as a transfer would.
constexpr const char* kTransfer = R"(
insert into llx_accounting_bookkeeping (entity, piece_num, doc_date, doc_type, doc_ref, fk_doc,
  fk_docdet, numero_compte, label_compte, debit, credit, montant, sens, fk_user_author,
  code_journal, date_validated)
select 1, f.rowid, f.datef, 'customer_invoice', f.ref, f.rowid, 0, side.account, 'x',
  case side.sens when 'D' then f.total_ttc else 0 end,
  case side.sens when 'C' then f.total_ttc else 0 end, f.total_ttc, side.sens, 1, 'VT',
  timestamp '2026-12-01'
from llx_facture f cross join (values ('411', 'D'), ('706', 'C')) side (account, sens)
where f.fk_statut > 0 order by f.rowid, side.sens desc;
)";

TEST(RealProofs, each_damage_to_what_only_grows_is_named) {
  if (!data_present()) return;
  const RealDatabase before, now;
  before.sql(kTransfer);
  now.sql(kTransfer);
  const GrowingDigests first =
      timed("digests", [&] { return growing_digests(before.settings, {}, {}); });
  EXPECT_EQ(first.at(kLegalLog).rows, 3598u);
  EXPECT_GT(first.at(kLedger).rows, 3000u);
  EXPECT_EQ(growing_digests(now.settings, first, {}), first);
  const auto names = [&](const char* what) {
    return timed(what, [&] { return differing_rows(before.settings, now.settings, what, 20, {}); });
  };
  EXPECT_THAT(names(kLedger), IsEmpty());
  EXPECT_THAT(names(kLegalLog), IsEmpty());

  now.sql(
      "update llx_accounting_bookkeeping set debit = debit + 1 where rowid = 101; "
      "delete from llx_accounting_bookkeeping where rowid = 202; "
      "update llx_blockedlog set amounts = 0 where rowid = 303");
  EXPECT_NE(growing_digests(now.settings, first, {}).at(kLedger), first.at(kLedger));
  EXPECT_NE(growing_digests(now.settings, first, {}).at(kLegalLog), first.at(kLegalLog));
  EXPECT_THAT(names(kLedger),
              ElementsAre(HasSubstr("llx_accounting_bookkeeping rowid 101: debit "),
                          HasSubstr("llx_accounting_bookkeeping rowid 202: gone (piece_num ")));
  EXPECT_THAT(names(kLegalLog), ElementsAre(HasSubstr("llx_blockedlog rowid 303: amounts ")));
}

// Seven days of business are no damage.
TEST(RealProofs, a_week_of_business_raises_no_alarm) {
  if (!data_present()) return;
  const TempDir folder;
  const auto shell = [&](const std::string& script) {
    run_and_read({.argv = {"bash", "-euo", "pipefail", "-c",
                           "cd " + folder.string() + "; week=" + kData + "/week; " + script}},
                 kGiB);
  };
  const auto load = [&](const ErpDatabase& database, const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(folder / file, std::ios::binary).rdbuf();
    database.sql(text.str());
  };
  shell(
      "tar -xzf $week/../full/documents.tar.gz; zstd -qd $week/day0.sql.zst -o day0.sql; "
      "for n in 1 2 3 4 5 6 7; do "
      "zstd -qd --long=27 --patch-from=day$((n - 1)).sql $week/day$n.sql.patch.zst -o day$n.sql; "
      "tar -C documents -xzf $week/day$n.docs.tar.gz; "
      "(cd documents; xargs -r -d '\\n' rm -f) < $week/day$n.deleted; done");
  const ErpDatabase before, now;
  load(before, "day0.sql");
  load(now, "day7.sql");
  const GrowingDigests first = growing_digests(before.settings, {}, {});
  EXPECT_EQ(growing_digests(now.settings, first, {}), first);
  EXPECT_GT(growing_digests(now.settings, {}, {}).at(kLegalLog).rows, first.at(kLegalLog).rows);
  EXPECT_THAT(differing_rows(before.settings, now.settings, kLegalLog, 20, {}), IsEmpty());
  EXPECT_THAT(differing_rows(before.settings, now.settings, kLedger, 20, {}), IsEmpty());
  const LegalLogReport log = check_legal_log(now.settings, "", {});
  EXPECT_EQ(log.counts.verified, log.counts.rows);
  EXPECT_EQ(log.time_zone, "UTC");
  const DocumentIndexReport documents =
      check_document_index(now.settings, folder.string() + "/documents", {});
  EXPECT_EQ(documents.matching, documents.rows);
  EXPECT_EQ(documents.errors() + documents.warnings(), 0u)
      << testing::PrintToString(documents.main_missing_optional.examples);
}

}  // namespace
}  // namespace dolibarr_backup
