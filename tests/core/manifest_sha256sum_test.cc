#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/units.h"
#include "core/manifest.h"

// The promise that coreutils alone verifies a restored tree, kept by the real sha256sum.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

std::string sha256_of(const std::string& content) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return to_hex(digest);
}

class ManifestForSha256sum : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "manifest-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directory(folder_ / "tree");
    manifest_ = manifest_header();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void add_file(const std::string& path) {
    const std::string content = "content of " + path;
    const fs::path file = folder_ / "tree" / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    ASSERT_TRUE(fs::exists(file));
    manifest_ += to_text(ManifestEntry{.size = content.size(), .path = path});
    manifest_ += to_text(ManifestChecksum{sha256_of(content), path});
    ++files_;
  }

  // Runs sha256sum over the manifest in the tree; true if it agrees with every line.
  bool sha256sum_agrees() {
    std::ofstream(folder_ / "manifest", std::ios::binary) << manifest_;
    const std::string command = "cd '" + (folder_ / "tree").string() +
                                "' && LC_ALL=C sha256sum -c --strict ../manifest < /dev/null "
                                "> ../out 2>&1";
    const bool agreed = std::system(command.c_str()) == 0;
    std::ifstream out(folder_ / "out", std::ios::binary);
    output_.assign(std::istreambuf_iterator<char>(out), {});
    return agreed;
  }

  size_t lines_that_say_ok() const {
    size_t count = 0;
    for (size_t at = output_.find(": OK\n"); at != std::string::npos;
         at = output_.find(": OK\n", at + 1))
      ++count;
    return count;
  }

  fs::path folder_;
  std::string manifest_, output_;
  size_t files_ = 0;
};

TEST_F(ManifestForSha256sum, VerifiesEveryNameAFileSystemAllows) {
  for (const std::string path : {"facture/FA2606-0001/FA2606-0001.pdf",
                                 "with blank",
                                 " leading blank",
                                 "trailing blank ",
                                 "#comment",
                                 "# entry f",
                                 "back\\slash",
                                 "\\leading backslash",
                                 "new\nline",
                                 "\ntwo\n\n",
                                 "return\r",
                                 "\r\n",
                                 "tab\there",
                                 "trailing tab\t",
                                 "\\n is no newline",
                                 "latin1 caf\xe9",
                                 "utf8 caf\xc3\xa9",
                                 "*star",
                                 "-",
                                 "--check",
                                 "a  b",
                                 "\x01\x7f\xff",
                                 "'quote\"",
                                 "SHA256 (x) = y",
                                 "deep/ #/\\/x"})
    add_file(path);
  manifest_ += to_text(ManifestFact{"note", "two\nlines"});
  EXPECT_TRUE(sha256sum_agrees()) << output_;
  EXPECT_EQ(lines_that_say_ok(), files_) << output_;
}

TEST_F(ManifestForSha256sum, ReportsAFileThatChanged) {
  add_file("new\nline");
  add_file("other");
  std::ofstream(folder_ / "tree" / "new\nline", std::ios::app) << "!";
  EXPECT_FALSE(sha256sum_agrees());
  EXPECT_EQ(lines_that_say_ok(), 1u) << output_;
}

TEST_F(ManifestForSha256sum, VerifiesEveryByteInAName) {
  for (int byte = 1; byte < 256; ++byte)
    if (byte != '/' && byte != '.') add_file(std::string(1, static_cast<char>(byte)));
  EXPECT_TRUE(sha256sum_agrees()) << output_;
  EXPECT_EQ(lines_that_say_ok(), files_) << output_;
}

}  // namespace
}  // namespace dolibarr_backup
