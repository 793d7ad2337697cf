#pragma once

#include <stop_token>
#include <string>

#include "app/document_scan.h"
#include "base/error.h"
#include "core/run_record.h"

namespace dolibarr_backup {

/// Errc::usage: that `path` is not in the archive, and why, if its manifest knows (it was
/// left out, or could not be read), or what may be meant: a similar name in the same
/// folder, or the same name in another one. Reads the manifest.
Error no_such_document(ObjectStore& store, const ArchiveEntry& docs, const std::string& path,
                       const std::stop_token& stop);

}  // namespace dolibarr_backup
