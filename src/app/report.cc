#include "app/report.h"

#include "app/list.h"
#include "app/run_journal.h"
#include "app/status.h"
#include "base/error.h"

namespace dolibarr_backup {
namespace {

constexpr date::days kLongestPeriod{12 * 366};

void check_period(date::local_days first, date::local_days last, date::local_days today) {
  const auto refuse = [](const std::string& why) {
    throw Error(Errc::usage, "the report's period " + why)
        .with_hint("give --from and --to as dates, the earlier first");
  };
  if (last < first) refuse("ends before it begins");
  if (first > today) refuse("begins in the future");
  if (last - first > kLongestPeriod) refuse("is longer than twelve years");
}

ReportArchive archive_of(const ListedArchive& listed, const Catalog& catalog) {
  const CatalogArchive& found = listed.archive;
  ReportArchive archive{.key = found.stored.key,
                        .half = found.stored.half,
                        .taken = found.stored.taken,
                        .size = found.stored.size,
                        .reasons = listed.reasons,
                        .damaged = found.damaged};
  if (!found.entry) return archive;
  archive.sha256 = found.entry->archive.sha256;
  if (found.entry->manifest) {
    archive.manifest = found.entry->manifest->key;
    archive.manifest_sha256 = found.entry->manifest->sha256;
  }
  archive.restorable = catalog.intact(*found.entry) && !found.damaged;
  return archive;
}

}  // namespace

ReportModel report(Catalog& catalog, const EnvironmentSettings& environment, Instant now,
                   date::local_days first, date::local_days last) {
  now = not_before_newest(catalog, now);
  check_period(first, last, local_day(now, environment.time_zone));
  catalog.prefetch(catalog.runs());
  const Listing listing = list_environment(catalog, environment, now);
  ReportInput input{.environment = environment.name,
                    .prefix = listing.prefix,
                    .store = listing.store,
                    .time_zone = environment.time_zone,
                    .conf_key_location = environment.conf_key_location,
                    .retention = environment.retention,
                    .now = now,
                    .max_age = environment.max_age,
                    .first = first,
                    .last = last,
                    .heads = catalog.heads()};
  const StatusFacts facts = gather_status(catalog, environment, listing, catalog.runs().size());
  input.status = judge_status(facts);
  input.chain_problems = facts.chain_breaks;
  for (const RunId& run : catalog.runs())
    if (const RunRecord* record = catalog.record(run)) input.records.push_back(*record);
  for (const ListedArchive& listed : listing.archives)
    input.archives.push_back(archive_of(listed, catalog));
  return model_report(std::move(input));
}

}  // namespace dolibarr_backup
