#include "core/record_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

namespace dolibarr_backup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

// Runs of an hour's distance, each of a minute, that refer to the one before.
class Chain {
 public:
  explicit Chain(int runs) {
    for (int i = 0; i < runs; ++i) add(hours(i));
  }
  void add(std::chrono::seconds after) {
    const Instant start = Instant() + after;
    RunRecord record{.environment = "prod", .run = RunId::make(start, next_++)};
    record.started = start;
    record.finished = start + minutes(1);
    if (!links.empty()) record.previous = {{links.back().run.text(), links.back().sha256}};
    records_.push_back(std::move(record));
    links.push_back(
        {records_.back().run, true, "digest " + std::to_string(next_), &records_.back()});
  }
  RunRecord& record(size_t index) { return *std::next(records_.begin(), static_cast<long>(index)); }
  std::vector<std::string> broken() const {
    std::vector<std::string> runs;
    for (const ChainBreak& found :
         find_chain_breaks(links, {{links.back().run.text(), links.back().sha256}}, "prod"))
      runs.push_back(found.run);
    return runs;
  }
  std::string name(size_t index) const { return links.at(index).run.text(); }

  std::vector<ChainLink> links;

 private:
  std::list<RunRecord> records_;
  uint32_t next_ = 1;
};

TEST(RecordChain, IsWhole) {
  EXPECT_THAT(Chain(5).broken(), IsEmpty());
}

TEST(RecordChain, ARecordThatIsGoneOrReplacedBreaksIt) {
  Chain gone(5);
  const std::string name = gone.name(2);
  gone.links.erase(gone.links.begin() + 2);
  // The one before it has lost its only reference too.
  EXPECT_THAT(gone.broken(), ElementsAre(name, gone.name(1)));
  Chain replaced(5);
  replaced.links[2].sha256 = "another";
  EXPECT_THAT(replaced.broken(), ElementsAre(replaced.name(2)));
}

TEST(RecordChain, OneThatCannotBeReadMakesNoOtherABreak) {
  Chain chain(5);
  chain.links[2].record = nullptr;
  EXPECT_THAT(chain.broken(), IsEmpty());
  Chain end(5);
  end.links[4].record = nullptr;
  EXPECT_THAT(end.broken(), IsEmpty());
}

TEST(RecordChain, WhatAReadableRecordShouldReferToIsJudgedAllTheSame) {
  Chain chain(6);
  chain.record(2).previous = {};  // which leaves 1 alone
  chain.links[4].record = nullptr;
  EXPECT_THAT(chain.broken(), ElementsAre(chain.name(1)));
}

TEST(RecordChain, OfTwoRunsAtOnceTheUnreadableOneMayHaveReferred) {
  Chain chain(3);
  chain.add(hours(2) + std::chrono::seconds(30));  // begun while 2 was at work
  chain.record(3).previous = chain.record(2).previous;
  chain.add(hours(3));
  chain.links[4].record = nullptr;
  chain.add(hours(4));
  EXPECT_THAT(chain.broken(), IsEmpty()) << "4 is to refer to 2 and 3";
}

}  // namespace
}  // namespace dolibarr_backup
