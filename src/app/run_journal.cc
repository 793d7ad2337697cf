#include "app/run_journal.h"

#include <fmt/format.h>

#include <random>

#include "base/error.h"
#include "base/secret.h"
#include "core/status.h"

namespace dolibarr_backup {
namespace {

constexpr int kNameTries = 1000;

// Several runs of one second sort in their order: the later one draws a name until it
// is past the earlier one's. Each halves what is left, so one day a second is full.
RunId name_after(const RunId& newest, Instant now) {
  std::random_device entropy;
  for (int tries = 0; tries < kNameTries; ++tries) {
    RunId run = RunId::make(now, static_cast<uint32_t>(entropy()));
    if (run > newest) return run;
  }
  return RunId::make(newest.start() + std::chrono::seconds(1), static_cast<uint32_t>(entropy()));
}

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
    return name_after(catalog.runs().back(), std::max(now, newest));
  }
  return RunId::make(now, static_cast<uint32_t>(std::random_device()()));
}

Instant not_before_newest(const Catalog& catalog, Instant now) {
  if (catalog.runs().empty()) return now;
  const Instant newest = catalog.runs().back().start();
  return newest - now <= 2 * kClockTolerance ? std::max(now, newest) : now;
}

RunRecord new_record(RunKind kind, const EnvironmentSettings& environment, const RunId& run,
                     Catalog& catalog) {
  RunRecord record{.kind = kind, .environment = environment.name, .run = run};
  record.started = run.start();
  record.state = catalog.state();
  std::erase_if(record.state.damaged,
                [&](const std::string& key) { return !catalog.contains(key); });
  record.versions["tool"] = DOLIBARR_BACKUP_VERSION;
  return record;
}

void commit_record(RunRecord& record, Catalog& catalog, Instant now) {
  record.finished = std::max(now, record.started);
  record.previous = catalog.heads();
  // They may quote a library, which may quote what it was given.
  record.error = mask_secrets(record.error);
  for (std::string& note : record.notes) note = mask_secrets(note);
  for (auto& [which, half] : record.halves)
    for (std::string& problem : half.problems) problem = mask_secrets(problem);
  const std::string text = to_json(record);
  catalog.store().put(catalog.keys().run_record(record.run), as_bytes(text), Overwrite::no);
}

}  // namespace dolibarr_backup
