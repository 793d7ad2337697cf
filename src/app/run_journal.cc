#include "app/run_journal.h"

#include <fmt/format.h>

#include <random>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

// Machines that keep time by NTP agree far better; and runs that follow each other
// within a second date themselves a little ahead, to sort in their order.
constexpr std::chrono::seconds kClockTolerance{60};

}  // namespace

RunId begin_run(const Catalog& catalog, Instant now) {
  if (!catalog.runs().empty()) {
    const Instant newest = catalog.runs().back().start();
    if (newest > now + kClockTolerance)
      throw Error(Errc::refused,
                  fmt::format("clock: it is {} here, but the newest run record of {} is of {}",
                              format_instant(now), catalog.keys().prefix(), format_instant(newest)))
          .with_hint(
              "set this machine's clock, or, if the record was made with a wrong clock, "
              "move '" +
              catalog.keys().run_record(catalog.runs().back()) + "' out of the prefix");
    // Always after the newest record, so that records sort in the order of their runs.
    now = std::max(now, newest + std::chrono::seconds(1));
  }
  std::random_device entropy;
  return RunId::make(now, static_cast<uint32_t>(entropy()));
}

RunRecord new_record(RunKind kind, const EnvironmentSettings& environment, const RunId& run,
                     Catalog& catalog) {
  RunRecord record{.kind = kind, .environment = environment.name, .run = run};
  record.started = run.start();
  record.state = catalog.state();
  record.versions["tool"] = DOLIBARR_BACKUP_VERSION;
  return record;
}

void commit_record(RunRecord& record, Catalog& catalog, Instant now) {
  record.finished = std::max(now, record.started);
  record.previous = catalog.heads();
  const std::string text = to_json(record);
  catalog.store().put(catalog.keys().run_record(record.run), as_bytes(text), Overwrite::no);
}

}  // namespace dolibarr_backup
