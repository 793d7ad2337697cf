#include "core/identity.h"

#include <gtest/gtest.h>

namespace dolibarr_backup {
namespace {

Identity identity(const std::string& database, const std::string& salt, const std::string& log) {
  return {database, instance_text(salt, log)};
}

TEST(Identity, SaysWhatAnInstanceDoesNotHave) {
  EXPECT_EQ(instance_text("aa", "bb"), "aa.bb");
  EXPECT_EQ(instance_text("aa", ""), "aa.-");
  EXPECT_EQ(instance_text("", "bb"), "-.bb");
  EXPECT_EQ(instance_text("", ""), "-.-");
}

TEST(Identity, IsOneOfDatabaseSaltAndLog) {
  const Identity ours = identity("dolibarr", "salt", "log");
  EXPECT_TRUE(same_instance(ours, ours));
  EXPECT_FALSE(same_instance(ours, identity("dolibarr", "other", "log")));
  EXPECT_FALSE(same_instance(ours, identity("dolibarr", "salt", "other")));
  EXPECT_FALSE(same_instance(ours, identity("sandbox", "salt", "log")));
}

TEST(Identity, WhatOneOfThemLacksTellsNothing) {
  const Identity young = identity("dolibarr", "salt", "");
  EXPECT_TRUE(same_instance(young, identity("dolibarr", "salt", "log"))) << "the log begins later";
  EXPECT_TRUE(same_instance(identity("dolibarr", "salt", "log"), young));
  EXPECT_FALSE(same_instance(young, identity("dolibarr", "other", "log")));
  EXPECT_FALSE(same_instance(identity("dolibarr", "", "log"), identity("dolibarr", "", "other")));
  EXPECT_TRUE(same_instance(identity("dolibarr", "", ""), identity("dolibarr", "salt", "log")));
}

TEST(Identity, ATextWithoutLogIsASaltAlone) {
  EXPECT_TRUE(same_instance({"dolibarr", "salt"}, identity("dolibarr", "salt", "log")));
  EXPECT_FALSE(same_instance({"dolibarr", "other"}, identity("dolibarr", "salt", "log")));
}

TEST(Identity, WhatIsSeenCountsAndWhatIsMissingStays) {
  EXPECT_EQ(merged(identity("dolibarr", "salt", ""), identity("dolibarr", "salt", "log")),
            identity("dolibarr", "salt", "log"));
  EXPECT_EQ(merged(identity("dolibarr", "salt", "log"), identity("dolibarr", "", "")),
            identity("dolibarr", "salt", "log"));
  EXPECT_EQ(merged(identity("dolibarr", "", "log"), identity("dolibarr", "salt", "")),
            identity("dolibarr", "salt", "log"));
  EXPECT_EQ(merged({"dolibarr", "salt"}, identity("dolibarr", "", "log")),
            identity("dolibarr", "salt", "log"));
}

// Once a log was seen, an instance with another one is never taken for it, even if
// a run in between saw none.
TEST(Identity, IsNotForgottenByARunThatSawLess) {
  Identity accepted = identity("dolibarr", "salt", "log");
  for (const Identity& seen : {identity("dolibarr", "salt", ""), identity("dolibarr", "", "log")}) {
    ASSERT_TRUE(same_instance(accepted, seen));
    accepted = merged(accepted, seen);
  }
  EXPECT_FALSE(same_instance(accepted, identity("dolibarr", "salt", "other")));
  EXPECT_FALSE(same_instance(accepted, identity("dolibarr", "other", "log")));
}

}  // namespace
}  // namespace dolibarr_backup
