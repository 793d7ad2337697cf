#include "core/documents_rules.h"

#include <gtest/gtest.h>

namespace dolibarr_backup {
namespace {

TEST(ExclusionOfFolder, TempOneLevelBelowAModuleIsTemporary) {
  for (const char* path : {"users/temp", "facture/temp", "admin/temp", "export/temp", "ecm/temp",
                           "2/users/temp", "17/facture/temp"})
    EXPECT_EQ(exclusion_of_folder(path, ContentFolders()), "temporary files") << path;
}

TEST(ExclusionOfFolder, TempAtAnyOtherDepthIsTheUsersOwn) {
  for (const char* path :
       {"temp", "ecm/x/temp", "ecm/clients/2026/temp", "projet/REF/temp", "produit/REF/temp",
        "2/temp", "2/3/temp", "2/ecm/x/temp", "societe/12/temp", "1/users/temp", "02/users/temp",
        "users/temp/x", "users/Temp", "users/temporary", "users/xtemp", "users", ""})
    EXPECT_EQ(exclusion_of_folder(path, ContentFolders()), std::nullopt) << path;
}

TEST(ExclusionOfFolder, TempCountsWhenNobodyKnowsWhoseItIs) {
  EXPECT_EQ(exclusion_of_folder("ecm/temp", std::nullopt), std::nullopt);
  EXPECT_NE(exclusion_of_folder("admin/backup", std::nullopt), std::nullopt);
}

TEST(ExclusionOfFolder, TheFileSystemsOwnFolderIsLeftOutOfTheRootOnly) {
  EXPECT_EQ(exclusion_of_folder("lost+found", ContentFolders()), "the file system's own");
  EXPECT_EQ(exclusion_of_folder("ecm/lost+found", ContentFolders()), std::nullopt);
}

TEST(ExclusionOfFolder, TempThatTheDatabaseKnowsAsContentCounts) {
  const ContentFolders content = {"ecm/temp", "2/produit/temp"};
  EXPECT_EQ(exclusion_of_folder("ecm/temp", content), std::nullopt);
  EXPECT_EQ(exclusion_of_folder("2/produit/temp", content), std::nullopt);
  EXPECT_EQ(exclusion_of_folder("produit/temp", content), "temporary files");
  EXPECT_EQ(exclusion_of_folder("2/ecm/temp", content), "temporary files");
}

TEST(ExclusionOfFolder, DumpsThatDolibarrMakesItselfAreLeftOut) {
  for (const char* path :
       {"admin/backup", "admin/documents", "2/admin/backup", "3/admin/documents"})
    EXPECT_EQ(exclusion_of_folder(path, ContentFolders()), "Dolibarr's own dumps") << path;
  for (const char* path :
       {"admin", "admin/integrity", "ecm/admin/backup", "backup", "admin/backup/x"})
    EXPECT_EQ(exclusion_of_folder(path, ContentFolders()), std::nullopt) << path;
}

TEST(ExclusionOfFolder, StagingOfARestoreIsLeftOutInTheRootOnly) {
  EXPECT_EQ(exclusion_of_folder(".dolibarr-backup-restore", {}), "restore staging");
  EXPECT_EQ(exclusion_of_folder("ecm/.dolibarr-backup-restore", {}), std::nullopt);
}

TEST(OutsideFingerprint, LogsInTheRootAreOutside) {
  for (const char* path : {"dolibarr.log", "dolibarr_cron.log", "initdb.log", "dolibarr.log.1",
                           "dolibarr.log.12", "dolibarr.log.2.gz", "dolibarr.log.gz",
                           "dolibarr.log-20260630", "dolibarr.log-20260630.gz", "x.log.old.log"})
    EXPECT_TRUE(outside_fingerprint(path)) << path;
}

TEST(OutsideFingerprint, EverythingElseIsInside) {
  for (const char* path :
       {"install.lock", "logo.gz", "acme.logo.gz", "acme.logo.png", "ecm/dolibarr.log",
        "facture/x.log.1", "dolibarr.log.x", "dolibarr.log.", "dolibarr.log.1.zip", "log", ""})
    EXPECT_FALSE(outside_fingerprint(path)) << path;
}

TEST(IssuedDocument, FilesOfIssuedModulesAreIssued) {
  for (const char* path : {"facture/FA2606-0001/FA2606-0001.pdf",
                           "facture/FA2606-0001/attached/scan.jpg",
                           "fournisseur/facture/3/2/SI2606-0001/scan.pdf",
                           "fournisseur/commande/CF1/CF1.pdf",
                           "propale/PR1/PR1.pdf",
                           "commande/CO1/CO1.pdf",
                           "contract/CT1/CT1.pdf",
                           "ficheinter/FI1/FI1.pdf",
                           "expedition/sending/SH1/SH1.pdf",
                           "reception/R1/R1.pdf",
                           "expensereport/ER1/ER1.pdf",
                           "supplier_proposal/SP1/SP1.pdf",
                           "bank/1/statement.pdf",
                           "banque/1/statement.pdf",
                           "tax/vat/1/x.pdf",
                           "salaries/1/x.pdf",
                           "loan/1/x.pdf",
                           "accounting/export/2026.csv",
                           "blockedlog/blockedlog-1-123.end",
                           "facture/loose.pdf",
                           "2/facture/FA1/FA1.pdf",
                           "2/fournisseur/facture/1/2/SI1/x.pdf"})
    EXPECT_TRUE(issued_document(path)) << path;
}

TEST(IssuedDocument, WhatLivesAndChangesIsNot) {
  for (const char* path :
       {"societe/12/contract.pdf", "produit/P1/photo.jpg", "projet/PJ1/plan.pdf", "ecm/a/b.pdf",
        "users/1/photo.jpg", "mycompany/logos/logo.png", "fournisseur/other/x.pdf", "install.lock",
        "facture", "facture/", "factures/FA1/FA1.pdf", "ecm/facture/FA1/FA1.pdf",
        "1/facture/FA1/FA1.pdf"})
    EXPECT_FALSE(issued_document(path)) << path;
}

TEST(IssuedDocument, DraftsAreNot) {
  EXPECT_FALSE(issued_document("facture/(PROV12)/(PROV12).pdf"));
  EXPECT_FALSE(issued_document("2/facture/(PROV12)/scan.pdf"));
  EXPECT_FALSE(issued_document("fournisseur/facture/3/2/(PROV7)/scan.pdf"));
  EXPECT_TRUE(issued_document("facture/FA1/minutes (PROVISIONAL).pdf"));
}

TEST(IssuedDocument, WhatDolibarrMakesAgainIsNot) {
  EXPECT_FALSE(issued_document("facture/FA1/thumbs/scan_small.jpg"));
  EXPECT_FALSE(issued_document("facture/FA1/FA1.pdf_preview.png"));
  EXPECT_FALSE(issued_document("facture/FA1/FA1.pdf_preview-0.png"));
  EXPECT_FALSE(issued_document("fournisseur/facture/temp/massgeneration/1/all.pdf"));
  EXPECT_TRUE(issued_document("facture/temporary/x.pdf"));
}

}  // namespace
}  // namespace dolibarr_backup
