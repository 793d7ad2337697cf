#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "documents/tree.h"
#include "dolibarr/member_cutter.h"
#include "stream/digest.h"
#include "support/child_process.h"

// The members of an archive: where they are cut, that the manifest finds every byte
// in them, and that a quiet neighbourhood gives the same ones again.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

/// A tree of many small files and a few large ones, 40 MB.
void fill(const Tree& tree) {
  for (int invoice = 0; invoice < 900; ++invoice) {
    const std::string ref = "FA" + std::to_string(10'000 + invoice);
    tree.write("facture/" + ref + "/" + ref + ".pdf",
               random_bytes(15'000 + static_cast<size_t>(invoice % 100) * 97,
                            static_cast<uint64_t>(invoice)));
  }
  for (int photo = 0; photo < 400; ++photo)
    tree.write("produit/P" + std::to_string(photo % 40) + "/" + std::to_string(photo) + ".txt",
               text_of(30'000 + static_cast<size_t>(photo)));
  tree.write("ecm/scan.bin", random_bytes(9 << 20, 77));
  tree.write("ecm/export.csv", text_of(6 << 20));
}

TEST(Members, unpack_alone_to_what_the_manifest_says) {
  Tree tree;
  fill(tree);
  fs::create_hard_link(tree.path("ecm/scan.bin"), tree.path("ecm/scan2.bin"));
  tree.write(std::string(200, 'a') + "/" + std::string(200, 'b'), "in an extended header");
  tree.write("latin1 \xe9", "binary");
  const Captured captured = capture(tree.source());
  uint64_t offset = 0;
  std::string tar;
  std::vector<std::string> plain;
  for (const ManifestMember& member : captured.members) {
    EXPECT_EQ(member.index, plain.size());
    EXPECT_EQ(member.offset, offset) << "a gap between members";
    plain.push_back(unpack_member(captured.packed(member)));
    EXPECT_EQ(plain.back().size(), member.unpacked_length);
    EXPECT_LE(member.unpacked_length, 4u << 20);
    offset += member.length;
    tar += plain.back();
  }
  EXPECT_EQ(offset, captured.archive.size());
  EXPECT_EQ(tar.size() % 512, 0u);
  EXPECT_TRUE(tar.ends_with(std::string(1024, '\0')));
  for (const ManifestEntry& entry : captured.entries) {
    const std::string path = tar_path_at(plain.at(entry.member), entry.member_offset);
    std::string wanted = entry.type == ManifestEntry::Type::hard_link ? entry.target : entry.path;
    if (entry.type == ManifestEntry::Type::directory)
      wanted = entry.path.empty() ? "./" : entry.path + "/";
    EXPECT_EQ(path, wanted);
  }
  EXPECT_GE(captured.entries.size(), 1300u);
  EXPECT_EQ(captured.entry("").member, 0u);
  EXPECT_EQ(captured.entry("").member_offset, 0u);
}

TEST(Members, give_one_large_file_back_from_its_own_members) {
  Tree tree;
  fill(tree);
  const Captured captured = capture(tree.source());
  const ManifestEntry& entry = captured.entry("ecm/scan.bin");
  std::string tar;
  size_t read = 0;
  for (size_t i = entry.member; tar.size() < entry.member_offset + entry.size + 2048; ++i, ++read)
    tar += unpack_member(captured.packed(captured.members.at(i)));
  EXPECT_LT(read, captured.members.size() / 2);
  TempDir out;
  std::filesystem::create_directories(out / "one");
  const CommandResult result =
      run_command({.argv = {"tar", "-xf", "-", "--occurrence=1", "-C", out / "one", "ecm/scan.bin"},
                   .stdin_text = tar.substr(entry.member_offset)});
  EXPECT_EQ(sha256_hex(read_whole(out / "one/ecm/scan.bin")), captured.checksums.at("ecm/scan.bin"))
      << result.errors;
}

// Where each member's plain bytes are cut, and what they are.
std::vector<std::string> plain_members(const Captured& captured) {
  std::vector<std::string> plain;
  for (const ManifestMember& member : captured.members)
    plain.push_back(sha256_hex(unpack_member(captured.packed(member))));
  return plain;
}

// The tar and its cuts; the compressed bytes are nearly always the same, see stream/gzip.h.
TEST(Members, are_the_same_from_run_to_run_and_for_any_number_of_workers) {
  Tree tree;
  fill(tree);
  const Captured first = capture(tree.source(1));
  for (const unsigned workers : {1u, 2u, 7u}) {
    const Captured again = capture(tree.source(workers));
    EXPECT_EQ(plain_members(again), plain_members(first)) << workers;
    EXPECT_TRUE(again.entries == first.entries) << workers;
    EXPECT_EQ(again.checksums, first.checksums) << workers;
    EXPECT_EQ(again.result.survey.fingerprint, first.result.survey.fingerprint);
  }
}

std::multiset<std::string> members_of(const Captured& captured) {
  std::multiset<std::string> members;
  for (const ManifestMember& member : captured.members)
    members.insert(sha256_hex(captured.packed(member)));
  return members;
}

double share_of_known(const Captured& before, const Captured& after) {
  std::multiset<std::string> known = members_of(before);
  size_t shared = 0;
  for (const ManifestMember& member : after.members) {
    const auto found = known.find(sha256_hex(after.packed(member)));
    if (found == known.end()) continue;
    ++shared;
    known.erase(found);
  }
  return static_cast<double>(shared) / static_cast<double>(after.members.size());
}

TEST(Members, stay_the_same_away_from_a_file_that_comes) {
  Tree tree;
  fill(tree);
  const Captured before = capture(tree.source());
  ASSERT_GT(before.members.size(), 40u);
  tree.write("facture/FA10450/added.pdf", random_bytes(20'000, 5));
  const double share = share_of_known(before, capture(tree.source()));
  EXPECT_GT(share, 0.9);
  EXPECT_LT(share, 1.0);
}

TEST(Members, stay_the_same_away_from_bytes_that_come_into_a_large_file) {
  Tree tree;
  std::string content = random_bytes(30 << 20, 6);
  tree.write("large", content);
  const Captured before = capture(tree.source());
  ASSERT_GT(before.members.size(), 15u);
  content.insert(15 << 20, "some bytes in the middle");
  tree.write("large", content);
  const double share = share_of_known(before, capture(tree.source()));
  EXPECT_GT(share, 0.8);
  EXPECT_LT(share, 1.0);
}

TEST(Members, are_never_smaller_than_promised_but_for_the_edges_of_large_files) {
  Tree tree;
  for (int i = 0; i < 2000; ++i)
    tree.write("f/" + std::to_string(i % 50) + "/" + std::to_string(i), text_of(9'000));
  const Captured captured = capture(tree.source());
  for (size_t i = 0; i + 2 < captured.members.size(); ++i)
    EXPECT_GE(captured.members[i].unpacked_length, kLeastMemberBytes / 2) << i;
  EXPECT_GT(captured.members.size(), 10u);
}

TEST(Members, of_incompressible_data_hardly_grow) {
  Tree tree;
  tree.write("random", random_bytes(20 << 20, 8));
  for (uint64_t i = 0; i < 40; ++i) tree.write(std::to_string(i), random_bytes(500'000, 100 + i));
  const Captured captured = capture(tree.source());
  uint64_t plain = 0;
  for (const ManifestMember& member : captured.members) plain += member.unpacked_length;
  EXPECT_LE(captured.archive.size(), plain + plain / 1000);
}

TEST(Members, of_text_shrink) {
  Tree tree;
  tree.write("text", text_of(20 << 20));
  EXPECT_LT(capture(tree.source()).archive.size(), 8u << 20);
}

}  // namespace
}  // namespace dolibarr_backup
