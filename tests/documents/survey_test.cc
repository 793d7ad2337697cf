#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "documents/tree.h"

// What counts as a change of the documents.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class Survey : public testing::Test {
 protected:
  Survey() {
    tree.write("facture/FA1/FA1.pdf", "an invoice");
    tree.write("facture/FA2/FA2.pdf", "another one");
    tree.write("users/temp/stats.cache", "cache");
    tree.write("dolibarr.log", "log");
    fs::create_symlink("FA1", tree.path("facture/link"));
  }
  Fingerprint now() { return survey(tree.source()).fingerprint; }

  template <typename Change>
  void expect_seen(const std::string& what, const Change& change) {
    const Fingerprint before = now();
    EXPECT_EQ(now(), before) << "not stable before: " << what;
    change();
    EXPECT_NE(now().value, before.value) << what;
  }
  template <typename Change>
  void expect_unseen(const std::string& what, const Change& change) {
    const Fingerprint before = now();
    change();
    EXPECT_EQ(now(), before) << what;
  }

  Tree tree;
};

TEST_F(Survey, sees_every_durable_change) {
  EXPECT_EQ(now().algorithm, "stat-1");
  expect_seen("content", [&] { tree.write("facture/FA1/FA1.pdf", "an Invoice, longer"); });
  expect_seen("mtime alone",
              [&] { tree.set_mtime("facture/FA1/FA1.pdf", 1'700'000'000'000'000'001); });
  expect_seen("one nanosecond",
              [&] { tree.set_mtime("facture/FA1/FA1.pdf", 1'700'000'000'000'000'002); });
  expect_seen("same size, mtime put back", [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for the clock of ctime
    tree.write("facture/FA1/FA1.pdf", "AN INVOICE, LONGER");
    tree.set_mtime("facture/FA1/FA1.pdf", 1'700'000'000'000'000'002);
  });
  expect_seen("mode", [&] { fs::permissions(tree.path("facture/FA1/FA1.pdf"), fs::perms(0600)); });
  expect_seen("mode of a folder",
              [&] { fs::permissions(tree.path("facture/FA1"), fs::perms(0700)); });
  expect_seen("mode of the root", [&] { fs::permissions(tree.root(), fs::perms(0701)); });
  expect_seen("a file's new name", [&] {
    fs::rename(tree.path("facture/FA2/FA2.pdf"), tree.path("facture/FA2/FA3.pdf"));
  });
  expect_seen("a folder's new name",
              [&] { fs::rename(tree.path("facture/FA2"), tree.path("facture/FA3")); });
  expect_seen("two files that change places", [&] {
    fs::rename(tree.path("facture/FA1/FA1.pdf"), tree.path("x"));
    fs::rename(tree.path("facture/FA3/FA3.pdf"), tree.path("facture/FA1/FA1.pdf"));
    fs::rename(tree.path("x"), tree.path("facture/FA3/FA3.pdf"));
  });
  expect_seen("a link's target", [&] {
    fs::remove(tree.path("facture/link"));
    fs::create_symlink("FA3", tree.path("facture/link"));
  });
  expect_seen("a new empty folder", [&] { tree.make_folder("facture/FA9"); });
  expect_seen("a new empty file", [&] { tree.write("facture/FA9/empty", ""); });
  expect_seen("a file gone", [&] { fs::remove(tree.path("facture/FA9/empty")); });
  expect_seen("a folder gone", [&] { fs::remove(tree.path("facture/FA9")); });
  expect_seen("a file that becomes a folder", [&] {
    fs::remove(tree.path("facture/FA3/FA3.pdf"));
    tree.make_folder("facture/FA3/FA3.pdf");
  });
  expect_seen("a user's own temp", [&] { tree.write("facture/FA1/temp/x", "x"); });
  expect_seen("a log elsewhere", [&] { tree.write("facture/dolibarr.log", "x"); });
  expect_seen("a pipe", [&] { ASSERT_EQ(::mkfifo(tree.path("pipe").c_str(), 0600), 0); });
  if (::geteuid() == 0) {
    expect_seen("owner", [&] { ASSERT_EQ(::chown(tree.path("facture/FA1").c_str(), 33, 0), 0); });
    expect_seen("group", [&] { ASSERT_EQ(::lchown(tree.path("facture/link").c_str(), 0, 33), 0); });
  }
}

TEST_F(Survey, does_not_see_caches_and_logs) {
  expect_unseen("a cache rewritten", [&] { tree.write("users/temp/stats.cache", "other cache"); });
  expect_unseen("a cache more", [&] { tree.write("users/temp/more/x.cache", "x"); });
  expect_unseen("the caches gone", [&] { fs::remove_all(tree.path("users/temp")); });
  expect_unseen("the caches back", [&] { tree.write("users/temp/y.cache", "y"); });
  expect_unseen("a log that grows", [&] { tree.append("dolibarr.log", "more"); });
  expect_unseen("a log rotated", [&] {
    fs::rename(tree.path("dolibarr.log"), tree.path("dolibarr.log.1"));
    tree.write("dolibarr.log", "new");
  });
  expect_unseen("reading",
                [&] { EXPECT_EQ(read_whole(tree.path("facture/FA1/FA1.pdf")), "an invoice"); });
  expect_unseen("a capture", [&] { capture(tree.source()); });
  tree.make_folder("admin");
  expect_unseen("a dump of Dolibarr's",
                [&] { tree.write("admin/backup/dump.sql", "create table"); });
}

TEST_F(Survey, and_the_capture_agree) {
  tree.write("ecm/large", random_bytes(3 << 20, 1));
  fs::create_hard_link(tree.path("ecm/large"), tree.path("ecm/large2"));
  tree.make_folder("empty");
  const DocumentsSurvey looked = survey(tree.source(3));
  const DocumentsSurvey captured = capture(tree.source(1)).result.survey;
  EXPECT_EQ(captured.fingerprint, looked.fingerprint);
  EXPECT_EQ(captured.files, looked.files);
  EXPECT_EQ(captured.bytes, looked.bytes);
  EXPECT_EQ(captured.excluded, looked.excluded);
  EXPECT_EQ(looked.files, 5u);
  EXPECT_EQ(looked.directories, 7u);  // the root, facture, FA1, FA2, users, ecm, empty
}

TEST_F(Survey, counts_files_too_young_to_trust) {
  EXPECT_EQ(survey(tree.source()).trust.racy_files, 3u) << "their ctime is of this moment";
  std::this_thread::sleep_for(std::chrono::nanoseconds(kRacyMarginNs) +
                              std::chrono::milliseconds(50));
  const DocumentsSurvey later = survey(tree.source());
  EXPECT_EQ(later.trust.racy_files, 0u);
  tree.append("facture/FA1/FA1.pdf", "!");
  const DocumentsSurvey changed = survey(tree.source());
  EXPECT_EQ(changed.trust.racy_files, 1u);
  EXPECT_GT(changed.trust.walk_started_ns, later.trust.walk_started_ns);
}

TEST_F(Survey, names_files_in_bytewise_order_of_components) {
  Tree other;
  for (const char* name :
       {"b", "a/z", "a.x", "a-b/c", "Z", "\xff", "é", "a/b/c", "a/b.c", "10", "9"})
    other.write(name, name);
  std::vector<std::string> seen;
  Progress progress;
  survey_documents(other.source(), [&](std::string_view path) { seen.emplace_back(path); },
                   progress, {});
  EXPECT_THAT(
      seen, ElementsAre("10", "9", "Z", "a/b/c", "a/b.c", "a/z", "a-b/c", "a.x", "b", "é", "\xff"));
  EXPECT_EQ(progress.docs_files_walked, seen.size());
}

TEST_F(Survey, walks_twenty_thousand_files_in_one_folder_in_order) {
  Tree large;
  large.make_folder("facture");
  for (int i = 0; i < 20'000; ++i)
    large.write("facture/" + std::to_string(i * 7919 % 20'011), i % 1000 == 0 ? "some" : "");
  std::vector<std::string> seen;
  Progress progress;
  const DocumentsSurvey looked = survey_documents(
      large.source(), [&](std::string_view path) { seen.emplace_back(path); }, progress, {});
  EXPECT_EQ(looked.files, 20'000u);
  ASSERT_EQ(seen.size(), 20'000u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
  const Captured captured = capture(large.source());
  EXPECT_EQ(captured.checksums.size(), 20'000u);
  EXPECT_EQ(captured.result.survey.fingerprint, looked.fingerprint);
}

TEST_F(Survey, a_stop_ends_the_walk) {
  std::stop_source stop;
  Progress progress;
  try {
    survey_documents(
        tree.source(), [&](std::string_view) { stop.request_stop(); }, progress, stop.get_token());
    FAIL() << "walked to the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::interrupted);
  }
}

}  // namespace
}  // namespace dolibarr_backup
