// kill -9 at any moment: nothing in force that is not whole, nothing lost, and what
// was left behind goes with `prune --uploads-older-than 0`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>

#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include "app/catalog.h"
#include "cli/program.h"
#include "dolibarr/tree_exchange.h"
#include "support/ceph_rgw.h"

namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

std::string noise(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

void change_both_halves(const Program& program, int round) {
  program.sql("update llx_facture set note_private = 'round " + std::to_string(round) + "'");
  program.write_document("ecm/scan.bin", noise(12 << 20, static_cast<uint64_t>(round)));
}

milliseconds duration_of_a_run(const Program& program) {
  const auto start = steady_clock::now();
  const CommandResult first = program.run({"-e", "prod", "backup"});
  EXPECT_EQ(first.status, 0) << first.errors;
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

// Each time at other moments: --gtest_repeat tries more of them.
constexpr int kRounds = 8;

void survives_kills(Program& program) {
  const milliseconds whole = duration_of_a_run(program);
  // A new seed each time, printed.
  const unsigned seed = std::random_device()();
  std::cout << "seed " << seed << ", a run takes " << whole.count() << " ms\n";
  std::mt19937 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    change_both_halves(program, round);
    {
      const std::unique_ptr<ServerProcess> run = program.start({"-e", "prod", "backup"}, SIGKILL);
      std::this_thread::sleep_for(
          milliseconds(std::uniform_int_distribution<int64_t>(0, whole.count())(random)));
      run->stop();
    }
    ASSERT_EQ(program.damage(), "") << "round " << round;
  }
  change_both_halves(program, kRounds);
  const CommandResult last = program.run({"-e", "prod", "backup"});
  ASSERT_EQ(last.status, 0) << last.errors;
  EXPECT_EQ(program.difference_after_restore(), "");

  const CommandResult prune =
      program.run({"-e", "prod", "prune", "--uploads-older-than", "0", "--force"});
  ASSERT_EQ(prune.status, 0) << prune.errors;
  EXPECT_EQ(program.damage(), "");
  const std::unique_ptr<ObjectStore> store = program.open_store();
  EXPECT_TRUE(store->list_uploads("erp/prod/").empty());
  Catalog catalog(*store, KeySpace("erp/prod"), {});
  for (const CatalogArchive& archive : catalog.archives())
    EXPECT_EQ(archive.standing, CatalogArchive::Standing::in_force) << archive.stored.key;
  EXPECT_TRUE(catalog.lone_manifests().empty());
  EXPECT_EQ(program.difference_after_restore(), "");
}

// Each half is as it was, or replaced; a rerun finishes or undoes the rest.
TEST(Kill, ARestoreHappenedOrNotAtAnyMoment) {
  namespace fs = std::filesystem;
  Program program;
  program.write_document("ecm/scan.bin", noise(8 << 20, 1));
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  const std::vector<std::string> restore = {"-e",   "prod",      "restore", "--into",
                                            "prod", "--confirm", "prod"};
  const auto start = steady_clock::now();
  const CommandResult first = program.run(restore);
  ASSERT_EQ(first.status, 0) << first.errors;
  const auto whole = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  const unsigned seed = std::random_device()();
  std::cout << "seed " << seed << ", a restore takes " << whole.count() << " ms\n";
  std::mt19937 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    program.sql("update llx_facture set note_private = 'since'");
    program.write_document("ecm/since", "x");
    {
      const std::unique_ptr<ServerProcess> run = program.start(restore, SIGKILL);
      std::this_thread::sleep_for(
          milliseconds(std::uniform_int_distribution<int64_t>(0, whole.count())(random)));
      run->stop();
    }
    // The tree is whole, old or new, whenever somebody looks.
    EXPECT_TRUE(fs::exists(program.documents() + "/ecm/scan.bin")) << round;
    const CommandResult rerun = program.run(restore);
    ASSERT_EQ(rerun.status, 0) << rerun.errors;
    EXPECT_FALSE(fs::exists(program.documents() + "/ecm/since")) << round;
    EXPECT_EQ(program.difference_after_restore(), "") << round;
  }
  EXPECT_THAT(tree_leftovers(program.documents()).half_done, testing::IsEmpty());
}

// The restore, killed by strace as it enters the Nth call of `syscall`.
CommandResult killed_restore(const Program& program, const std::vector<std::string>& restore,
                             const std::string& syscall, int nth) {
  Command command = program.command(restore, {{"ASAN_OPTIONS", "detect_leaks=0"}});
  const std::vector<std::string> strace = {
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      "-e",
      "trace=" + syscall,
      "-e",
      "inject=" + syscall + ":signal=KILL:when=" + std::to_string(nth)};
  command.argv.insert(command.argv.begin(), strace.begin(), strace.end());
  return run_command(command);
}

// In the root of a volume the exchange goes entry by entry: each step is tried, the
// journal's first and last included.
TEST(Kill, ARestoreInsideAMountIsFinishedFromAnyStep) {
  namespace fs = std::filesystem;
  Program program;
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  const std::string documents = program.documents();
  ASSERT_EQ(::mount(documents.c_str(), documents.c_str(), nullptr, MS_BIND, nullptr), 0)
      << "this test mounts a folder and needs to be root";
  const std::vector<std::string> restore = {"-e",     "prod", "restore",   "--half", "docs",
                                            "--into", "prod", "--confirm", "prod"};
  std::vector<std::string> discard = restore;
  discard.push_back("--discard-old");
  int killed = 0, finished = 0;
  for (const std::string syscall : {"rename", "renameat2", "unlink"})
    for (int nth = 1;; ++nth) {
      program.write_document("ecm/since", "x");
      program.write_document("since/alone", "x");
      if (killed_restore(program, restore, syscall, nth).status == 0) break;  // no such call
      ++killed;
      const CommandResult rerun = program.run(restore);
      ASSERT_EQ(rerun.status, 0) << syscall << nth << ": " << rerun.errors;
      finished += rerun.output.find("finished an exchange") != std::string::npos;
      EXPECT_FALSE(fs::exists(documents + "/ecm/since")) << syscall << nth;
      EXPECT_FALSE(fs::exists(documents + "/since")) << syscall << nth;
      EXPECT_THAT(tree_leftovers(documents).half_done, testing::IsEmpty()) << syscall << nth;
      EXPECT_EQ(program.run(discard).status, 0) << syscall << nth;
      EXPECT_EQ(program.difference_after_restore(), "") << syscall << nth;
    }
  std::cout << killed << " kills, " << finished << " finished by the next restore\n";
  EXPECT_GT(finished, 10);
  ::umount(documents.c_str());
}

// Beside its target a tree changes places in three steps: at none of them may the old one,
// or the new one, be lost.
TEST(Kill, ARestoreBesideItsTargetKeepsTheOldTreeAtEachStep) {
  namespace fs = std::filesystem;
  Program program;
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  const std::string documents = program.documents();
  const std::vector<std::string> restore = {"-e",     "prod", "restore",   "--half", "docs",
                                            "--into", "prod", "--confirm", "prod"};
  const auto holding = [&](const std::string& name) {
    int trees = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(documents).parent_path()))
      if (entry.path().filename().string().starts_with("documents"))
        trees += fs::exists(entry.path() / name);
    return trees;
  };
  int killed = 0;
  for (int nth = 1;; ++nth) {
    const std::string only = "only-in-the-old-" + std::to_string(nth);
    program.write_document(only, "x");
    if (killed_restore(program, restore, "rename", nth).status == 0) break;
    ++killed;
    EXPECT_EQ(holding(only), 1) << nth;
    const CommandResult rerun = program.run(restore);
    ASSERT_EQ(rerun.status, 0) << nth << ": " << rerun.errors;
    EXPECT_EQ(holding(only), 1) << nth << ": the old tree is still there";
    EXPECT_FALSE(fs::exists(documents + "/" + only)) << nth;
    EXPECT_EQ(program.difference_after_restore(), "") << nth;
  }
  EXPECT_GE(killed, 2);
}

// A tree in mid-exchange is neither old nor new.
TEST(Kill, ABackupRefusesATreeInMidExchange) {
  Program program;
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  program.write_document(".dolibarr-backup-restore/exchanging", "x");
  const CommandResult result = program.run({"-e", "prod", "backup", "--force"});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.errors, HasSubstr("neither old nor new"));
}

TEST(Kill, ADirectoryStoreSurvivesAtAnyMoment) {
  Program program;
  survives_kills(program);
}

TEST(Kill, CephSurvivesAtAnyMoment) {
  CephRgw ceph;
  Program program;
  program.use_s3_store(ceph.make_bucket("kills"));
  survives_kills(program);
}

TEST(Kill, SigtermLeavesARecordAndNoUpload) {
  CephRgw ceph;
  Program program;
  program.use_s3_store(ceph.make_bucket("terms"));
  const milliseconds whole = duration_of_a_run(program);
  int interrupted = 0;
  for (int round = 1; round <= 6; ++round) {
    change_both_halves(program, round);
    const std::unique_ptr<ServerProcess> run = program.start({"-e", "prod", "backup"}, SIGTERM);
    std::this_thread::sleep_for(whole * round / 7);
    run->stop();
    const std::unique_ptr<ObjectStore> store = program.open_store();
    EXPECT_TRUE(store->list_uploads("erp/prod/").empty()) << "round " << round;
    Catalog catalog(*store, KeySpace("erp/prod"), {});
    const RunRecord* newest = catalog.newest_record();
    interrupted += newest->result == RunResult::interrupted;
    ASSERT_EQ(program.damage(), "");
  }
  EXPECT_GT(interrupted, 0) << "no run was hit in the middle";
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  EXPECT_EQ(program.difference_after_restore(), "");
}

}  // namespace
}  // namespace dolibarr_backup
