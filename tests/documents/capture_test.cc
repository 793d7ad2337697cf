#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "documents/tree.h"

// What comes out of the archive is what went in, by GNU tar and sha256sum alone.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class Capture : public testing::Test {
 protected:
  /// Captures, unpacks, compares everything with the tree as it is; the restored
  /// folder stays at restored().
  Captured restore() {
    const TreeFacts before = describe_tree(tree.root());
    Captured captured = capture(tree.source());
    unpack_with_tar(captured.archive, restored());
    const TreeFacts after = describe_tree(restored());
    for (const auto& [path, facts] : before)
      EXPECT_EQ(after.contains(path) ? after.at(path) : "missing", facts) << path;
    for (const auto& [path, facts] : after) EXPECT_TRUE(before.contains(path)) << path;
    EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
    EXPECT_FALSE(captured.result.incomplete);
    EXPECT_EQ(captured.entries.size(), before.size());
    return captured;
  }
  std::string restored() const { return (out_ / "restored").string(); }

  Tree tree;

 private:
  TempDir out_;
};

TEST_F(Capture, brings_back_awkward_names) {
  for (const std::string name : {"with blanks  two",
                                 "line\nbreak",
                                 "back\\slash",
                                 "\\n",
                                 "tab\there",
                                 "cr\rhere",
                                 "-rf",
                                 "--help",
                                 "-",
                                 "#comment",
                                 " leading",
                                 "trailing ",
                                 "quote'\"`$(x)",
                                 "*?[a]",
                                 "~",
                                 "é ü ß",
                                 "日本語",
                                 "e\xcc\x81 decomposed",
                                 "latin1 \xe9t\xe9",
                                 "\xff\xfe\x80",
                                 "x = y",
                                 "a:b",
                                 "\x01\x7f",
                                 ".hidden",
                                 "...",
                                 "100%"})
    tree.write(std::string("names/") + name, "content of " + std::string(name));
  for (const std::string name : {"-", "-n", "a\nb", "caf\xe9", "# x"})
    tree.write(name, "in the root");
  tree.write("folder \xe9\n\\/file \xff", "in an awkward folder");
  fs::create_symlink("target\nwith \\ and \xe9", tree.path("names/link\n"));
  const Captured captured = restore();
  EXPECT_EQ(captured.entry("names/link\n").target, "target\nwith \\ and \xe9");
  EXPECT_EQ(captured.checksums.size(), 32u);
}

TEST_F(Capture, brings_back_long_names_and_deep_paths) {
  const std::string longest(NAME_MAX, 'n');
  tree.write(longest, "longest name");
  tree.write(longest.substr(1) + "/" + longest, "longest name in a long folder");
  for (const size_t length :
       {99, 100, 101, 154, 155, 156, 254, 255, 256, 257, 300, 511, 512, 1000}) {
    std::string path = "d";
    while (path.size() + 51 < length) path += "/" + std::string(49, 'p');
    path += "/" + std::string(length - path.size() - 1, 'f');
    ASSERT_EQ(path.size(), length);
    tree.write(path, "path of " + std::to_string(length));
  }
  std::string deep = "deep";
  for (int level = 0; level < 300; ++level) deep += "/l";
  tree.write(deep, "three hundred folders down");
  fs::create_symlink(std::string(1000, 't'), tree.path("long target"));
  fs::create_hard_link(tree.path(deep), tree.path("link to the deep one"));
  restore();
}

TEST_F(Capture, brings_back_modes_times_and_owners) {
  const mode_t modes[] = {0000, 0400, 0444, 0600,  0640,  0660,
                          0666, 0755, 0777, 04755, 02770, 01777};
  for (const mode_t mode : modes) {
    const std::string name = "mode" + std::to_string(mode);
    tree.write("files/" + name, name);
    tree.write("folders/" + name + "/inside", name);
    if (::geteuid() != 0 && (mode & 0500) != 0500) continue;  // we could not read it ourselves
    fs::permissions(tree.path("files/" + name), fs::perms(mode));
    fs::permissions(tree.path("folders/" + name), fs::perms(mode));
  }
  int number = 0;
  for (const int64_t ns :
       {int64_t{0}, int64_t{1}, int64_t{-1'000'000'000}, int64_t{-1'500'000'001},
        int64_t{999'999'999}, int64_t{1'782'785'700'120'000'000},
        int64_t{4'102'444'800'000'000'001}, int64_t{8'589'934'592'500'000'000}}) {
    const std::string name = "times/" + std::to_string(number++);
    tree.write(name, name);
    tree.set_mtime(name, ns);
  }
  fs::create_symlink("nowhere", tree.path("times/link"));
  tree.set_mtime("times/link", 1'600'000'000'000'000'007);
  if (::geteuid() == 0) {
    for (const unsigned id : {33u, 65534u, 2097151u, 2097152u, 3'000'000'000u}) {
      const std::string name = "owners/" + std::to_string(id);
      tree.write(name + "/file", name);
      ASSERT_EQ(::chown(tree.path(name).c_str(), id, id - 1), 0);
      ASSERT_EQ(::chown(tree.path(name + "/file").c_str(), id, id - 1), 0);
    }
  }
  fs::permissions(tree.root(), fs::perms(02750));
  tree.set_mtime("times", 1'500'000'000'000'000'001);
  tree.set_mtime(".", 1'500'000'000'000'000'002);
  restore();
}

TEST_F(Capture, keeps_symbolic_links_as_links_and_never_follows_them) {
  const TempDir outside;
  fs::create_directories(outside / "folder");
  const std::string secret = "SECRET-OUTSIDE-THE-TREE-" + std::string(64, '7');
  const fs::path file = outside / "folder/secret";
  std::ofstream(file) << secret;
  tree.write("inside/file", "inside");
  fs::create_symlink("nowhere at all", tree.path("dangling"));
  fs::create_symlink("inside/file", tree.path("to a file"));
  fs::create_symlink("inside", tree.path("to a folder"));
  fs::create_symlink(outside.string() + "/folder", tree.path("out to a folder"));
  fs::create_symlink(file.string(), tree.path("out to a file"));
  fs::create_symlink("/", tree.path("to everything"));
  fs::create_symlink(".", tree.path("loop"));
  const Captured captured = restore();
  std::string plain;
  for (const ManifestMember& member : captured.members)
    plain += unpack_member(captured.packed(member));
  EXPECT_EQ(plain.find(secret), std::string::npos);
  EXPECT_EQ(captured.entry("loop").type, ManifestEntry::Type::symlink);
  EXPECT_THAT(captured.checksums, testing::SizeIs(1));
}

TEST_F(Capture, follows_a_symbolic_link_at_the_root_only) {
  tree.write("a", "b");
  const TempDir elsewhere;
  fs::create_symlink(tree.root(), elsewhere / "link");
  const Captured captured = capture({.root = elsewhere / "link"});
  EXPECT_EQ(captured.archive, capture(tree.source()).archive);
}

TEST_F(Capture, keeps_hard_links_of_small_and_large_files) {
  tree.write("a/small", "one of three");
  fs::create_hard_link(tree.path("a/small"), tree.path("a/small2"));
  tree.make_folder("b");
  fs::create_hard_link(tree.path("a/small"), tree.path("b/small3"));
  tree.write("c/large", random_bytes(3 << 20, 1));
  fs::create_hard_link(tree.path("c/large"), tree.path("c/large2"));
  fs::create_hard_link(tree.path("c/large"), tree.path("z large3"));
  tree.write("d/empty", "");
  fs::create_hard_link(tree.path("d/empty"), tree.path("d/empty2"));
  const Captured captured = restore();
  EXPECT_EQ(captured.entry("a/small").type, ManifestEntry::Type::file);
  for (const auto& [path, target] :
       {std::pair("a/small2", "a/small"), std::pair("b/small3", "a/small"),
        std::pair("c/large2", "c/large"), std::pair("z large3", "c/large")}) {
    const ManifestEntry& link = captured.entry(path);
    const ManifestEntry& first = captured.entry(target);
    EXPECT_EQ(link.type, ManifestEntry::Type::hard_link) << path;
    EXPECT_EQ(link.target, target);
    EXPECT_EQ(link.member, first.member) << "a hard link names its target's member";
    EXPECT_EQ(link.member_offset, first.member_offset);
    EXPECT_EQ(captured.checksums.at(path), captured.checksums.at(target));
  }
}

TEST_F(Capture, stores_the_content_of_a_link_whose_other_end_is_left_out) {
  tree.write("facture/temp/first", "content that must not get lost");
  tree.make_folder("facture/FA1");
  fs::create_hard_link(tree.path("facture/temp/first"), tree.path("facture/FA1/second"));
  const Captured captured = capture(tree.source());
  EXPECT_EQ(captured.entry("facture/FA1/second").type, ManifestEntry::Type::file);
  unpack_with_tar(captured.archive, restored());
  EXPECT_EQ(read_whole(restored() + "/facture/FA1/second"), "content that must not get lost");
  EXPECT_FALSE(fs::exists(restored() + "/facture/temp"));
}

TEST_F(Capture, brings_back_empty_large_and_sparse_files) {
  tree.write("empty file", "");
  tree.make_folder("empty/folder/in folders");
  tree.write("large/text", text_of(12 << 20));
  tree.write("large/random", random_bytes((5 << 20) + 1, 2));
  for (const size_t size : {511u, 512u, 513u, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, 2u << 20})
    tree.write("sizes/" + std::to_string(size), random_bytes(size, size));
  tree.write("sparse", "begin");
  fs::resize_file(tree.path("sparse"), 9 << 20);
  tree.append("sparse", "end");
  const Captured captured = restore();
  EXPECT_EQ(captured.entry("sparse").size, (9u << 20) + 3);
  EXPECT_GE(captured.members.size(), 10u);
}

TEST_F(Capture, names_sockets_and_pipes_and_goes_on) {
  tree.write("a", "before");
  tree.write("z", "after");
  ASSERT_EQ(::mkfifo(tree.path("pipe").c_str(), 0600), 0);
  const int bound = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  tree.path("s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(bound, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(bound);
  const Captured captured = capture(tree.source());
  EXPECT_THAT(captured.problem_texts(), ElementsAre("special pipe", "special s"));
  EXPECT_FALSE(captured.result.incomplete);
  EXPECT_EQ(captured.result.survey.others, 2u);
  unpack_with_tar(captured.archive, restored());
  EXPECT_EQ(read_whole(restored() + "/a") + read_whole(restored() + "/z"), "beforeafter");
  EXPECT_FALSE(fs::exists(restored() + "/pipe"));
}

TEST_F(Capture, leaves_out_what_the_rules_say_and_counts_it) {
  tree.write("facture/FA1/FA1.pdf", "invoice");
  tree.write("facture/temp/massgeneration/1/all.pdf", "12345");
  tree.write("facture/temp/x.cache", "123");
  tree.write("2/propale/temp/y", "1234567");
  tree.write("admin/backup/dump.sql", "dump");
  tree.write("admin/documents/docs.zip", "zip");
  tree.write(".dolibarr-backup-restore/half/file", "restored");
  tree.write("projet/temp/T1/plan.pdf", "the project's ref is temp");
  tree.write("ecm/temp/contract.pdf", "an ECM folder");
  tree.write("facture/FA1/temp/note", "a user's own folder");
  tree.write("temp/file", "a module named temp");
  DocumentsSource source = tree.source();
  source.content = {"projet/temp", "ecm/temp"};
  const Captured captured = capture(source);
  EXPECT_THAT(captured.excluded,
              ElementsAre(ManifestExcluded{1, 8, "restore staging", ".dolibarr-backup-restore"},
                          ManifestExcluded{1, 7, "temporary files", "2/propale/temp"},
                          ManifestExcluded{1, 4, "Dolibarr's own dumps", "admin/backup"},
                          ManifestExcluded{1, 3, "Dolibarr's own dumps", "admin/documents"},
                          ManifestExcluded{2, 8, "temporary files", "facture/temp"}));
  unpack_with_tar(captured.archive, restored());
  for (const char* kept : {"facture/FA1/FA1.pdf", "projet/temp/T1/plan.pdf",
                           "ecm/temp/contract.pdf", "facture/FA1/temp/note", "temp/file"})
    EXPECT_EQ(read_whole(restored() + "/" + kept), read_whole(tree.path(kept)));
  for (const ManifestExcluded& excluded : captured.excluded)
    EXPECT_FALSE(fs::exists(restored() + "/" + excluded.path)) << excluded.path;
  EXPECT_EQ(captured.checksums.size(), 5u);
  EXPECT_THAT(capture(tree.source()).excluded, testing::SizeIs(7))
      << "without the database's word, both are temporary";
}

TEST_F(Capture, archives_the_logs_in_the_root_too) {
  for (const char* name : {"dolibarr.log", "dolibarr.log.1", "dolibarr.log.2.gz", "ecm/own.log"})
    tree.write(name, name);
  EXPECT_EQ(restore().checksums.size(), 4u);
}

TEST_F(Capture, refuses_a_root_that_is_missing_or_empty_or_no_folder) {
  const auto error_of = [](const std::string& root) {
    try {
      capture({.root = root});
    } catch (const Error& error) {
      return error;
    }
    throw Error(Errc::bug, "captured " + root);
  };
  const Error missing = error_of(tree.path("nowhere"));
  EXPECT_EQ(missing.code(), Errc::source);
  EXPECT_THAT(missing.what(), testing::HasSubstr(tree.path("nowhere")));
  EXPECT_THAT(missing.hint(), testing::HasSubstr("mounted"));
  tree.make_folder("empty");
  const Error empty = error_of(tree.path("empty"));
  EXPECT_EQ(empty.code(), Errc::source);
  EXPECT_THAT(empty.what(), testing::HasSubstr("is empty"));
  EXPECT_THAT(empty.hint(), testing::HasSubstr("mounted"));
  tree.write("file", "x");
  EXPECT_EQ(error_of(tree.path("file")).code(), Errc::source);
}

TEST_F(Capture, a_stop_ends_it_with_interrupted) {
  tree.write("large", random_bytes(16 << 20, 3));
  std::stop_source stop;
  Progress progress;
  HookedSink archive([&] { stop.request_stop(); }), manifest;
  DocumentsSource source = tree.source(1);
  try {
    capture_documents(source, archive, manifest, progress, stop.get_token());
    FAIL() << "captured";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::interrupted);
  }
  EXPECT_LT(archive.text.size(), 16u << 20);
}

TEST_F(Capture, a_sink_that_fails_ends_it_with_its_own_error) {
  tree.write("large", random_bytes(16 << 20, 3));
  for (int i = 0; i < 300; ++i) tree.write("many/" + std::to_string(i), text_of(20'000));
  try {
    capture(tree.source(), [] { throw Error(Errc::store, "the store is full"); });
    FAIL() << "captured";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "the store is full");
    EXPECT_EQ(error.code(), Errc::store);
  }
}

}  // namespace
}  // namespace dolibarr_backup
