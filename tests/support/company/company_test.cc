#include "support/company/company.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/postgres_server.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

class Company : public testing::Test {
 protected:
  static PostgresServer& server() {
    static PostgresServer instance;
    return instance;
  }
  std::string fresh_database() {
    static int counter = 0;
    const std::string name = "company" + std::to_string(++counter);
    server().create_database(name);
    return name;
  }
  std::string make(const std::string& documents, const CompanyOptions& options = {}) {
    const std::string name = fresh_database();
    make_company(server().settings(name), documents, options);
    return name;
  }
  std::string value(const std::string& database, const std::string& sql) {
    std::string text = server().run_sql(database, sql);
    if (!text.empty()) text.pop_back();
    return text;
  }
  TempDir folder_;
};

/// Bytes, names, times, kinds and permissions of a tree, as tar sees them.
std::string tree_digest(const fs::path& root) {
  return run_or_throw(
      {.argv = {"sh", "-c", "tar -C \"$0\" --sort=name --numeric-owner -cf - . | sha256sum",
                root.string()}});
}

std::string content_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST_F(Company, is_the_same_for_the_same_seed_and_another_for_another) {
  const std::string first = make(folder_ / "first");
  const std::string second = make(folder_ / "second");
  const std::string other = make(folder_ / "other", {.seed = 2});
  EXPECT_EQ(server().dump_plain(first), server().dump_plain(second));
  EXPECT_EQ(tree_digest(folder_ / "first"), tree_digest(folder_ / "second"));
  EXPECT_NE(server().dump_plain(first), server().dump_plain(other));
  EXPECT_NE(tree_digest(folder_ / "first"), tree_digest(folder_ / "other"));
}

TEST_F(Company, grows_with_its_scale) {
  const std::string small = make(folder_ / "small");
  const std::string big = make(folder_ / "big", {.scale = 3});
  EXPECT_EQ(value(small, "select count(*) from llx_facture"), "50");
  EXPECT_EQ(value(big, "select count(*) from llx_facture"), "150");
}

TEST_F(Company, knows_its_files_by_their_content) {
  const std::string name = make(folder_ / "documents");
  std::istringstream rows(server().run_sql(
      name, "select label || ' ' || filepath || '/' || filename from llx_ecm_files"));
  int files = 0;
  for (std::string row; std::getline(rows, row); ++files) {
    const fs::path path = folder_ / "documents" / row.substr(33);
    ASSERT_TRUE(fs::is_regular_file(path)) << path;
    EXPECT_EQ(run_or_throw({.argv = {"md5sum", path.string()}}).substr(0, 32), row.substr(0, 32))
        << path;
  }
  EXPECT_GT(files, 50);
}

TEST_F(Company, issues_real_pdfs) {
  const std::string name = make(folder_ / "documents");
  const std::string path =
      value(name, "select last_main_doc from llx_facture where fk_statut = 1 limit 1");
  const std::string pdf = content_of(folder_ / "documents" / path);
  EXPECT_TRUE(pdf.starts_with("%PDF-1."));
  EXPECT_NE(pdf.find("startxref", pdf.size() - 64), std::string::npos);
  EXPECT_GT(pdf.size(), 8000U);
}

TEST_F(Company, keeps_a_legal_log_whose_chain_holds) {
  const std::string name = make(folder_ / "documents");
  // The chain once more, by the database's own functions.
  EXPECT_EQ(value(name, R"(
with entry as (
  select *, lag(signature, 1, (select value from llx_const
                               where name = 'BLOCKEDLOG_ENTITY_FINGERPRINT'))
              over (order by rowid) as before,
         (select value from llx_const where name = 'MAIN_SECURITY_SALT') as salt,
         extract(epoch from date_creation)::bigint || '|' || action || '|' ||
         trim_scale(amounts) || '|' || ref_object || '|' ||
         extract(epoch from date_object)::bigint || '|' || user_fullname || '|' ||
         object_data as key
    from llx_blockedlog)
select count(*) > 40 and bool_and(
  signature = encode(sha256(convert_to(salt || before || key, 'UTF8')), 'hex') and
  signature_line = encode(sha256(convert_to(salt || key, 'UTF8')), 'hex')) from entry)"),
            "t");
}

TEST_F(Company, moves_tms_by_trigger_only_where_dolibarr_does) {
  const std::string name = make(folder_ / "documents");
  server().run_sql(name,
                   "update llx_facture set note_private = 'x'; "
                   "update llx_accounting_bookkeeping set lettering_code = 'AAA'; "
                   "update llx_ticket set fk_statut = 8;");
  // Every row was updated in one transaction: a trigger gives all the same time.
  const auto all_moved = [&](const std::string& table) {
    return value(name,
                 "select min(tms) = max(tms) and min(tms) <> '2024-01-02 09:00' from " + table);
  };
  EXPECT_EQ(all_moved("llx_facture"), "t");
  EXPECT_EQ(all_moved("llx_accounting_bookkeeping"), "f");
  EXPECT_EQ(all_moved("llx_ticket"), "f");
}

TEST_F(Company, goes_on_where_its_rows_end) {
  const std::string name = make(folder_ / "documents");
  server().run_sql(name,
                   "insert into llx_facture (ref, fk_soc) values ('new', 1);"
                   "insert into llx_ticket (ref, track_id) values ('new', 'x');"
                   "insert into llx_societe (nom) values ('new');");
  EXPECT_EQ(value(name, "select rowid from llx_facture where ref = 'new'"), "51");
}

TEST_F(Company, has_what_a_walk_can_stumble_over) {
  make(folder_ / "documents");
  const fs::path root = folder_ / "documents";
  EXPECT_TRUE(fs::is_symlink(root / "ecm/dernière facture.pdf"));
  EXPECT_TRUE(fs::is_regular_file(root / "ecm/dernière facture.pdf"));
  EXPECT_TRUE(fs::is_symlink(root / "ecm/cassé"));
  EXPECT_EQ(fs::hard_link_count(root / "ecm/facture (hard link).pdf"), 2U);
  EXPECT_TRUE(fs::is_empty(root / "medias/vide"));
  EXPECT_TRUE(fs::exists(root / "ecm/latin1-\xe9t\xe9.txt"));
  EXPECT_TRUE(fs::exists(root / "ecm/new\nline\tand \\ 'quotes\".txt"));
  EXPECT_TRUE(fs::exists(root / "users/temp/InvoiceStats_1.cache"));
  EXPECT_EQ(fs::status(root / "install.lock").permissions(), fs::perms(0444));
}

TEST_F(Company, is_only_tables_if_asked) {
  const std::string name = make(folder_ / "documents", {.schema_only = true});
  EXPECT_EQ(value(name, "select count(*) from llx_facture"), "0");
  EXPECT_FALSE(fs::exists(folder_ / "documents"));
}

}  // namespace
}  // namespace dolibarr_backup
