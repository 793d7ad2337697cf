#include "core/object_keys.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/units.h"

namespace dolibarr_backup {
namespace {

using Kind = ParsedKey::Kind;

const KeySpace kKeys("erp/prod");
const RunId kRun = *RunId::parse("20260630T021500Z-k3f7qa");

// From 1970 to the end of 9999, as far as names order by time.
rc::Gen<RunId> runs() {
  return rc::gen::apply(
      [](int64_t seconds, uint32_t random) {
        return RunId::make(Instant(std::chrono::seconds(seconds)), random);
      },
      rc::gen::inRange<int64_t>(0, 253'402'300'800), rc::gen::arbitrary<uint32_t>());
}

TEST(RunIdText, IsTheStartAndSixCharacters) {
  const RunId run = RunId::make(*parse_instant("2026-06-30T02:15:00Z"), 0);
  EXPECT_EQ(run.text(), "20260630T021500Z-aaaaaa");
  EXPECT_EQ(RunId::make(run.start(), 31).text(), "20260630T021500Z-7aaaaa");
  EXPECT_EQ(RunId::make(run.start(), 0x3fffffff).text(), "20260630T021500Z-777777");
  EXPECT_EQ(kRun.start(), run.start());
}

TEST(RunIdText, NothingElseIsOne) {
  for (const std::string text :
       {"", "20260630T021500Z", "20260630T021500Z-", "20260630T021500Z-k3f9q",
        "20260630T021500Z-k3f7qab", "20260630T021500Z-K3F9QA", "20260630T021500Z-k3f9q1",
        "20260630T021500Z_k3f7qa", "20260230T021500Z-k3f7qa", "20261301T021500Z-k3f7qa",
        "20260600T021500Z-k3f7qa", "20260630T241500Z-k3f7qa", "20260630T026000Z-k3f7qa",
        "20260630T021560Z-k3f7qa", "20260630t021500z-k3f7qa", "2026063 T021500Z-k3f7qa",
        "20260630T0215 0Z-k3f7qa", "-0260630T021500Z-k3f7qa"})
    EXPECT_EQ(RunId::parse(text), std::nullopt) << text;
}

RC_GTEST_PROP(RunIdProperty, EveryNameIsReadBack, ()) {
  const RunId run = *runs();
  const std::optional<RunId> parsed = RunId::parse(run.text());
  RC_ASSERT(parsed == run);
  RC_ASSERT(parsed->start() == run.start());
}

RC_GTEST_PROP(RunIdProperty, NamesOrderByTime, ()) {
  const RunId one = *runs(), other = *runs();
  if (one.start() != other.start()) RC_ASSERT((one < other) == (one.start() < other.start()));
}

TEST(KeySpace, BuildsWhatTheFormatDocumentShows) {
  EXPECT_EQ(kKeys.archive(kRun, Half::db), "erp/prod/db/20260630T021500Z-k3f7qa.dump");
  EXPECT_EQ(kKeys.manifest(kRun, Half::db), "erp/prod/db/20260630T021500Z-k3f7qa.manifest.gz");
  EXPECT_EQ(kKeys.archive(kRun, Half::docs), "erp/prod/docs/20260630T021500Z-k3f7qa.tar.gz");
  EXPECT_EQ(kKeys.manifest(kRun, Half::docs), "erp/prod/docs/20260630T021500Z-k3f7qa.manifest.gz");
  EXPECT_EQ(kKeys.run_record(kRun), "erp/prod/runs/20260630T021500Z-k3f7qa.json");
  EXPECT_EQ(kKeys.hold(kKeys.archive(kRun, Half::docs)),
            "erp/prod/holds/docs_20260630T021500Z-k3f7qa.tar.gz.json");
  EXPECT_EQ(kKeys.fingerprint_pointer(Half::db), "erp/prod/.fp-db");
  EXPECT_EQ(kKeys.fingerprint_pointer(Half::docs), "erp/prod/.fp-docs");
  EXPECT_EQ(kKeys.restore_text(), "erp/prod/RESTORE.txt");
  EXPECT_EQ(kKeys.everything(), "erp/prod/");
  EXPECT_EQ(kKeys.runs(), "erp/prod/runs/");
}

RC_GTEST_PROP(KeySpaceProperty, EveryKeyIsReadBack, ()) {
  const RunId run = *runs();
  const Half half = *rc::gen::element(Half::db, Half::docs);
  const KeySpace keys(*rc::gen::element<std::string>("erp/prod", "p", "db", "runs/holds"));

  const std::string archive = keys.archive(run, half);
  const ParsedKey parsed = keys.parse(archive);
  RC_ASSERT(parsed.kind == Kind::archive);
  RC_ASSERT(parsed.run == run);
  RC_ASSERT(parsed.half == half);
  RC_ASSERT(parsed.taken == run.start());

  const ParsedKey manifest = keys.parse(keys.manifest(run, half));
  RC_ASSERT(manifest.kind == Kind::manifest);
  RC_ASSERT(manifest.run == run);
  RC_ASSERT(manifest.half == half);
  RC_ASSERT(keys.manifest_of(archive) == keys.manifest(run, half));

  const ParsedKey record = keys.parse(keys.run_record(run));
  RC_ASSERT(record.kind == Kind::run_record);
  RC_ASSERT(record.run == run);
  RC_ASSERT(!record.half);

  const ParsedKey hold = keys.parse(keys.hold(archive));
  RC_ASSERT(hold.kind == Kind::hold);
  RC_ASSERT(hold.held == archive);
}

TEST(KeySpace, KnowsTheReferenceScriptsArchives) {
  for (const Half half : kHalves) {
    const std::string key = half == Half::db ? "erp/prod/db/20250101T030000Z.dump"
                                             : "erp/prod/docs/20250101T030000Z.tar.gz";
    const ParsedKey parsed = kKeys.parse(key);
    EXPECT_EQ(parsed.kind, Kind::reference_archive);
    EXPECT_EQ(parsed.half, half);
    EXPECT_EQ(parsed.run, std::nullopt);
    EXPECT_EQ(parsed.taken, parse_instant("2025-01-01T03:00:00Z"));
    const ParsedKey hold = kKeys.parse(kKeys.hold(key));
    EXPECT_EQ(hold.kind, Kind::hold);
    EXPECT_EQ(hold.held, key);
  }
}

TEST(KeySpace, KnowsThePointers) {
  for (const std::string& key : {kKeys.fingerprint_pointer(Half::db),
                                 kKeys.fingerprint_pointer(Half::docs), kKeys.restore_text()})
    EXPECT_EQ(kKeys.parse(key).kind, Kind::pointer) << key;
}

TEST(KeySpace, WhatIsNotOursIsUnknown) {
  for (const std::string key : {"",
                                "erp",
                                "erp/prod",
                                "erp/prod/",
                                "erp/prod2/db/20260630T021500Z-k3f7qa.dump",
                                "erp/prodx",
                                "db/20260630T021500Z-k3f7qa.dump",
                                "erp/prod/db",
                                "erp/prod/db/",
                                "erp/prod/notes.txt",
                                "erp/prod/db/20260630T021500Z-k3f7qa.tar.gz",
                                "erp/prod/docs/20260630T021500Z-k3f7qa.dump",
                                "erp/prod/db/20260630T021500Z-k3f7qa.dump.bak",
                                "erp/prod/db/20260630T021500Z-k3f7qa",
                                "erp/prod/db/sub/20260630T021500Z-k3f7qa.dump",
                                "erp/prod/db/20260630T021500Z.manifest.gz",
                                "erp/prod/db/20260630T021500.dump",
                                "erp/prod/db/20260231T021500Z.dump",
                                "erp/prod/db/manual.dump",
                                "erp/prod/db/.dump",
                                "erp/prod/db/.manifest.gz",
                                "erp/prod/runs/20260630T021500Z.json",
                                "erp/prod/runs/20260630T021500Z-k3f7qa.dump",
                                "erp/prod/runs/.json",
                                "erp/prod/logs/20260630T021500Z-k3f7qa.json",
                                "erp/prod/.fp-conf",
                                "erp/prod/sub/RESTORE.txt",
                                "erp/prod//db/20260630T021500Z-k3f7qa.dump",
                                "erp/prod/holds/.json",
                                "erp/prod/holds/nothing.json",
                                "erp/prod/holds/db_nothing.json",
                                "erp/prod/holds/docs_20260630T021500Z-k3f7qa.dump.json",
                                "erp/prod/holds/runs_20260630T021500Z-k3f7qa.json.json",
                                "erp/prod/holds/db_20260630T021500Z-k3f7qa.manifest.gz.json",
                                "erp/prod/holds/db/20260630T021500Z-k3f7qa.dump.json",
                                "erp/prod/holds/holds_db_20260630T021500Z-k3f7qa.dump.json.json"})
    EXPECT_EQ(kKeys.parse(key).kind, Kind::unknown) << key;
}

TEST(KeySpace, AnUnknownKeySaysNothing) {
  const ParsedKey parsed = kKeys.parse("erp/prod/db/20260630T021500Z.manifest.gz");
  EXPECT_EQ(parsed.half, std::nullopt);
  EXPECT_EQ(parsed.run, std::nullopt);
  EXPECT_EQ(parsed.taken, std::nullopt);
}

}  // namespace
}  // namespace dolibarr_backup
