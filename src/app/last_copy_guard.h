#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "app/catalog.h"

namespace dolibarr_backup {

/// Of the documents archives that would go, those that alone still have a file of
/// an issued module (core/documents_rules), by key, with the reason to keep them.
/// Reads manifests only if something would go. An archive of the reference script
/// has no manifest and cannot be judged; one whose manifest cannot be read stays.
std::map<std::string, std::string> find_last_copies(Catalog& catalog,
                                                    const std::vector<StoredArchive>& dropped,
                                                    const std::vector<StoredArchive>& kept,
                                                    const std::stop_token& stop);

}  // namespace dolibarr_backup
