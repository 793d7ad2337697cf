#include "kubernetes/log_position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// One reading of a log: what is given of it; "!" stands for a gap.
std::vector<std::string> read(LogPosition& position, const std::vector<std::string>& lines) {
  std::vector<std::string> given;
  position.begin();
  for (const std::string& line : lines) {
    const std::string stamped = "2026-11-26T20:00:" + line;
    const auto [time, text] = read_stamp(stamped);
    const LogPosition::Line place = position.next(time);
    if (place == LogPosition::Line::after_gap) given.emplace_back("!");
    if (place != LogPosition::Line::passed) given.emplace_back(text);
  }
  return given;
}

TEST(LogPosition, ReadAnewItGoesOnWhereItWas) {
  LogPosition position;
  EXPECT_THAT(read(position, {"01Z a", "02Z b"}), ElementsAre("a", "b"));
  EXPECT_THAT(read(position, {"01Z a"}), IsEmpty());
  EXPECT_TRUE(position.is_passing());  // cut before it came to where it was
  EXPECT_THAT(read(position, {"01Z a", "02Z b", "03Z c"}), ElementsAre("c"));
  EXPECT_THAT(read(position, {"01Z a", "02Z b", "03Z c"}), IsEmpty());
  EXPECT_FALSE(position.is_passing());
}

TEST(LogPosition, LinesOfOneTimeAreCounted) {
  LogPosition position;
  EXPECT_THAT(read(position, {"01Z a", "02Z b", "02Z b"}), ElementsAre("a", "b", "b"));
  EXPECT_THAT(read(position, {"01Z a", "02Z b", "02Z b", "02Z b", "02Z c"}), ElementsAre("b", "c"));
  EXPECT_THAT(read(position, {"01Z a", "02Z b", "02Z b", "02Z b", "02Z c", "03Z d"}),
              ElementsAre("d"));
}

TEST(LogPosition, ANewFileThatStillHasTheLastLineLosesNothing) {
  LogPosition position;
  EXPECT_THAT(read(position, {"01Z a", "02Z b"}), ElementsAre("a", "b"));
  EXPECT_THAT(read(position, {"02Z b", "03Z c"}), ElementsAre("c"));
}

TEST(LogPosition, ANewFileWithoutTheLastLineIsAGap) {
  LogPosition position;
  EXPECT_THAT(read(position, {"01Z a", "02Z b", "03Z c"}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(read(position, {"05Z e", "06Z f"}), ElementsAre("!", "e", "f"));
  EXPECT_THAT(read(position, {"05Z e", "06Z f", "07Z g"}), ElementsAre("g"));
  EXPECT_THAT(read(position, {}), IsEmpty());
  EXPECT_TRUE(position.is_passing());
}

TEST(LogPosition, TwoStreamsMayChangePlacesByAMoment) {
  LogPosition position;
  EXPECT_THAT(read(position, {"02Z b", "01Z a"}), ElementsAre("b", "a"));
  EXPECT_THAT(read(position, {"02Z b", "01Z a", "03Z c"}), ElementsAre("c"));
}

TEST(LogPosition, TheNodesOwnWordsHaveNoTime) {
  const StampedLine line = read_stamp("2026-11-26T20:00:01.123456789Z  two words");
  EXPECT_EQ(line.time, "2026-11-26T20:00:01.123456789Z");
  EXPECT_EQ(line.text, " two words");
  EXPECT_EQ(read_stamp("2026-11-26T20:00:01.1+01:00 ").text, "");
  for (const char* text : {"", "unable to retrieve container logs", "2026-11-26T20:00:01Z", " x"}) {
    EXPECT_EQ(read_stamp(text).time, "") << text;
    EXPECT_EQ(read_stamp(text).text, text);
  }
}

}  // namespace
}  // namespace dolibarr_backup
