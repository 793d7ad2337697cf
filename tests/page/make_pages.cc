// Writes the pages that tests/page/page_test.mjs looks at in a browser: make-pages FOLDER.
#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "page/report_page.h"
#include "page/simulated_year.h"
#include "web/search_page.h"

namespace dolibarr_backup {
namespace {

date::local_days day(int year, unsigned month, unsigned day_of_month) {
  return date::local_days(date::year(year) / date::month(month) / date::day(day_of_month));
}

void write(const std::string& folder, const std::string& name, const SimulatedRuns& runs,
           std::vector<Finding> findings) {
  ReportInput input = runs.input();
  input.status.findings = std::move(findings);
  const ReportModel model = model_report(std::move(input));
  for (const Language language : {Language::english, Language::french}) {
    const std::string path =
        folder + "/" + name + "." + std::string(texts_of(language).code.text) + ".html";
    std::ofstream(path) << report_page(model, language);
    std::cout << path << "\n";
  }
}

void write_search(const std::string& folder) {
  SearchResult result{.environment = "prod", .typed = "FA2606\"><script>alert(1)</script>"};
  const Instant from = *parse_instant("2026-03-31T02:15:00Z");
  for (int i = 0; i < 12; ++i) {
    DocumentVersion version{.path = fmt::format("facture/FA2606-{:04}/FA2606-{:04}.pdf", i / 2, i),
                            .size = 48'000u + 1000u * static_cast<unsigned>(i),
                            .sha256 = std::string(64, static_cast<char>('a' + i % 6)),
                            .from = from,
                            .until = from + std::chrono::days(i),
                            .archive = "erp/prod/docs/20260331T021500Z-k3f7qa.tar.gz"};
    if (i % 3 == 0) version.gone = version.until + std::chrono::days(1);
    if (i == 5) version.path = "produit/<img src=x onerror=alert(1)>\u202egpj.exe";
    result.versions.push_back(std::move(version));
  }
  for (const Language language : {Language::english, Language::french})
    std::ofstream(fmt::format("{}/search.{}.html", folder, texts_of(language).code.text))
        << search_page(result, Wording(language, "Europe/Paris"));
}

int run(const std::string& folder) {
  SimulatedRuns year(day(2025, 6, 25));
  write(folder, "year", year.company(370).good(true, true).drill(true), {});
  write(folder, "never", SimulatedRuns(day(2026, 6, 30)).none(),
        {{FindingKind::never, Half::db, "no database archive was ever stored"},
         {FindingKind::never, Half::docs, "no documents archive was ever stored"}});
  SimulatedRuns troubled(day(2026, 4, 1));
  troubled.company(80).good(true, true).drill(false).verify(false);
  troubled.damage(troubled.newest(Half::db));
  write(folder, "troubled", troubled.none().none().none(),
        {{FindingKind::damaged, Half::db,
          "'erp/prod/db/20260620T021500Z-biaaaa.dump' was found damaged"},
         {FindingKind::stale, std::nullopt, "no good run for 3 d"},
         {FindingKind::drill_overdue, std::nullopt, "the last drill that succeeded was 40 d ago"},
         {FindingKind::orphans, std::nullopt, "2 archives that no record names"}});
  write_search(folder);
  return 0;
}

}  // namespace
}  // namespace dolibarr_backup

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: make-pages FOLDER\n", 2;
  return dolibarr_backup::run(argv[1]);
}
