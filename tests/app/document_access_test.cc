// One document out of an archive, and trees out of it: what comes out is what went in,
// and an archive or manifest that lies is caught before anything is left behind.
#include "app/document_access.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "app/counting_store.h"
#include "app/stored_documents.h"
#include "base/error.h"
#include "documents/tree.h"
#include "store/directory_store.h"
#include "store/make_store.h"
#include "stream/digest.h"
#include "support/ceph_rgw.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kLatin1 = "facture/r\xe9sum\xe9 \xff.pdf";
const std::string kAwkward = "ecm/ a\tb\nc\\d\r'\"*?[x]/-/-n";
const std::string kDeep = "d1/" + std::string(200, 'x') + "/" + std::string(200, 'y') + "/file";

// All that is hard to store or to find again.
void fill(const Tree& tree) {
  tree.write("-", "a dash");
  tree.write("facture/FA1/FA1.pdf", "%PDF one" + random_bytes(30'000, 1));
  tree.write("facture/FA2/FA2.pdf", "%PDF two" + random_bytes(30'000, 2));
  tree.write("facture/FA2/empty", "");
  tree.write(kLatin1, "latin");
  tree.write("facture/\xc3\xa9t\xc3\xa9.pdf", "utf-8");
  tree.write(kAwkward, "awkward");
  tree.write(kDeep, "deep");
  tree.write("large/video.bin", random_bytes(7 << 20, 3));
  tree.write("large/zeros", std::string(5 << 20, '\0'));
  tree.write("links/first", "one file, three names");
  fs::create_hard_link(tree.path("links/first"), tree.path("links/second"));
  tree.make_folder("other");
  fs::create_hard_link(tree.path("links/first"), tree.path("other/third"));
  fs::create_hard_link(tree.path("large/video.bin"), tree.path("other/video.bin"));
  fs::create_symlink("first", tree.path("links/soft"));
  fs::create_symlink("/etc/passwd", tree.path("links/outside"));
  fs::create_symlink("nowhere", tree.path("links/dangling"));
  tree.make_folder("none");
  for (int i = 0; i < 300; ++i)
    tree.write("many/" + std::to_string(i), random_bytes(20'000, static_cast<uint64_t>(100 + i)));
  const int sparse =
      ::open(tree.path("large/sparse").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  EXPECT_EQ(::ftruncate(sparse, 3 << 20), 0);
  EXPECT_EQ(::pwrite(sparse, "end", 3, (3 << 20) - 3), 3);
  ::close(sparse);
  fs::permissions(tree.path("none"), fs::perms(0511));
  fs::permissions(tree.path("facture/FA1/FA1.pdf"), fs::perms(0640));
  tree.set_mtime("facture/FA2/FA2.pdf", -1'500'000'000);
  for (const char* folder : {"none", "links", "facture/FA1", "facture", "many", ""})
    tree.set_mtime(folder, 1'700'000'000'000'000'007);
}

class DocumentAccess : public testing::Test {
 protected:
  std::string read(const std::string& path) {
    StringSink out;
    write_document(store, docs, path, out, {});
    return out.take();
  }
  Error read_error(const std::string& path) {
    try {
      read(path);
    } catch (const Error& error) {
      return error;
    }
    return {Errc::bug, "nothing was thrown"};
  }
  ExtractReport extract(const std::string& pattern, const std::string& to) {
    Progress progress_now;
    return extract_documents(store, docs, PathPattern(pattern), to, progress_now, {});
  }
  Error extract_error(const std::string& pattern, const std::string& to) {
    try {
      extract(pattern, to);
    } catch (const Error& error) {
      return error;
    }
    return {Errc::bug, "nothing was thrown"};
  }
  std::string scratch(const std::string& name) const { return (folder / name).string(); }
  std::string path_of(const std::string& key) const { return scratch("store/" + key); }
  // Changes one byte of a stored object, behind the store's back.
  void flip(const std::string& key, uint64_t at) const {
    fs::permissions(path_of(key), fs::perms::owner_write, fs::perm_options::add);
    std::fstream file(path_of(key), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }

  TempDir folder;
  Progress progress;
  DirectoryStore directory{scratch("store"), progress, {}};
  CountingStore store{directory};
  ArchiveEntry docs;
};

class StoredTree : public DocumentAccess {
 protected:
  StoredTree() {
    fill(tree);
    docs = store_documents(store, tree.source());
    store.requests = store.bytes = 0;
  }
  Tree tree;
};

TEST_F(StoredTree, EveryFileComesOutAsItWentIn) {
  int files = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(tree.root())) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    const std::string path = entry.path().string().substr(tree.root().size() + 1);
    if (path.starts_with("many/") && path.size() < 8) continue;
    EXPECT_TRUE(read(path) == read_whole(entry.path().string())) << path;
    ++files;
  }
  EXPECT_GT(files, 100);
}

TEST_F(StoredTree, OnePdfTakesTwoRequestsAndFewBytes) {
  EXPECT_EQ(read("./facture/FA1/FA1.pdf").size(), 30'008u);
  EXPECT_EQ(store.requests, 2u);
  EXPECT_LT(store.bytes, 5 * kMiB);
  store.requests = store.bytes = 0;
  EXPECT_EQ(read("other/third"), "one file, three names");
  EXPECT_EQ(store.requests, 2u);
  store.requests = store.bytes = 0;
  EXPECT_EQ(sha256_hex(read("other/video.bin")), sha256_hex(random_bytes(7 << 20, 3)));
  EXPECT_EQ(store.requests, 2u) << "a file of several members is one range";
}

TEST_F(StoredTree, WhatIsNoFileIsSaidClearly) {
  const Error is_folder = read_error("facture");
  EXPECT_EQ(is_folder.code(), Errc::usage);
  EXPECT_THAT(is_folder.what(), HasSubstr("is a folder"));
  EXPECT_THAT(read_error("").what(), HasSubstr("is a folder"));
  EXPECT_THAT(read_error("links/soft").what(), HasSubstr("is a symbolic link to 'first'"));
  const Error missing = read_error("facture/FA1/FA1.pfd");
  EXPECT_EQ(missing.code(), Errc::usage);
  EXPECT_THAT(missing.hint(), HasSubstr("did you mean 'facture/FA1/FA1.pdf'?"));
  EXPECT_THAT(read_error("factures/FA1/FA1.pdf").hint(), HasSubstr("did you mean 'facture'?"));
  EXPECT_THAT(read_error("propale/FA1.pdf").hint(), HasSubstr("'facture/FA1/FA1.pdf'"));
  EXPECT_EQ(read_error("../x").code(), Errc::usage);
}

TEST_F(StoredTree, AWholeTreeComesOutAsItWentIn) {
  const ExtractReport report = extract("**", scratch("out"));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(describe_tree(scratch("out")), describe_tree(tree.root()));
  EXPECT_EQ(report.requests, 3u) << "the manifest twice, and one range";
  EXPECT_EQ(report.requests, store.requests);
  EXPECT_EQ(report.symlinks, 3u);
}

TEST_F(StoredTree, GlobsTakeTheirPartWithTheFoldersOnTheWay) {
  const ExtractReport report = extract("facture/*/*.pdf", scratch("out"));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.files, 2u);
  TreeFacts facts = describe_tree(scratch("out"));
  TreeFacts expected = describe_tree(tree.root());
  facts.erase("");
  std::erase_if(expected, [&](const auto& one) { return !facts.contains(one.first); });
  EXPECT_EQ(facts, expected);
  EXPECT_EQ(facts.size(), 5u);
  EXPECT_LE(report.requests, 4u);
  EXPECT_LT(report.fetched_bytes, 5 * kMiB);

  EXPECT_EQ(extract("many", scratch("many")).files, 300u);
  EXPECT_EQ(extract("ecm", scratch("ecm")).files, 1u);
  EXPECT_EQ(read_whole(scratch("ecm/" + kAwkward)), "awkward");
  EXPECT_EQ(extract(kLatin1, scratch("latin")).files, 1u);
  EXPECT_EQ(extract_error("nothing/*", scratch("nothing")).code(), Errc::usage);
  EXPECT_FALSE(fs::exists(scratch("nothing")));
}

TEST_F(StoredTree, AHardLinkWithoutItsTargetIsAFile) {
  const ExtractReport report = extract("other", scratch("out"));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.files, 2u);
  EXPECT_EQ(read_whole(scratch("out/other/third")), "one file, three names");
  EXPECT_TRUE(read_whole(scratch("out/other/video.bin")) == random_bytes(7 << 20, 3));
  const TreeFacts facts = describe_tree(scratch("out")), before = describe_tree(tree.root());
  EXPECT_EQ(facts.at("other"), before.at("other")) << "the folder's time is set last";
}

TEST_F(StoredTree, NothingThatExistsIsReplaced) {
  extract("facture/FA1", scratch("out"));
  const TreeFacts before = describe_tree(scratch("out"));
  const Error again = extract_error("**", scratch("out"));
  EXPECT_EQ(again.code(), Errc::refused);
  EXPECT_THAT(again.what(), HasSubstr("facture/FA1/FA1.pdf"));
  EXPECT_EQ(describe_tree(scratch("out")), before) << "nothing was written";
  EXPECT_EQ(extract("facture/FA2", scratch("out")).files, 2u) << "beside it there is room";
  fs::create_symlink(folder.path(), scratch("out/large"));
  EXPECT_EQ(extract_error("large/zeros", scratch("out")).code(), Errc::refused);
  EXPECT_FALSE(fs::exists(scratch("zeros")));
}

TEST_F(StoredTree, AFlippedByteIsNamedAndNothingOfItIsLeft) {
  flip(docs.archive.key, docs.archive.size / 2);
  const ExtractReport report = extract("**", scratch("out"));
  ASSERT_FALSE(report.problems.empty());
  const std::string& problem = report.problems.front();
  EXPECT_THAT(problem, AllOf(HasSubstr(docs.archive.key), HasSubstr("member")));
  const std::string path = problem.substr(1, problem.find('\'', 1) - 1);
  EXPECT_FALSE(fs::exists(scratch("out/" + path)));
  const Error error = read_error(path);
  EXPECT_EQ(error.code(), Errc::corrupt);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr(docs.archive.key), HasSubstr("member"), HasSubstr(path)));
  const TreeFacts facts = describe_tree(scratch("out")), before = describe_tree(tree.root());
  for (const auto& [name, fact] : facts) {
    EXPECT_FALSE(name.ends_with(".part")) << name;
    if (name.starts_with("facture") || name.starts_with("ecm")) {
      EXPECT_EQ(fact, before.at(name));
    }
  }
  EXPECT_GE(report.files + report.problems.size(), 300u) << "the rest is there";
}

TEST_F(StoredTree, AnArchiveThatEndsEarlyOrIsGoneFails) {
  fs::resize_file(path_of(docs.archive.key), docs.archive.size / 2);
  EXPECT_EQ(extract_error("**", scratch("out")).code(), Errc::corrupt);
  fs::remove(path_of(docs.archive.key));
  EXPECT_EQ(extract_error("**", scratch("out2")).code(), Errc::corrupt);
  EXPECT_EQ(read_error("-").code(), Errc::corrupt);
}

TEST_F(StoredTree, ASwappedManifestIsRefused) {
  Tree another;
  another.write("facture/FA1/FA1.pdf", "forged");
  const ArchiveEntry forged = store_documents(store, another.source());
  docs.manifest->key = forged.manifest->key;
  EXPECT_EQ(read_error("facture/FA1/FA1.pdf").code(), Errc::corrupt);
  EXPECT_EQ(extract_error("**", scratch("out")).code(), Errc::corrupt);
  EXPECT_FALSE(fs::exists(scratch("out")));
}

TEST_F(DocumentAccess, ContentThatIsNotWhatTheManifestSaysIsRefused) {
  MadeArchive made;
  made.add(folder_entry(""));
  made.add(file_entry("a"), "content of a");
  made.add(file_entry("b"), "content of b", "another name");
  docs = made.store(store);
  EXPECT_EQ(read("a"), "content of a");
  EXPECT_EQ(read_error("b").code(), Errc::corrupt);
  const ExtractReport report = extract("**", scratch("out"));
  EXPECT_EQ(report.files, 1u);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("'b' is damaged")));
  EXPECT_FALSE(fs::exists(scratch("out/b")));
}

TEST_F(DocumentAccess, NoNameLeadsOutside) {
  for (const std::string path : {"../x", "/tmp/x", "a/../../x", "a//x", ".."}) {
    MadeArchive made;
    made.add(folder_entry(""));
    made.add(file_entry(path), "evil");
    docs = made.store(store);
    EXPECT_EQ(extract_error("**", scratch("out")).code(), Errc::corrupt) << path;
    EXPECT_FALSE(fs::exists(scratch("x")));
    EXPECT_FALSE(fs::exists(scratch("out")));
  }
  MadeArchive tar_only;  // the manifest is honest, the tar is not
  tar_only.add(folder_entry(""));
  tar_only.add(file_entry("x"), "evil", "../x");
  docs = tar_only.store(store);
  EXPECT_EQ(extract("**", scratch("out")).problems.size(), 1u);
  EXPECT_FALSE(fs::exists(scratch("x")));
}

TEST_F(DocumentAccess, NoModeMakesAStrangerTheOwner) {
  MadeArchive made;
  made.add(folder_entry(""));
  ManifestEntry owned_folder = folder_entry("folder"), program = file_entry("folder/program");
  owned_folder.mode = 07755;
  program.mode = 07755;
  made.add(owned_folder);
  made.add(program, "evil");
  docs = made.store(store);
  EXPECT_THAT(extract("**", scratch("out")).problems, IsEmpty());
  EXPECT_EQ(fs::status(scratch("out/folder")).permissions(), fs::perms(02755));
  EXPECT_EQ(fs::status(scratch("out/folder/program")).permissions(), fs::perms(0755));
}

TEST_F(DocumentAccess, TheEarliestTimeIsATime) {
  MadeArchive made;
  made.add(folder_entry(""));
  ManifestEntry file = file_entry("a");
  file.mtime_ns = std::numeric_limits<int64_t>::min();
  made.add(file, "content");
  docs = made.store(store);
  EXPECT_THAT(extract("**", scratch("out")).problems, IsEmpty());
  EXPECT_EQ(read_whole(scratch("out/a")), "content");
}

TEST_F(StoredTree, RootPutsNothingIntoAnothersFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root could";
  fs::create_directory(scratch("out"));
  constexpr uid_t kAnother = 33;
  ASSERT_EQ(::chown(scratch("out").c_str(), kAnother, kAnother), 0);
  const Error error = extract_error("facture", scratch("out"));
  EXPECT_EQ(error.code(), Errc::refused);
  EXPECT_THAT(error.what(), HasSubstr("'" + scratch("out") + "'"));
  EXPECT_TRUE(fs::is_empty(scratch("out")));
}

TEST_F(DocumentAccess, NoFileGoesThroughALink) {
  fs::create_directory(scratch("outside"));
  MadeArchive made;
  made.add(folder_entry(""));
  made.add(symlink_entry("a", scratch("outside")));
  made.add(file_entry("a/x"), "evil");
  made.add(file_entry("b"), "fine");
  made.add(hard_link_entry("c", "../../../etc/passwd"), "evil");
  made.add(hard_link_entry("d", "a/x"), "evil");
  made.add(symlink_entry("e", "../outside"));
  docs = made.store(store);
  const ExtractReport report = extract("**", scratch("out"));
  EXPECT_TRUE(fs::is_empty(scratch("outside")));
  EXPECT_FALSE(fs::exists(scratch("out/c")));
  EXPECT_EQ(read_whole(scratch("out/b")), "fine");
  EXPECT_TRUE(fs::is_symlink(scratch("out/e")));
  EXPECT_FALSE(report.problems.empty());
}

TEST(DocumentAccessInCeph, OnePdfTakesTwoRequestsAndFewBytes) {
  CephRgw ceph;
  StoreSettings settings;
  settings.s3 = ceph.make_bucket("documents");
  Progress progress;
  const std::unique_ptr<ObjectStore> real = make_store(settings, 24 * kMiB, progress, {});
  CountingStore store(*real);
  Tree tree;
  fill(tree);
  const ArchiveEntry docs = store_documents(store, tree.source());
  store.requests = store.bytes = 0;
  StringSink out;
  write_document(store, docs, "facture/FA2/FA2.pdf", out, {});
  EXPECT_TRUE(out.text() == read_whole(tree.path("facture/FA2/FA2.pdf")));
  EXPECT_EQ(store.requests, 2u);
  EXPECT_LT(store.bytes, 5 * kMiB);
  TempDir folder;
  const std::string to = folder.string() + "/out";
  const ExtractReport report = extract_documents(store, docs, PathPattern("**"), to, progress, {});
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(describe_tree(to), describe_tree(tree.root()));
}

}  // namespace
}  // namespace dolibarr_backup
