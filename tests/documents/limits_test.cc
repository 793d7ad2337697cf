#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "documents/tree.h"
#include "support/child_process.h"

// A capture with a user, descriptors and memory of its own: see capture_tool.cc.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct ToolResult {
  int status = 0;
  std::string output;
  uint64_t number(const std::string& key) const {
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(key + " ")) return std::stoull(line.substr(key.size() + 1));
    ADD_FAILURE() << "no " << key << " in:\n" << output;
    return 0;
  }
};

/// As `user`, or as we are.
ToolResult run_tool(const std::string& root, unsigned workers = 0, unsigned files = 0,
                    const std::string& user = "") {
  const TempDir folder;  // others may not enter the build folder
  const std::string tool = folder / "tool";
  fs::copy_file(CAPTURE_TOOL, tool);
  const CommandResult result = run_command(
      {.argv = {tool, root, std::to_string(workers), std::to_string(files)}, .user = user});
  return {result.status, result.output + result.errors};
}

/// Somebody whom permissions stop: "" if that is us.
std::string plain_user() {
  return unprivileged_user({"nobody", "daemon"});
}

TEST(Limits, an_unreadable_file_is_named_and_makes_the_half_incomplete) {
  Tree tree;
  for (const std::string name : {"a small", "b large"}) {
    tree.write(name, random_bytes(name == "b large" ? 2 << 20 : 100, 1));
    fs::permissions(tree.path(name), fs::perms::none);
  }
  tree.write("c open", "open");
  const ToolResult result = run_tool(tree.root(), 0, 0, plain_user());
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("incomplete true"));
  EXPECT_THAT(result.output, HasSubstr("problem unreadable a small\nproblem unreadable b large\n"));
  EXPECT_THAT(result.output, testing::Not(HasSubstr("c open")));
  EXPECT_THAT(result.output, HasSubstr("same true"));
}

TEST(Limits, an_unreadable_folder_is_named_and_makes_the_half_incomplete) {
  Tree tree;
  tree.write("facture/FA1/closed/FA1.pdf", "x");
  tree.write("z", "z");
  for (const unsigned mode : {0000u, 0400u, 0100u}) {
    fs::permissions(tree.path("facture/FA1/closed"), fs::perms(mode));
    const ToolResult result = run_tool(tree.root(), 0, 0, plain_user());
    EXPECT_THAT(result.output, HasSubstr("incomplete true"));
    EXPECT_THAT(result.output, HasSubstr("problem unreadable facture/FA1/closed\n"));
    EXPECT_THAT(result.output, HasSubstr("same true"));
  }
}

TEST(Limits, an_unreadable_folder_that_is_left_out_anyway_does_no_harm) {
  Tree tree;
  tree.write("facture/temp/x", "x");
  tree.write("z", "z");
  fs::permissions(tree.path("facture/temp"), fs::perms::none);
  const ToolResult result = run_tool(tree.root(), 0, 0, plain_user());
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("incomplete false"));
}

TEST(Limits, few_descriptors_are_enough_for_a_deep_and_wide_tree) {
  Tree tree;
  std::string path = "a";
  for (int level = 0; level < 60; ++level) {
    for (int neighbour = 0; neighbour < (level < 20 ? 20 : 1); ++neighbour)
      tree.write(path + "/n" + std::to_string(neighbour) + "/f", "file");
    path += "/a";
  }
  for (const unsigned workers : {1u, 32u}) {
    const ToolResult result = run_tool(tree.root(), workers, 256);
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_EQ(result.number("files"), 440u);
    EXPECT_THAT(result.output, HasSubstr("incomplete false"));
  }
}

TEST(Limits, few_descriptors_are_enough_for_many_small_folders_and_many_workers) {
  Tree tree;
  for (int i = 0; i < 2500; ++i)
    tree.write("facture/FA" + std::to_string(i) + "/FA" + std::to_string(i) + ".pdf", "a page");
  const ToolResult plain = run_tool(tree.root(), 2);
  for (const auto& [workers, files] : {std::pair{2u, 256u}, {64u, 1024u}}) {
    const ToolResult result = run_tool(tree.root(), workers, files);
    EXPECT_EQ(result.status, 0) << workers << " workers, " << files << " files: " << result.output;
    EXPECT_EQ(result.number("files"), 2500u);
    EXPECT_THAT(result.output, HasSubstr("incomplete false"));
    EXPECT_EQ(result.number("archive"), plain.number("archive"));
  }
}

#ifdef __SANITIZE_ADDRESS__
constexpr uint64_t kTreeMiB = 48;
constexpr uint64_t kMostMemoryKiB = UINT64_MAX;  // a sanitizer's shadow counts too
#else
constexpr uint64_t kTreeMiB = 320;
constexpr uint64_t kMostMemoryKiB = 100 << 10;
#endif

TEST(Limits, memory_does_not_grow_with_the_tree) {
  Tree tree;
  const std::string random = random_bytes(8 << 20, 1);
  for (uint64_t i = 0; i < kTreeMiB / 16; ++i) tree.write("large/" + std::to_string(i), random);
  for (uint64_t i = 0; i < kTreeMiB / 2; ++i)
    tree.write("small/" + std::to_string(i % 40) + "/" + std::to_string(i),
               std::string_view(random).substr(i * 100, 1'000'000));
  const ToolResult result = run_tool(tree.root(), 2);
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_GE(result.number("archive"), kTreeMiB * 1'000'000 * 9 / 10);
  const uint64_t peak_kib = result.number("peak");
  EXPECT_LT(peak_kib, kMostMemoryKiB);
}

}  // namespace
}  // namespace dolibarr_backup
