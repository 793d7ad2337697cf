#pragma once

#include <string>

#include "app/catalog.h"
#include "core/run_record.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// Names a run that starts now, and refuses (Errc::refused) a clock that is not
/// past the newest record: a record dated wrongly would be sorted wrongly for ever.
/// A lead of up to a minute is no reason: the run then takes that record's second, and
/// a name past it. Two runs at once may share a second, never a name.
RunId begin_run(const Catalog& catalog, Instant now);

/// The time to judge by: another machine's clock, or a run of the same second, may be a
/// little ahead (at most what begin_run tolerates), and nothing recorded is younger than now.
Instant not_before_newest(const Catalog& catalog, Instant now);

/// A record of `kind` with what every record of this prefix carries forward.
RunRecord new_record(RunKind kind, const EnvironmentSettings& environment, const RunId& run,
                     Catalog& catalog);

/// Links the record into the chain and stores it: the commit point.
void commit_record(RunRecord& record, Catalog& catalog, Instant now);

}  // namespace dolibarr_backup
