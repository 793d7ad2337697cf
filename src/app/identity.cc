#include "app/identity.h"

#include "app/run_journal.h"
#include "dolibarr/database.h"

namespace dolibarr_backup {

IdentityReport show_identity(Catalog& catalog, const EnvironmentSettings& environment) {
  return {catalog.state().identity, DatabaseSnapshot::open(environment.database)->facts().identity,
          false};
}

IdentityReport accept_identity(Catalog& catalog, const EnvironmentSettings& environment,
                               Instant now) {
  IdentityReport report = show_identity(catalog, environment);
  if (report.accepted && same_instance(*report.accepted, report.seen)) return report;
  RunRecord record = new_record(RunKind::identity, environment, begin_run(catalog, now), catalog);
  record.result = RunResult::success;
  record.identity = report.seen;
  record.state.identity = report.seen;
  commit_record(record, catalog, now);
  report.changed = true;
  return report;
}

}  // namespace dolibarr_backup
