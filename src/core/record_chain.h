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

/// `links`: every listed record, oldest first; those that were read are the newest ones, all
/// of them. `heads`: which of them nothing refers to yet. A record that is gone, was replaced,
/// or is of another environment breaks the chain; two runs at once only fork it.
std::vector<ChainBreak> find_chain_breaks(const std::vector<ChainLink>& links,
                                          const std::vector<RecordRef>& heads,
                                          const std::string& environment);

}  // namespace dolibarr_backup
