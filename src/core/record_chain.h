#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/run_record.h"

/// Whether the run records are the ones that later records refer to
/// (docs/format.md, "Run records"). Pure.
namespace dolibarr_backup {

/// A record that is listed.
struct ChainLink {
  RunId run;
  bool read = true;                   ///< if not, only that it is there counts
  std::string sha256;                 ///< as stored; "" if it is listed and cannot be found
  const RunRecord* record = nullptr;  ///< null if it was not read, or cannot be
};

/// Where the chain is broken.
struct ChainBreak {
  std::string run;      ///< the record's, as it is referred to
  std::string problem;  ///< "is gone, though the record of ... refers to it"
};

/// `links`: every listed record, oldest first; the newest were read. `heads`: those that nothing
/// refers to yet. One that is gone, replaced or of another environment breaks the chain; a fork
/// does not, nor one that cannot be read, nor what only such a one could refer to.
std::vector<ChainBreak> find_chain_breaks(const std::vector<ChainLink>& links,
                                          const std::vector<RecordRef>& heads,
                                          const std::string& environment);

}  // namespace dolibarr_backup
