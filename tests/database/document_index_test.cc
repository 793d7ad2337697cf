#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "database/erp_database.h"
#include "dolibarr/document_index_check.h"
#include "dolibarr/folder_path.h"
#include "stream/digest.h"
#include "support/temp_dir.h"

// Documents against the database's index of them.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kPdf = "%PDF-1.7\nan invoice\n%%EOF\n";

std::string md5_of(const std::string& text) {
  Digest digest = Digest::md5();
  digest.update(text);
  return digest.finish_hex();
}

class DocumentIndex : public testing::Test {
 protected:
  void SetUp() override {
    database.sql(
        "create table llx_ecm_files (rowid serial, label text, entity int, filepath text, "
        "filename text, gen_or_uploaded text)");
  }
  void write(const std::string& path, const std::string& text) const {
    const fs::path file = folder / path;
    fs::create_directories(file.parent_path().string());
    std::ofstream(file, std::ios::binary) << text;
  }
  void index(const std::string& path, const std::string& text, const std::string& origin,
             int entity = 1) const {
    index_label(path, md5_of(text), origin, entity);
  }
  void index_label(const std::string& path, const std::string& label, const std::string& origin,
                   int entity = 1) const {
    const fs::path file(path);
    database.sql(
        "insert into llx_ecm_files (label, entity, filepath, filename, gen_or_uploaded) "
        "values (" +
        quote_literal(label) + ", " + std::to_string(entity) + ", " +
        quote_literal(file.parent_path().string()) + ", " +
        quote_literal(file.filename().string()) + ", " + quote_literal(origin) + ")");
  }
  DocumentIndexReport check() const {
    return check_document_index(database.settings, folder.string(), {});
  }

  ErpDatabase database;
  TempDir folder;
};

TEST_F(DocumentIndex, matches_files_wherever_dolibarr_puts_them) {
  const std::string large(3 << 20, 'x');
  write("facture/FA1/FA1.pdf", kPdf);
  index("facture/FA1/FA1.pdf", kPdf, "generated");
  write("ecm/run.php.noexe", "code");
  index("ecm/run.php", "code", "uploaded");
  write("2/facture/FA2/FA2.pdf", kPdf);
  index("2/facture/FA2/FA2.pdf", kPdf, "generated", 2);
  write("3/ecm/a.txt", "three");
  index("ecm/a.txt", "three", "uploaded", 3);
  write("top.txt", large);
  index("top.txt", large, "unknown");
  write("societe/1/Zo\xC3\xAB 'x'.txt", "");
  index("societe/1/Zo\xC3\xAB 'x'.txt", "", "uploaded");
  write("facture/FA1/no-hash", "x");
  index_label("facture/FA1/no-hash", "", "unknown");
  const DocumentIndexReport report = check();
  EXPECT_EQ(report.rows, 7u);
  EXPECT_EQ(report.matching, 6u);
  EXPECT_EQ(report.without_hash, 1u);
  EXPECT_EQ(report.errors() + report.warnings(), 0u);
}

TEST_F(DocumentIndex, tells_errors_from_warnings) {
  for (const char* origin : {"generated", "uploaded", "api", "unknown", ""})
    index(std::string("gone/") + origin + "x", "x", origin);
  for (const char* origin : {"generated", "uploaded", "unknown"}) {
    const std::string path = std::string("other/") + origin + ".pdf";
    index(path, "before", origin);
    write(path, kPdf);
  }
  index("cut.pdf", kPdf, "generated");
  write("cut.pdf", kPdf.substr(0, 12));
  const DocumentIndexReport report = check();
  EXPECT_THAT(report.missing.examples,
              ElementsAre("gone/generatedx (generated)", "gone/uploadedx (uploaded)"));
  EXPECT_THAT(report.missing_optional.examples,
              ElementsAre("gone/apix (api)", "gone/unknownx (unknown)", "gone/x"));
  EXPECT_THAT(report.rewritten.examples,
              ElementsAre(AllOf(HasSubstr("other/generated.pdf (generated)"),
                                HasSubstr(md5_of(kPdf)), HasSubstr(md5_of("before")))));
  EXPECT_THAT(report.damaged.examples,
              testing::UnorderedElementsAre(HasSubstr("cut.pdf (generated)"),
                                            HasSubstr("other/uploaded.pdf (uploaded)")));
  EXPECT_THAT(report.differing.examples, ElementsAre(HasSubstr("other/unknown.pdf (unknown)")));
  EXPECT_EQ(report.errors(), 4u);
  EXPECT_EQ(report.warnings(), 5u);
}

TEST_F(DocumentIndex, never_leaves_the_folder) {
  const TempDir outside;
  std::ofstream(outside / "secret") << "secret";
  fs::create_symlink(outside.path(), folder / "link");
  fs::create_symlink(outside / "secret", folder / "file");
  write("facture/a", "a");
  fs::create_symlink(folder / "facture", folder / "inside");
  for (const std::string& path :
       {std::string("link/secret"), std::string("file"), "../" + (outside / "secret").string(),
        std::string("facture/../facture/a"), std::string("facture/./a"), std::string("facture//a"),
        std::string("inside/a"), std::string("facture/a/b"), std::string("facture")})
    index(path, "secret", "uploaded");
  const DocumentIndexReport report = check();
  EXPECT_EQ(report.missing.count, 8u) << testing::PrintToString(report.missing.examples);
  EXPECT_EQ(report.matching, 0u);
}

TEST_F(DocumentIndex, lists_some_and_counts_all) {
  database.sql(
      "insert into llx_ecm_files (label, entity, filepath, filename, gen_or_uploaded) "
      "select '', 1, 'a/' || n % 7, n::text, 'uploaded' from generate_series(1, 5000) n");
  const DocumentIndexReport report = check();
  EXPECT_EQ(report.missing.count, 5000u);
  EXPECT_THAT(report.missing.examples, SizeIs(DocumentFindings::kGreatestExamples));
}

TEST_F(DocumentIndex, main_documents_of_validated_objects_must_be_there) {
  database.sql(R"(
drop table llx_ecm_files;
create table llx_facture (rowid int, entity int, fk_statut int, last_main_doc text);
insert into llx_facture values (1, 1, 1, 'facture/FA1/FA1.pdf'), (2, 1, 2, 'facture/FA2/FA2.pdf'),
  (3, 1, 0, 'facture/(PROV3)/(PROV3).pdf'), (4, 1, 1, 'facture/(PROV4)/(PROV4).pdf'),
  (5, 1, 1, null), (6, 2, 1, 'facture/FA6/FA6.pdf'), (7, 1, 1, '');
create table llx_contrat (rowid int, statut int, last_main_doc text);
insert into llx_contrat values (1, 1, 'contract/C1/C1.pdf'), (2, 0, 'contract/C2/C2.pdf');
create table llx_user (rowid int, statut int, last_main_doc text);
insert into llx_user values (1, 1, 'users/1/x.pdf');
create table llx_product (rowid int, last_main_doc text);
insert into llx_product values (1, 'produit/P1/P1.pdf');
create table other_facture (rowid int, fk_statut int, last_main_doc text);
insert into other_facture values (1, 1, 'x/y.pdf');
)");
  write("facture/FA1/FA1.pdf", kPdf);
  write("2/facture/FA6/FA6.pdf", kPdf);
  const DocumentIndexReport report = check();
  EXPECT_TRUE(report.absent);
  EXPECT_EQ(report.main_documents, 9u);
  EXPECT_EQ(report.main_documents_present, 2u);
  EXPECT_THAT(report.main_missing.examples,
              ElementsAre("llx_contrat rowid 1: contract/C1/C1.pdf",
                          "llx_facture rowid 2: facture/FA2/FA2.pdf"));
  EXPECT_EQ(report.main_missing_optional.count, 5u);
}

TEST_F(DocumentIndex, of_a_folder_that_is_not_there_is_an_error) {
  EXPECT_THROW(check_document_index(database.settings, folder.string() + "/none", {}), Error);
}

}  // namespace
}  // namespace dolibarr_backup
