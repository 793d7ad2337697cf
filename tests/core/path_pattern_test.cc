#include "core/path_pattern.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  return PathPattern(pattern).matches(path);
}

TEST(PathPattern, APathMeansItselfAndAllBelow) {
  for (const char* pattern : {"facture/FA1", "./facture/FA1", "/facture/FA1/", "facture//./FA1"}) {
    EXPECT_TRUE(matches(pattern, "facture/FA1")) << pattern;
    EXPECT_TRUE(matches(pattern, "facture/FA1/FA1.pdf")) << pattern;
    EXPECT_FALSE(matches(pattern, "facture")) << pattern;
    EXPECT_FALSE(matches(pattern, "facture/FA10")) << pattern;
    EXPECT_FALSE(matches(pattern, "x/facture/FA1")) << pattern;
  }
}

TEST(PathPattern, NothingInParticularMeansEverything) {
  for (const char* pattern : {"", ".", "/", "**", "**/**", "./"}) {
    EXPECT_TRUE(matches(pattern, "")) << pattern;
    EXPECT_TRUE(matches(pattern, "a")) << pattern;
    EXPECT_TRUE(matches(pattern, "a/b/.c")) << pattern;
  }
}

TEST(PathPattern, WildcardsStayWithinAName) {
  EXPECT_TRUE(matches("facture/*/*.pdf", "facture/FA1/FA1.pdf"));
  EXPECT_FALSE(matches("facture/*.pdf", "facture/FA1/FA1.pdf"));
  EXPECT_TRUE(matches("*", "facture"));
  EXPECT_FALSE(matches("*", "")) << "the root is no name";
  EXPECT_TRUE(matches("FA?.pdf", "FA1.pdf"));
  EXPECT_TRUE(matches("FA?.pdf", "FA\xc3\xa9.pdf")) << "one character, two bytes";
  EXPECT_TRUE(matches("FA?.pdf", "FA\xe9.pdf")) << "Latin-1: one byte";
  EXPECT_FALSE(matches("FA?.pdf", "FA12.pdf"));
  EXPECT_FALSE(matches("FA?.pdf", "FA.pdf"));
  EXPECT_TRUE(matches("*", ".htaccess"));
  EXPECT_TRUE(matches("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(matches("a*b*c", "aXbYbZ"));
  EXPECT_TRUE(matches("a**c", "abc")) << "within a name two stars are one";
}

TEST(PathPattern, Brackets) {
  EXPECT_TRUE(matches("FA[0-9].pdf", "FA7.pdf"));
  EXPECT_FALSE(matches("FA[!0-9].pdf", "FA7.pdf"));
  EXPECT_TRUE(matches("FA[^0-9].pdf", "FAx.pdf"));
  EXPECT_TRUE(matches("[\xc3\xa0-\xc3\xaf]", "\xc3\xa9"));
  EXPECT_TRUE(matches("[]a]", "]"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("x[y", "x[y")) << "without its end it is itself";
  EXPECT_TRUE(matches("*[y", "x[y"));
  EXPECT_TRUE(matches("\\[x\\]*", "[x]1"));
  EXPECT_FALSE(matches("[z-a]", "m"));
  EXPECT_FALSE(matches("[/]", "/"));
}

TEST(PathPattern, ANameWrittenAsItIsMatchesWhateverItHolds) {
  EXPECT_TRUE(matches("ecm/[brouillon] *.pdf", "ecm/[brouillon] *.pdf"));
  EXPECT_TRUE(matches("a\\b", "a\\b"));
  EXPECT_TRUE(matches("trailing\\", "trailing\\"));
}

TEST(PathPattern, TwoStarsCrossFolders) {
  EXPECT_TRUE(matches("**/FA1.pdf", "FA1.pdf"));
  EXPECT_TRUE(matches("**/FA1.pdf", "facture/2026/FA1.pdf"));
  EXPECT_FALSE(matches("**/FA1.pdf", "facture/2026/FA2.pdf"));
  EXPECT_TRUE(matches("facture/**/*.pdf", "facture/a.pdf"));
  EXPECT_TRUE(matches("facture/**/*.pdf", "facture/a/b/c.pdf"));
  EXPECT_FALSE(matches("facture/**/*.pdf", "propale/a.pdf"));
  EXPECT_TRUE(matches("facture/**", "facture"));
  EXPECT_TRUE(matches("**/a/**/b", "x/a/y/z/a/b"));
  EXPECT_TRUE(matches("**/a", "a/below/it")) << "a folder on the way takes all below";
}

TEST(PathPattern, WhatCannotBeAPathIsRefused) {
  EXPECT_THROW(PathPattern("../etc"), Error);
  EXPECT_THROW(PathPattern("a/../b"), Error);
  EXPECT_THROW(PathPattern(std::string_view("a\0b", 3)), Error);
  EXPECT_NO_THROW(PathPattern("a..b/..c"));
}

TEST(PathPattern, HostilePatternsTakeNoTime) {
  std::string stars, folders, names;
  for (int i = 0; i < 60; ++i) {
    stars += "*a";
    folders += "**/a*/";
    names += "a/";
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(matches(stars + "b", std::string(250, 'a')));
  EXPECT_FALSE(matches(folders + "b", names + names + names + "a"));
  EXPECT_FALSE(matches(std::string(250, '['), std::string(250, 'a')));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(PlainPath, IsWhatAManifestHas) {
  EXPECT_EQ(plain_path("./facture//FA1/"), "facture/FA1");
  EXPECT_EQ(plain_path("/"), "");
  EXPECT_THROW(plain_path("a/.."), Error);
}

TEST(CompareInTree, IsDepthFirst) {
  EXPECT_LT(compare_in_tree("", "a"), 0);
  EXPECT_LT(compare_in_tree("a", "a/x"), 0);
  EXPECT_LT(compare_in_tree("a/x", "a b"), 0);
  EXPECT_LT(compare_in_tree("a/x", "a.b"), 0);
  EXPECT_LT(compare_in_tree("a\x01", "a\x7f"), 0);
  EXPECT_LT(compare_in_tree("a\x7f", "a\xff"), 0);
  EXPECT_EQ(compare_in_tree("a/b", "a/b"), 0);
  EXPECT_GT(compare_in_tree("b", "a/zzz"), 0);
}

}  // namespace
}  // namespace dolibarr_backup
