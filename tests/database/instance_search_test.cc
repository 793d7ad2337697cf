#include "dolibarr/instance_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/postgres_server.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> names(const DatabaseSearch& search) {
  std::vector<std::string> names;
  for (const FoundDatabase& found : search.found) names.push_back(found.name + " " + found.version);
  return names;
}

class InstanceSearch : public testing::Test {
 protected:
  static PostgresServer& server() {
    static PostgresServer instance;
    return instance;
  }
  static void make_dolibarr(const std::string& name, const std::string& table = "llx_const") {
    server().create_database(name);
    server().run_sql(name, "create table " + table +
                               "(name text, value text, entity int); insert into " + table +
                               " values ('MAIN_VERSION_LAST_INSTALL', '21.0.0', 0), "
                               "('MAIN_INFO_SOCIETE_NOM', 'x', 1)");
  }
};

TEST_F(InstanceSearch, DatabasesAreKnownByTheirConstants) {
  make_dolibarr("erp");
  make_dolibarr("other", "abc_const");
  make_dolibarr("erp_before_20260630t021500zk3f7qa");
  server().create_database("shop");
  server().run_sql("shop",
                   "create table my_const(name text, value text, entity int);"
                   "create table llx_const(name text, value text)");
  server().run_sql("other", "insert into abc_const values ('MAIN_VERSION_LAST_UPGRADE', '23.0.1')");
  const DatabaseSearch search = find_dolibarr_databases(server().settings("erp"), {});
  EXPECT_EQ(search.own, "erp");
  EXPECT_THAT(names(search), ElementsAre("erp 21.0.0", "other 23.0.1"))
      << "neither others' tables of that name nor what a restore left";
  EXPECT_THAT(search.closed, IsEmpty());

  // Who may not open one is told its name; who may not read its table too.
  server().run_sql("postgres", "create role reader login", PostgresServer::kSuperuser);
  server().run_sql("erp", "grant select on llx_const to reader");
  server().run_sql("postgres", "revoke connect on database shop from public",
                   PostgresServer::kSuperuser);
  DatabaseSettings reader = server().settings("erp");
  reader.user = "reader";
  const DatabaseSearch seen = find_dolibarr_databases(reader, {});
  EXPECT_THAT(names(seen), ElementsAre("erp 21.0.0"));
  EXPECT_THAT(seen.closed, ElementsAre("other", "shop"));
  EXPECT_EQ(seen.server, search.server) << "one server, whoever asks";
}

std::string path_of(const std::vector<FoundFolder>& found, const std::string& sign) {
  for (const FoundFolder& folder : found)
    if (folder.sign == sign) return folder.path;
  return "";
}

std::vector<std::string> paths(const std::vector<FoundFolder>& found) {
  std::vector<std::string> paths;
  for (const FoundFolder& folder : found) paths.push_back(folder.path);
  return paths;
}

TEST(FolderSearch, LooksBesideWhatIsKnownAndBesideItsParent) {
  TempDir folder;
  const fs::path root = folder.path() / "srv";
  const auto make = [&](const std::string& name) { fs::create_directories(root / name); };
  for (const char* name :
       {"prod/documents/facture", "prod/documents/propale", "sandbox/documents/facture",
        "sandbox/documents/users", "prod/copy/facture", "prod/copy/produit",
        "prod/documents.before-20260630t021500zk3f7qa/facture",
        "prod/documents.before-20260630t021500zk3f7qa/propale", "prod/photos/facture",
        "prod/htdocs/societe", "prod/htdocs/projet", "far/away/documents/facture",
        "far/away/documents/ecm", "data/real", "sandbox/htdocs/conf"})
    make(name);
  std::ofstream(root / "prod/htdocs/main.inc.php") << "<?php";
  std::ofstream(root / "sandbox/htdocs/conf/conf.php")
      << "<?php\n  $dolibarr_main_data_root = \"" << (root / "data/link").string()
      << "\"; // here\n";
  fs::create_directory_symlink(root / "data/real", root / "data/link");
  const std::vector<FoundFolder> found =
      find_documents_folders({(root / "prod/documents").string()});
  for (const char* name : {"prod/documents", "sandbox/documents", "prod/copy", "data/real"})
    EXPECT_THAT(paths(found), Contains((root / name).string()));
  for (const char* name : {"prod/photos", "prod/htdocs", "far/away/documents", "data/link",
                           "prod/documents.before-20260630t021500zk3f7qa"})
    EXPECT_THAT(paths(found), Not(Contains((root / name).string()))) << name;
  EXPECT_EQ(path_of(found, "facture, users"), (root / "sandbox/documents").string());
  EXPECT_EQ(path_of(found, "conf.php '" + (root / "sandbox/htdocs/conf/conf.php").string() + "'"),
            (root / "data/real").string());
}

TEST(FolderSearch, WhatIsNotThereIsNoError) {
  EXPECT_NO_THROW(find_documents_folders({"/nowhere/at/all", "", "/documents"}));
}

}  // namespace
}  // namespace dolibarr_backup
