// Which points and versions there are, and what changed between two of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "app/document_access.h"
#include "app/instance.h"
#include "app/point.h"
#include "app/point_diff.h"
#include "base/error.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Several runs of one day: a prune would keep the last.
const BackupOptions kNoPrune{.prune = false};
const std::string kPdf = "facture/FA2606-0001/FA2606-0001.pdf";

std::string key_of(const BackupReport& report, Half half) {
  return report.record.halves.at(half).archive->archive.key;
}

Error refusal(Catalog catalog, std::optional<Instant> as_of) {
  try {
    choose_point(catalog, as_of, false);
  } catch (const Error& error) {
    return error;
  }
  return {Errc::bug, "nothing was thrown"};
}

TEST(ChoosePoint, IsTheNewestGoodPairAtOrBeforeTheTime) {
  Instance instance;
  const BackupReport first = instance.backup(kNoPrune);
  const Instant before = instance.now;
  instance.sql("update llx_facture set note_private = 'x'");
  const BackupReport second = instance.backup(kNoPrune);
  Catalog catalog = instance.catalog();
  const ChosenPoint newest = choose_point(catalog, std::nullopt, false);
  EXPECT_EQ(newest.run, second.record.run);
  EXPECT_EQ(newest.db, second.record.halves.at(Half::db).archive);
  EXPECT_EQ(newest.docs, first.record.halves.at(Half::docs).archive);
  EXPECT_EQ(newest.judgement, PairJudgement::quiescent);
  EXPECT_THAT(newest.damaged, IsEmpty());
  EXPECT_EQ(choose_point(catalog, before, false).run, first.record.run);
  EXPECT_EQ(choose_documents(catalog, std::nullopt).docs, newest.docs);

  const Error early = refusal(instance.catalog(), before - std::chrono::days(1));
  EXPECT_EQ(early.code(), Errc::refused);
  EXPECT_THAT(early.hint(), HasSubstr("the oldest good pair is of " + format_instant(before)));
  EXPECT_THROW(choose_documents(catalog, before - std::chrono::days(1)), Error);
}

TEST(ChoosePoint, SingleHalvesAreTakenOnRequestOnly) {
  Instance instance;
  const std::string documents = instance.settings().documents;
  instance.settings().documents += "-not-mounted";
  const BackupReport report = instance.backup(kNoPrune);
  const Error error = refusal(instance.catalog(), std::nullopt);
  EXPECT_EQ(error.code(), Errc::refused);
  EXPECT_THAT(error.hint(), HasSubstr(key_of(report, Half::db)));
  EXPECT_THAT(error.hint(), HasSubstr("--accept-unproven"));
  Catalog catalog = instance.catalog();
  const ChosenPoint point = choose_point(catalog, std::nullopt, true);
  EXPECT_EQ(point.db, report.record.halves.at(Half::db).archive);
  EXPECT_FALSE(point.docs);
  EXPECT_EQ(point.judgement, PairJudgement::none);
  EXPECT_THROW(choose_documents(catalog, std::nullopt), Error);
}

TEST(ChoosePoint, ArchivesOfTheEarlierScriptAreTakenOnRequestOnly) {
  Instance instance;
  instance.store().put("erp/prod/db/20250101T030000Z.dump", as_bytes("dump"), Overwrite::no);
  instance.store().put("erp/prod/docs/20250102T030000Z.tar.gz", as_bytes("tar"), Overwrite::no);
  EXPECT_THAT(refusal(instance.catalog(), std::nullopt).hint(), HasSubstr("earlier script"));
  Catalog catalog = instance.catalog();
  const ChosenPoint point = choose_point(catalog, std::nullopt, true);
  EXPECT_TRUE(point.reference);
  EXPECT_EQ(point.db->archive.size, 4u);
  EXPECT_FALSE(point.docs->manifest);
  EXPECT_EQ(format_instant(point.at), "2025-01-02T03:00:00Z");
  StringSink out;
  EXPECT_THROW(write_document(instance.store(), *point.docs, "x", out, {}), Error);
}

TEST(FindVersions, EqualContentIsOneVersionAndDeletionIsTold) {
  Instance instance;
  instance.backup(kNoPrune);
  const Instant first = instance.now;
  instance.write_document("ecm/other", "so that there is another archive");
  instance.age_documents();
  const BackupReport second = instance.backup(kNoPrune);
  const Instant until = instance.now;
  instance.write_document(kPdf, "issued again");
  const BackupReport third = instance.backup(kNoPrune);
  const Instant changed = instance.now;
  instance.remove_document("facture/FA2606-0001");
  instance.backup(kNoPrune);
  const Instant gone = instance.now;
  Catalog catalog = instance.catalog();
  const std::vector<DocumentVersion> versions =
      find_versions(catalog, PathPattern("facture/FA2606-0001"), {});
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].path, kPdf);
  EXPECT_EQ(versions[0].from, first);
  EXPECT_EQ(versions[0].until, until);
  EXPECT_EQ(versions[0].archive, key_of(second, Half::docs));
  EXPECT_FALSE(versions[0].gone);
  EXPECT_EQ(versions[1].from, changed);
  EXPECT_EQ(versions[1].archive, key_of(third, Half::docs));
  EXPECT_EQ(versions[1].gone, gone);
  EXPECT_EQ(versions[1].size, 12u);
  EXPECT_EQ(find_versions(catalog, PathPattern("**/*.pdf"), {}).size(), 21u);

  StringSink out;
  write_document(instance.store(), *archive_entry(catalog, versions[1].archive), kPdf, out, {});
  EXPECT_EQ(out.text(), "issued again");
}

TEST(DiffPoints, TellsTablesAndDocumentsApart) {
  Instance instance;
  instance.backup(kNoPrune);
  Catalog before = instance.catalog();
  const ChosenPoint a = choose_point(before, std::nullopt, false);
  instance.sql("insert into llx_facture(ref) values ('FA2606-0201')");
  instance.sql("update llx_user set datelastlogin = now()");
  instance.sql("create table llx_new(rowid int primary key); insert into llx_new values (1), (2)");
  instance.sql("drop table llx_facturedet");
  instance.write_document(kPdf, "issued again");
  instance.write_document("facture/FA2606-0021/FA2606-0021.pdf", "new");
  instance.remove_document("facture/FA2606-0002");
  std::filesystem::permissions(instance.documents() + "/facture/FA2606-0003/FA2606-0003.pdf",
                               std::filesystem::perms(0600));
  instance.backup(kNoPrune);
  Catalog catalog = instance.catalog();
  const ChosenPoint b = choose_point(catalog, std::nullopt, false);
  const PointDiff diff = diff_points(catalog, a, b, {});
  EXPECT_TRUE(diff.db_compared && diff.docs_compared && diff.same_rules && diff.schema_changed);
  std::map<std::string, TableChange> tables;
  for (const TableChange& table : diff.tables) tables[table.name] = table;
  ASSERT_EQ(tables.size(), 4u);
  EXPECT_EQ(tables.at("public.llx_facture").kind, TableChange::Kind::business);
  EXPECT_EQ(tables.at("public.llx_facture").rows_before, 200u);
  EXPECT_EQ(tables.at("public.llx_facture").rows_after, 201u);
  EXPECT_EQ(tables.at("public.llx_user").kind, TableChange::Kind::volatile_only);
  EXPECT_EQ(tables.at("public.llx_new").kind, TableChange::Kind::added);
  EXPECT_EQ(tables.at("public.llx_facturedet").kind, TableChange::Kind::gone);
  EXPECT_EQ(diff.tables_unchanged, 2u);

  std::map<std::string, DocumentChange::Kind> documents;
  for (const DocumentChange& one : diff.documents) documents[one.path] = one.kind;
  using Kind = DocumentChange::Kind;
  const std::map<std::string, Kind> expected = {
      {kPdf, Kind::content},
      {"facture/FA2606-0002", Kind::gone},
      {"facture/FA2606-0002/FA2606-0002.pdf", Kind::gone},
      {"facture/FA2606-0003/FA2606-0003.pdf", Kind::metadata},
      {"facture/FA2606-0021", Kind::added},
      {"facture/FA2606-0021/FA2606-0021.pdf", Kind::added}};
  EXPECT_EQ(documents, expected);
  EXPECT_EQ(diff.added, 2u);
  EXPECT_EQ(diff.gone, 2u);

  const PointDiff same = diff_points(catalog, b, b, {});
  EXPECT_TRUE(same.db_compared && same.docs_compared);
  EXPECT_THAT(same.tables, IsEmpty());
  EXPECT_THAT(same.documents, IsEmpty());
}

}  // namespace
}  // namespace dolibarr_backup
