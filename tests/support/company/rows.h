#pragma once

#include "core/settings.h"
#include "support/company/model.h"

namespace dolibarr_backup::company {

/// Makes the tables in one transaction and, if `company` is not null, fills them.
void write_database(const DatabaseSettings& settings, const Company* company);

/// Writes the files with their times, and what only a file system knows: links, an
/// empty folder, permissions.
void write_documents(const std::string& root, const Company& company);

/// Hexadecimal digest by OpenSSL: "MD5", "SHA256".
std::string hex_digest(const char* algorithm, const std::string& text);

}  // namespace dolibarr_backup::company
