#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "page/html.h"
#include "page/report_page.h"
#include "page/simulated_year.h"
#include "page/wording.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;

date::local_days day(int year, unsigned month, unsigned day_of_month) {
  return date::local_days(date::year(year) / date::month(month) / date::day(day_of_month));
}

std::string page_of(const ReportInput& input, Language language = Language::english) {
  return report_page(model_report(input), language);
}

TEST(Html, EscapesEveryTextAndAttribute) {
  Html html;
  html.element("p", {{"title", "\"><script>"}}, "<b> & 'c'");
  EXPECT_EQ(html.string(), "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;b&gt; &amp; &#39;c&#39;</p>");
}

TEST(Html, ReplacesWhatIsNoText) {
  EXPECT_EQ(escape_html("a\xff\x01\x7f"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escape_html("\xC2\x85"), "\xEF\xBF\xBD");
  EXPECT_EQ(escape_html("\u202E\u2066\u2013"), "\uFFFD\uFFFD\u2013");
  EXPECT_EQ(escape_html("facture\t\xC3\xA9\n"), "facture\t\xC3\xA9\n");
}

TEST(Wording, WritesAsTheLanguageDoes) {
  const Wording english(Language::english, "Europe/Paris"),
      french(Language::french, "Europe/Paris");
  const Instant instant = *parse_instant("2026-03-31T21:15:00Z");
  EXPECT_EQ(english.instant(instant), "31 March 2026 at 23:15 CEST");
  EXPECT_EQ(french.instant(instant), "31 mars 2026 à 23:15 CEST");
  EXPECT_EQ(english.long_day(day(2026, 5, 1)), "Friday, 1 May 2026");
  EXPECT_EQ(french.long_day(day(2026, 5, 1)), "vendredi 1er mai 2026");
  EXPECT_EQ(english.number(1234567), "1,234,567");
  EXPECT_EQ(french.number(1234567), "1\u202f234\u202f567");
  EXPECT_EQ(english.bytes(50'000'000), "47.7\u00a0MiB");
  EXPECT_EQ(french.bytes(50'000'000), "47,7\u00a0Mio");
  EXPECT_EQ(french.duration(std::chrono::milliseconds(3210)), "3,2\u00a0s");
  EXPECT_EQ(english.duration(std::chrono::minutes(125)), "2\u00a0h 05\u00a0min");
  EXPECT_EQ(french.count(0, french.texts().gap_length), "0 jour");
  EXPECT_EQ(english.count(0, english.texts().gap_length), "0 days");
}

TEST(ReportPage, AnswersWhetherWeAreCoveredAndSinceWhen) {
  SimulatedRuns runs(day(2026, 3, 2));
  const ReportInput input = runs.good(true, true).good(false, false).drill(true).input();
  const std::string english = page_of(input);
  EXPECT_THAT(english, HasSubstr("The last good backup is of 3 March 2026 at 03:15 CET"));
  EXPECT_THAT(english, HasSubstr("Every day without a gap since 2 March 2026."));
  EXPECT_THAT(english, HasSubstr("was brought back in 2\u00a0min 05\u00a0s and checked"));
  const std::string french = page_of(input, Language::french);
  EXPECT_THAT(french, HasSubstr("<html lang=\"fr\">"));
  EXPECT_THAT(french, HasSubstr("La dernière sauvegarde valable date du 3 mars 2026"));
}

TEST(ReportPage, SaysNeverWhereThereWasNeverABackup) {
  SimulatedRuns runs(day(2026, 3, 2));
  const std::string page = page_of(runs.none().input());
  EXPECT_THAT(page, HasSubstr("There is no backup"));
  EXPECT_THAT(page, HasSubstr("Documents: never backed up."));
  EXPECT_THAT(page, HasSubstr("Database: never backed up."));
}

TEST(ReportPage, SaysThatTheDocumentsNeverWere) {
  SimulatedRuns runs(day(2026, 3, 2));
  const std::string page = page_of(runs.database_only().input());
  EXPECT_THAT(page, HasSubstr("Documents: never backed up."));
  EXPECT_THAT(page, Not(HasSubstr("Database: never backed up.")));
}

TEST(ReportPage, SaysThatTheLastBackupIsThreeDaysOld) {
  SimulatedRuns runs(day(2026, 3, 2));
  const std::string page = page_of(runs.good(true, true).none().none().none().input());
  EXPECT_THAT(page, HasSubstr("3\u00a0d ago. One is due every day."));
  EXPECT_THAT(page, HasSubstr("missing: no run"));
}

TEST(ReportPage, SaysThatTheNewestArchiveIsDamaged) {
  SimulatedRuns runs(day(2026, 3, 2));
  runs.good(true, true).good(true, false);
  runs.damage(runs.newest(Half::db));
  const std::string page = page_of(runs.input());
  EXPECT_THAT(page, HasSubstr("The state to be restored is of 2 March 2026"));
  EXPECT_THAT(page, HasSubstr("damaged</span>"));
}

TEST(ReportPage, SaysThatTheChainIsBroken) {
  SimulatedRuns runs(day(2026, 3, 2));
  ReportInput input = runs.good(true, true).input();
  EXPECT_THAT(page_of(input), HasSubstr("Unbroken"));
  input.chain_problems = {"erp/prod/runs/x.json is gone"};
  input.status.findings = {{FindingKind::broken_chain, std::nullopt, "a record is gone"}};
  const std::string page = page_of(input);
  EXPECT_THAT(page, HasSubstr("erp/prod/runs/x.json is gone"));
  EXPECT_THAT(page, HasSubstr("Broken chain of run records"));
  EXPECT_THAT(page, Not(HasSubstr("Unbroken")));
}

TEST(ReportPage, HasWordsForEveryFinding) {
  ReportInput input = SimulatedRuns(day(2026, 3, 2)).good(true, true).input();
  for (const FindingKind kind : finding_kinds())
    input.status.findings.push_back({kind, Half::docs, std::string(name_of(kind)) + "!"});
  for (const Language language : {Language::english, Language::french}) {
    const std::string page = page_of(input, language);
    for (const FindingKind kind : finding_kinds())
      EXPECT_THAT(page, HasSubstr(std::string(name_of(kind)) + "!"));
  }
}

TEST(ReportPage, NothingThatWasRecordedBecomesMarkup) {
  const std::string evil = "<script>alert('x')</script>\"onload=\"";
  ReportInput input = SimulatedRuns(day(2026, 3, 2)).good(true, true).drill(false).input();
  input.environment = input.prefix = input.store = input.conf_key_location = evil;
  for (RunRecord& record : input.records) {
    record.error = evil;
    record.notes = {"database: FAILED: " + evil, "database: " + evil, evil + ": proven: x"};
    record.pruned = {{evil, evil}};
    record.versions[evil] = evil;
  }
  for (ReportArchive& archive : input.archives) archive.reasons = {evil, "held: " + evil};
  input.chain_problems = {evil};
  input.heads = {{evil, evil}};
  input.status.findings = {{FindingKind::failed, std::nullopt, evil}};
  const std::string page = page_of(input);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\"onload")));
}

TEST(ReportPage, TheSameFactsGiveTheSamePage) {
  SimulatedRuns runs(day(2025, 6, 25));
  const ReportInput input = runs.company(370).input();
  const std::string page = page_of(input);
  EXPECT_EQ(page, page_of(input));
  EXPECT_LT(page.size(), 600'000u);
}

}  // namespace
}  // namespace dolibarr_backup
