#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/manifest.h"
#include "core/run_record.h"
#include "dolibarr/documents.h"
#include "store/object_store.h"

/// Docs archives in a store without the rest of an instance.
namespace dolibarr_backup {

/// Captures the tree as a run does and stores archive and manifest under erp/prod.
ArchiveEntry store_documents(ObjectStore& store, const DocumentsSource& source);

/// An archive that no honest run would make: its manifest and its tar are written
/// separately, entry by entry.
class MadeArchive {
 public:
  /// The manifest says `entry`; the tar gets a header of `tar_path`, or of the entry's own
  /// path if "". The path "" of an entry is the root.
  void add(ManifestEntry entry, const std::string& content = "", const std::string& tar_path = "");
  /// All in one member.
  ArchiveEntry store(ObjectStore& store);

 private:
  std::string tar_, lines_;
};

ManifestEntry file_entry(const std::string& path);
ManifestEntry folder_entry(const std::string& path);
ManifestEntry symlink_entry(const std::string& path, const std::string& target);
ManifestEntry hard_link_entry(const std::string& path, const std::string& target);

/// Puts `text`, a whole manifest, into the store; its entry names an archive that need not be
/// there.
ArchiveEntry store_manifest(ObjectStore& store, const std::string& text,
                            const std::string& archive);

}  // namespace dolibarr_backup
