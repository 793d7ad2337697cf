#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/error.h"
#include "documents/tree.h"
#include "dolibarr/file_status.h"

// Content that changed although stat says that nothing did. ctime cannot be set, so
// the manifest is made to say what the file system says now.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

DocumentsReread reread(const Tree& tree, const std::string& manifest, int64_t since_ns = 0,
                       const std::stop_token& stop = {}) {
  Progress progress;
  MemorySource text{std::string_view(manifest)};
  return reread_documents(tree.source(), text, since_ns, progress, stop);
}

/// The manifest with each file's times as they are now, and its old checksums.
std::string with_times_of_now(const Tree& tree, const Captured& captured) {
  std::string text = manifest_header();
  for (ManifestEntry entry : captured.entries) {
    struct statx seen {};
    EXPECT_EQ(::statx(AT_FDCWD, tree.path(entry.path).c_str(), AT_SYMLINK_NOFOLLOW,
                      STATX_BASIC_STATS, &seen),
              0);
    entry.mtime_ns = seen.stx_mtime.tv_sec * 1'000'000'000 + seen.stx_mtime.tv_nsec;
    entry.ctime_ns = seen.stx_ctime.tv_sec * 1'000'000'000 + seen.stx_ctime.tv_nsec;
    text += to_text(entry);
    if (captured.checksums.contains(entry.path))
      text += to_text(ManifestChecksum{captured.checksums.at(entry.path), entry.path});
  }
  return text;
}

class Reread : public testing::Test {
 protected:
  Reread() {
    tree.write("facture/FA1.pdf", "an invoice");
    tree.write("facture/large.bin", random_bytes(3 << 20, 1));
    tree.write("odd \n\\name", "odd");
    tree.write("-", "dash");
    fs::create_hard_link(tree.path("facture/FA1.pdf"), tree.path("facture/FA1-link.pdf"));
    fs::create_symlink("FA1.pdf", tree.path("facture/link"));
  }
  Tree tree;
};

TEST_F(Reread, finds_nothing_in_a_quiet_tree) {
  const Captured captured = capture(tree.source());
  const DocumentsReread result = reread(tree, captured.manifest);
  EXPECT_EQ(result.files, 5u);
  EXPECT_EQ(result.bytes, (3u << 20) + 10 + 10 + 3 + 4);
  EXPECT_THAT(result.silently_changed, IsEmpty());
}

TEST_F(Reread, finds_content_that_changed_under_an_equal_stat) {
  const Captured captured = capture(tree.source());
  tree.write("facture/FA1.pdf", "AN INVOICE");  // seen through both links
  tree.write("odd \n\\name", "ODD");
  std::string large = read_whole(tree.path("facture/large.bin"));
  large[2'500'000] = static_cast<char>(large[2'500'000] ^ 1);
  tree.write("facture/large.bin", large);
  EXPECT_THAT(
      reread(tree, with_times_of_now(tree, captured)).silently_changed,
      ElementsAre("facture/FA1-link.pdf", "facture/FA1.pdf", "facture/large.bin", "odd \n\\name"));
}

TEST_F(Reread, passes_over_what_stat_already_tells) {
  const Captured captured = capture(tree.source());
  tree.write("facture/FA1.pdf", "another length");
  fs::remove(tree.path("-"));
  tree.write("odd \n\\name", "ODD");
  tree.set_mtime("odd \n\\name", 1'700'000'000'000'000'000);
  const DocumentsReread result = reread(tree, captured.manifest);
  EXPECT_EQ(result.files, 1u);
  EXPECT_THAT(result.silently_changed, IsEmpty());
}

TEST_F(Reread, does_not_follow_a_folder_that_became_a_link) {
  const Captured captured = capture(tree.source());
  fs::rename(tree.path("facture"), tree.path("moved"));
  fs::create_directory_symlink("moved", tree.path("facture"));
  EXPECT_EQ(reread(tree, captured.manifest).files, 2u);
}

TEST_F(Reread, reads_only_what_is_young_enough) {
  const Captured captured = capture(tree.source());
  const int64_t last = captured.entry("-").ctime_ns;
  EXPECT_EQ(reread(tree, captured.manifest, last + 1'000'000'000).files, 0u);
  EXPECT_EQ(reread(tree, captured.manifest, 1).files, 5u);
}

TEST_F(Reread, a_missing_root_and_a_stop_are_errors) {
  const Captured captured = capture(tree.source());
  std::stop_source stop;
  stop.request_stop();
  try {
    reread(tree, captured.manifest, 0, stop.get_token());
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::interrupted);
  }
  fs::remove_all(tree.root());
  try {
    reread(tree, captured.manifest);
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::source);
    EXPECT_THAT(error.hint(), testing::HasSubstr("mounted"));
  }
}

TEST_F(Reread, a_manifest_cut_short_is_corrupt) {
  const std::string manifest = capture(tree.source()).manifest;
  try {
    reread(tree, manifest.substr(0, manifest.size() - 10));
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
  }
}

}  // namespace
}  // namespace dolibarr_backup
