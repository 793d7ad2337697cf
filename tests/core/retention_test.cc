#include "core/retention.h"

#include <date/tz.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;

Instant at(const std::string& text) {
  const std::optional<Instant> instant = parse_instant(text);
  if (!instant) throw std::invalid_argument(text);
  return *instant;
}

std::vector<KeptInstant> of_tier(const std::vector<KeptInstant>& kept, Tier tier) {
  std::vector<KeptInstant> some;
  std::copy_if(kept.begin(), kept.end(), std::back_inserter(some),
               [&](const KeptInstant& one) { return one.tier == tier; });
  return some;
}

std::vector<std::string> told(const std::vector<KeptInstant>& kept) {
  std::vector<std::string> texts;
  for (const KeptInstant& one : kept)
    texts.push_back(one.label + " " + format_instant(one.instant));
  return texts;
}

// The end of a day, as the newest of the completed ones.
std::string end_of_day(const std::string& zone, const std::string& date) {
  return format_instant(parse_as_of(date, zone));
}

Errc code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_NE(error.hint(), "");
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return Errc::bug;
}

TEST(KeptInstants, AreNowAndEveryPeriodsEnd) {
  const RetentionPolicy policy{.days = 2, .months = 3, .years = 2};
  EXPECT_THAT(told(kept_instants(policy, at("2026-03-01T02:15:00Z"), "UTC")),
              ElementsAre("now 2026-03-01T02:15:00Z", "2026-02-28 2026-02-28T23:59:59Z",
                          "2026-02-27 2026-02-27T23:59:59Z", "2026-02 2026-02-28T23:59:59Z",
                          "2026-01 2026-01-31T23:59:59Z", "2025-12 2025-12-31T23:59:59Z",
                          "fiscal year 2025 2025-12-31T23:59:59Z",
                          "fiscal year 2024 2024-12-31T23:59:59Z"));
}

TEST(KeptInstants, ByDefaultAreThirtyDaysTwelveMonthsElevenYears) {
  const auto kept = kept_instants({}, at("2026-06-30T02:15:00Z"), "Europe/Paris");
  EXPECT_EQ(of_tier(kept, Tier::newest).size(), 1u);
  EXPECT_EQ(of_tier(kept, Tier::daily).size(), 30u);
  EXPECT_EQ(of_tier(kept, Tier::monthly).size(), 12u);
  EXPECT_EQ(of_tier(kept, Tier::yearly).size(), 11u);
  EXPECT_EQ(of_tier(kept, Tier::daily).back().label, "2026-05-31");
  EXPECT_EQ(of_tier(kept, Tier::monthly).back().label, "2025-06");
  EXPECT_EQ(of_tier(kept, Tier::yearly).back().label, "fiscal year 2015");
}

TEST(KeptInstants, AreOfTheStatedZonesDay) {
  const RetentionPolicy policy{.days = 1, .months = 1, .years = 1};
  // Half past midnight in Paris, still yesterday in New York.
  const Instant now = at("2026-12-31T23:30:00Z");
  EXPECT_THAT(told(kept_instants(policy, now, "Europe/Paris")),
              ElementsAre("now 2026-12-31T23:30:00Z", "2026-12-31 2026-12-31T22:59:59Z",
                          "2026-12 2026-12-31T22:59:59Z", "fiscal year 2026 2026-12-31T22:59:59Z"));
  EXPECT_THAT(told(kept_instants(policy, now, "America/New_York")),
              ElementsAre("now 2026-12-31T23:30:00Z", "2026-12-30 2026-12-31T04:59:59Z",
                          "2026-11 2026-12-01T04:59:59Z", "fiscal year 2025 2026-01-01T04:59:59Z"));
}

TEST(KeptInstants, ADayWhoseClocksChangeHas23Or25Hours) {
  const RetentionPolicy policy{.days = 3, .months = 0, .years = 0};
  EXPECT_THAT(
      told(of_tier(kept_instants(policy, at("2026-03-31T02:00:00Z"), "Europe/Paris"), Tier::daily)),
      ElementsAre("2026-03-30 2026-03-30T21:59:59Z", "2026-03-29 2026-03-29T21:59:59Z",
                  "2026-03-28 2026-03-28T22:59:59Z"));
  EXPECT_THAT(
      told(of_tier(kept_instants(policy, at("2026-10-27T02:00:00Z"), "Europe/Paris"), Tier::daily)),
      ElementsAre("2026-10-26 2026-10-26T22:59:59Z", "2026-10-25 2026-10-25T22:59:59Z",
                  "2026-10-24 2026-10-24T21:59:59Z"));
}

TEST(KeptInstants, WhereMidnightDoesNotExistTheDayEndsBeforeTheNextOnesFirstMoment) {
  // Clocks went from 23:59:59 to 01:00:00.
  EXPECT_EQ(end_of_day("America/Sao_Paulo", "2018-11-03"), "2018-11-04T02:59:59Z");
  EXPECT_EQ(end_of_day("America/Sao_Paulo", "2018-11-04"), "2018-11-05T01:59:59Z");
  EXPECT_EQ(end_of_day("Asia/Beirut", "2022-03-26"), "2022-03-26T21:59:59Z");
  EXPECT_EQ(end_of_day("Asia/Beirut", "2022-03-27"), "2022-03-27T20:59:59Z");
}

TEST(KeptInstants, WhereMidnightComesTwiceTheFirstOneEndsTheDay) {
  // 01:00 became 00:00 again.
  EXPECT_EQ(end_of_day("America/Havana", "2021-11-06"), "2021-11-07T03:59:59Z");
  EXPECT_EQ(end_of_day("America/Havana", "2021-11-07"), "2021-11-08T04:59:59Z");
  // 24:00 became 23:00: the day has both hours.
  EXPECT_EQ(end_of_day("America/Sao_Paulo", "2018-02-17"), "2018-02-18T02:59:59Z");
}

TEST(KeptInstants, ADayThatASkipLeftOutEndsWithTheOneBefore) {
  EXPECT_EQ(end_of_day("Pacific/Apia", "2011-12-29"), "2011-12-30T09:59:59Z");
  EXPECT_EQ(end_of_day("Pacific/Apia", "2011-12-30"), "2011-12-30T09:59:59Z");
  EXPECT_EQ(end_of_day("Pacific/Apia", "2011-12-31"), "2011-12-31T09:59:59Z");
}

TEST(KeptInstants, AFiscalYearIsNamedAfterTheYearItEndsIn) {
  const RetentionPolicy june{
      .days = 0, .months = 0, .years = 2, .fiscal_year_end_month = 6, .fiscal_year_end_day = 30};
  EXPECT_THAT(
      told(of_tier(kept_instants(june, at("2026-06-30T23:59:59Z"), "UTC"), Tier::yearly)),
      ElementsAre("fiscal year 2025 2025-06-30T23:59:59Z", "fiscal year 2024 2024-06-30T23:59:59Z"))
      << "its last day is not over";
  EXPECT_THAT(told(of_tier(kept_instants(june, at("2026-07-01T00:00:00Z"), "UTC"), Tier::yearly)),
              ElementsAre("fiscal year 2026 2026-06-30T23:59:59Z",
                          "fiscal year 2025 2025-06-30T23:59:59Z"));
}

TEST(KeptInstants, AFiscalYearEndingOn29FebruaryEndsOnThatMonthsLastDay) {
  const RetentionPolicy policy{
      .days = 0, .months = 0, .years = 5, .fiscal_year_end_month = 2, .fiscal_year_end_day = 29};
  EXPECT_THAT(
      told(of_tier(kept_instants(policy, at("2029-02-28T12:00:00Z"), "UTC"), Tier::yearly)),
      ElementsAre("fiscal year 2028 2028-02-29T23:59:59Z", "fiscal year 2027 2027-02-28T23:59:59Z",
                  "fiscal year 2026 2026-02-28T23:59:59Z", "fiscal year 2025 2025-02-28T23:59:59Z",
                  "fiscal year 2024 2024-02-29T23:59:59Z"));
}

TEST(KeptInstants, AZoneNobodyKnowsIsAWrongSetting) {
  EXPECT_EQ(code_of([] { kept_instants({}, at("2026-06-30T02:15:00Z"), "Europe/Pariss"); }),
            Errc::config);
}

// Whenever and wherever: every instant is past, its next second is another day of
// its zone, and the label is the day that ends.
RC_GTEST_PROP(KeptInstantsProperty, EveryDayEndsBeforeAnotherDay, ()) {
  const auto zone_name = *rc::gen::element<std::string>(
      "UTC", "Europe/Paris", "America/New_York", "America/Sao_Paulo", "Asia/Beirut",
      "Pacific/Auckland", "Asia/Kolkata", "Africa/Casablanca", "Australia/Lord_Howe");
  const date::time_zone& zone = *date::locate_zone(zone_name);
  const Instant now(std::chrono::seconds(*rc::gen::inRange<int64_t>(946'684'800, 2'240'524'800)));
  const auto kept = kept_instants({}, now, zone_name);
  RC_ASSERT(kept.size() == 54u);
  for (size_t i = 1; i < kept.size(); ++i) {
    const KeptInstant& one = kept[i];
    RC_ASSERT(one.instant < now);
    if (kept[i - 1].tier == one.tier) RC_ASSERT(one.instant < kept[i - 1].instant);
    const auto ends = date::floor<date::days>(zone.to_local(one.instant));
    const auto begins =
        date::floor<date::days>(zone.to_local(one.instant + std::chrono::seconds(1)));
    RC_ASSERT(begins == ends + date::days(1));
    if (one.tier == Tier::daily) RC_ASSERT(one.label == date::format("%F", ends));
    if (one.tier == Tier::monthly) RC_ASSERT(one.label == date::format("%Y-%m", ends));
    if (one.tier == Tier::yearly)
      RC_ASSERT(one.label + "-12-31" == "fiscal year " + date::format("%F", ends));
  }
}

TEST(ParseAsOf, ABareDateIsItsEndInThatZone) {
  EXPECT_EQ(end_of_day("UTC", "2026-03-31"), "2026-03-31T23:59:59Z");
  EXPECT_EQ(end_of_day("Europe/Paris", "2026-03-31"), "2026-03-31T21:59:59Z");
  EXPECT_EQ(end_of_day("Pacific/Auckland", "2026-03-31"), "2026-03-31T10:59:59Z");
  EXPECT_EQ(end_of_day("UTC", "2028-02-29"), "2028-02-29T23:59:59Z");
}

TEST(ParseAsOf, ATimeSaysItsOwnOffset) {
  for (const std::string zone : {"UTC", "Pacific/Auckland"}) {
    EXPECT_EQ(end_of_day(zone, "2026-03-31T18:00:00Z"), "2026-03-31T18:00:00Z");
    EXPECT_EQ(end_of_day(zone, "2026-03-31T18:00:00+02:00"), "2026-03-31T16:00:00Z");
    EXPECT_EQ(end_of_day(zone, "2026-03-31T18:00:00-05:30"), "2026-03-31T23:30:00Z");
    EXPECT_EQ(end_of_day(zone, "2026-03-31T18:00:00+00:00"), "2026-03-31T18:00:00Z");
  }
}

TEST(ParseAsOf, AnythingElseIsNoTime) {
  for (const std::string text : {"",
                                 "now",
                                 "2026",
                                 "2026-03",
                                 "2026-3-31",
                                 "2026-02-29",
                                 "2026-13-01",
                                 "2026-00-10",
                                 "31/03/2026",
                                 "20260331",
                                 "+2026-3-31",
                                 "-2026-3-31",
                                 " 2026-3-31",
                                 "2026-03-31 ",
                                 "2026-03-31T",
                                 "2026-03-31T18:00",
                                 "2026-03-31T18:00:00",
                                 "2026-03-31T18:00:00ZZ",
                                 "2026-03-31T18:00:00+2",
                                 "2026-03-31T25:00:00Z",
                                 "2026-03-31T18:60:00Z",
                                 "2026-02-30T18:00:00Z",
                                 "2026-3-1T8:00:00Z",
                                 "2026-03-31T18:00:00+02:00 ",
                                 "2026-03-31 18:00:00Z",
                                 "T",
                                 "Z"})
    EXPECT_EQ(code_of([&] { parse_as_of(text, "UTC"); }), Errc::usage) << "'" << text << "'";
}

TEST(ParseAsOf, AZoneNobodyKnowsIsAWrongSetting) {
  EXPECT_EQ(code_of([] { parse_as_of("2026-03-31", "Mars/Olympus"); }), Errc::config);
}

StoredArchive archive(const std::string& key, const std::string& taken) {
  return {key, key.starts_with("db") ? Half::db : Half::docs, at(taken), 1};
}

const std::vector<StoredArchive> kArchives = {
    archive("db1", "2026-01-01T00:00:00Z"), archive("docs1", "2026-01-01T00:00:00Z"),
    archive("db2", "2026-02-01T00:00:00Z"), archive("docs2", "2026-02-01T00:00:00Z"),
    archive("db3", "2026-03-01T00:00:00Z"), archive("docs3", "2026-03-01T00:00:00Z"),
};

KeptInstant kept_at(const std::string& instant) {
  return {Tier::monthly, at(instant), instant.substr(0, 7)};
}

// "key: reasons" of those that stay.
std::vector<std::string> staying(const RetentionInput& input) {
  const Retention retention = decide_retention(input);
  EXPECT_EQ(retention.decisions.size(), input.archives.size());
  std::vector<std::string> texts;
  for (size_t i = 0; i < retention.decisions.size(); ++i) {
    const Retention::Decision& one = retention.decisions[i];
    EXPECT_EQ(one.archive.key, input.archives[i].key) << "the order is that of the archives";
    if (!one.keep) {
      EXPECT_THAT(one.reasons, ElementsAre("no kept instant needs it"));
      continue;
    }
    std::string text = one.archive.key + ":";
    for (const std::string& reason : one.reasons) text += " " + reason + ";";
    texts.push_back(text);
  }
  return texts;
}

TEST(DecideRetention, TheNewestOfEachHalfStays) {
  EXPECT_THAT(staying({kArchives, {}, {}}),
              ElementsAre("db3: newest db archive;", "docs3: newest docs archive;"));
}

TEST(DecideRetention, AnInstantKeepsThePairItNames) {
  const PairAt pair{at("2026-02-10T00:00:00Z"), "db1", "docs2"};
  EXPECT_THAT(staying({kArchives, {{kept_at("2026-02-28T23:59:59Z"), pair}}, {}}),
              ElementsAre("db1: monthly 2026-02;", "docs2: monthly 2026-02;",
                          "db3: newest db archive;", "docs3: newest docs archive;"));
}

TEST(DecideRetention, EveryReasonIsSaidOnce) {
  const PairAt pair{at("2026-03-02T00:00:00Z"), "db3", "docs3"};
  const KeptInstant now{Tier::newest, at("2026-03-02T00:00:00Z"), "now"};
  const KeptInstant month = kept_at("2026-03-31T23:59:59Z");
  EXPECT_THAT(staying({kArchives, {{now, pair}, {now, pair}, {month, pair}}, {{"db3", "audit"}}}),
              ElementsAre("db3: newest db archive; in force now; monthly 2026-03; held: audit;",
                          "docs3: newest docs archive; in force now; monthly 2026-03;"));
}

TEST(DecideRetention, WithoutAGoodPairTheNewestOfEachHalfAtThatTimeStays) {
  EXPECT_THAT(staying({kArchives, {{kept_at("2026-02-15T00:00:00Z"), std::nullopt}}, {}}),
              ElementsAre("db2: monthly 2026-02, unpaired;", "docs2: monthly 2026-02, unpaired;",
                          "db3: newest db archive;", "docs3: newest docs archive;"));
  EXPECT_THAT(staying({kArchives, {{kept_at("2026-01-01T00:00:00Z"), std::nullopt}}, {}}),
              testing::Contains("db1: monthly 2026-01, unpaired;"))
      << "taken at that very second";
  EXPECT_EQ(staying({kArchives, {{kept_at("2025-12-31T23:59:59Z"), std::nullopt}}, {}}).size(), 2u)
      << "nothing was there yet";
}

TEST(DecideRetention, AHalfThatThePairDoesNotNameIsKeptUnpaired) {
  const PairAt pair{at("2026-02-10T00:00:00Z"), "db1", std::nullopt};
  EXPECT_THAT(staying({kArchives, {{kept_at("2026-02-28T23:59:59Z"), pair}}, {}}),
              ElementsAre("db1: monthly 2026-02;", "docs2: monthly 2026-02, unpaired;",
                          "db3: newest db archive;", "docs3: newest docs archive;"));
}

TEST(DecideRetention, WhatIsHeldStays) {
  EXPECT_THAT(
      staying({kArchives, {}, {{"docs1", "audit"}, {"elsewhere", "gone"}}}),
      ElementsAre("docs1: held: audit;", "db3: newest db archive;", "docs3: newest docs archive;"));
}

TEST(DecideRetention, OfTwoTakenInOneSecondTheGreaterKeyIsTheNewest) {
  const std::vector<StoredArchive> twins = {archive("dbz", "2026-01-01T00:00:00Z"),
                                            archive("dba", "2026-01-01T00:00:00Z")};
  EXPECT_THAT(staying({twins, {}, {}}), ElementsAre("dbz: newest db archive;"));
}

TEST(DecideRetention, NothingGivesNothing) {
  EXPECT_TRUE(staying({{}, {{kept_at("2026-02-28T23:59:59Z"), std::nullopt}}, {}}).empty());
}

TEST(Tiers, HaveNames) {
  EXPECT_EQ(name_of(Tier::newest), "newest");
  EXPECT_EQ(name_of(Tier::daily), "daily");
  EXPECT_EQ(name_of(Tier::monthly), "monthly");
  EXPECT_EQ(name_of(Tier::yearly), "yearly");
}

}  // namespace
}  // namespace dolibarr_backup
