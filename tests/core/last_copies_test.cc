#include "core/last_copies.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace dolibarr_backup {
namespace {

TEST(LastCopies, APathThatStaysElsewhereIsNoLastCopy) {
  LastCopies copies;
  copies.add(0, "facture/FA1/FA1.pdf");
  copies.add(0, "facture/FA2/FA2.pdf");
  copies.close();
  copies.meet("facture/FA1/FA1.pdf");
  copies.meet("facture/FA3/FA3.pdf");
  EXPECT_FALSE(copies.settled());
  EXPECT_EQ(copies.count(0), 1u);
  EXPECT_FALSE(copies.alone(0, "facture/FA1/FA1.pdf"));
  EXPECT_TRUE(copies.alone(0, "facture/FA2/FA2.pdf"));
  EXPECT_FALSE(copies.alone(0, "facture/FA3/FA3.pdf"));
}

TEST(LastCopies, OfSeveralThatGoTheNewestKeepsThePath) {
  LastCopies copies;
  copies.add(0, "facture/a.pdf");
  copies.add(1, "facture/a.pdf");
  copies.add(1, "facture/b.pdf");
  copies.close();
  EXPECT_EQ(copies.count(0), 1u);
  EXPECT_EQ(copies.count(1), 1u);
  EXPECT_TRUE(copies.alone(0, "facture/a.pdf"));
  EXPECT_FALSE(copies.alone(1, "facture/a.pdf"));
}

TEST(LastCopies, IsSettledOnceEverythingWasMet) {
  LastCopies copies;
  copies.add(0, "a");
  copies.add(0, "a");
  copies.add(1, "b");
  copies.close();
  copies.meet("a");
  copies.meet("a");
  EXPECT_FALSE(copies.settled()) << "one path met twice is one path";
  copies.meet("b");
  EXPECT_TRUE(copies.settled());
  EXPECT_EQ(copies.count(0) + copies.count(1), 0u);
}

TEST(LastCopies, NothingAddedIsSettled) {
  LastCopies copies;
  copies.close();
  copies.meet("a");
  EXPECT_TRUE(copies.settled());
  EXPECT_EQ(copies.count(0), 0u);
}

// The same as with sets of whole paths.
RC_GTEST_PROP(LastCopiesProperty, CountsWhatSetsOfPathsCount, ()) {
  const auto path = rc::gen::map(rc::gen::inRange(0, 12),
                                 [](int number) { return "facture/" + std::to_string(number); });
  const auto paths = rc::gen::container<std::vector<std::string>>(path);
  const auto going = *rc::gen::container<std::vector<std::vector<std::string>>>(paths);
  const auto staying = *paths;

  LastCopies copies;
  for (size_t archive = 0; archive < going.size(); ++archive)
    for (const std::string& one : going[archive]) copies.add(archive, one);
  copies.close();
  for (const std::string& one : staying) copies.meet(one);

  std::set<std::string> elsewhere(staying.begin(), staying.end());
  size_t missing = 0;
  for (size_t archive = 0; archive < going.size(); ++archive) {
    std::set<std::string> alone;
    for (const std::string& one : going[archive])
      if (elsewhere.insert(one).second) alone.insert(one);
    RC_ASSERT(copies.count(archive) == alone.size());
    for (const std::string& one : going[archive])
      RC_ASSERT(copies.alone(archive, one) == alone.contains(one));
    missing += alone.size();
  }
  RC_ASSERT(copies.settled() == (missing == 0));
}

}  // namespace
}  // namespace dolibarr_backup
