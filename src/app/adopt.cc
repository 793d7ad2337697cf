#include "app/adopt.h"

#include <algorithm>

#include "app/run_journal.h"

namespace dolibarr_backup {

std::vector<std::string> adopt(Catalog& catalog, const EnvironmentSettings& environment,
                               bool dry_run, Instant now) {
  const CarriedState state = catalog.state();
  std::vector<std::string> adopted;
  for (const CatalogArchive& archive : catalog.archives()) {
    const std::string& key = archive.stored.key;
    const bool known =
        std::find(state.adopted.begin(), state.adopted.end(), key) != state.adopted.end();
    if (archive.reference && !known) adopted.push_back(key);
  }
  if (adopted.empty() || dry_run) return adopted;
  RunRecord record = new_record(RunKind::adopt, environment, begin_run(catalog, now), catalog);
  record.result = RunResult::success;
  record.state.adopted.insert(record.state.adopted.end(), adopted.begin(), adopted.end());
  commit_record(record, catalog, now);
  return adopted;
}

}  // namespace dolibarr_backup
