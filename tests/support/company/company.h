#pragma once

#include <string>

#include "core/settings.h"

namespace dolibarr_backup {

struct CompanyOptions {
  int scale = 1;  ///< 1: about 50 invoices; 40: 2000
  unsigned seed = 1;
  bool schema_only = false;  ///< tables without rows, no documents
};

/// Fills an empty database and a documents folder with an invented company, shaped
/// like a Dolibarr instance of version 22: the tables that a backup must not
/// overlook, their triggers (and the lack of them), a legal log whose chain holds,
/// and a tree with real PDFs, links, temporary files and awkward names.
///
/// The same options give the same rows, bytes and modification times. The user of
/// `database` owns what is made. `documents` is created if it is missing; nothing in
/// it is removed. Throws Errc::source.
void make_company(const DatabaseSettings& database, const std::string& documents,
                  const CompanyOptions& options);

}  // namespace dolibarr_backup
