#pragma once

#include <string>
#include <vector>

#include "app/document_access.h"
#include "core/settings.h"
#include "page/wording.h"

namespace dolibarr_backup {

struct SearchResult {
  std::string environment;
  std::string typed;  ///< what was looked for; "" shows the form alone
  std::vector<DocumentVersion> versions;
  size_t omitted = 0;  ///< ... and so many more that are not shown
};

/// The search for documents, and what it found.
std::string search_page(const SearchResult& result, const Wording& wording);

/// A page that leads to the environments.
std::string environments_page(const std::vector<EnvironmentSettings>& environments,
                              const Texts& texts);

}  // namespace dolibarr_backup
