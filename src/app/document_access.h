#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/catalog.h"
#include "app/point.h"
#include "base/progress.h"
#include "core/manifest.h"
#include "core/path_pattern.h"

/// Documents out of a backup without restoring it, and what changed between two. Memory
/// is bounded by what is asked for, never by what the manifests hold. Everything that is
/// used of a manifest was checked against its run record before.
namespace dolibarr_backup {

/// A document as it was over some time: a file, under any of its hard links, or a
/// symbolic link.
struct DocumentVersion {
  std::string path;
  ManifestEntry::Type type = ManifestEntry::Type::file;
  uint64_t size = 0;
  int64_t mtime_ns = 0;        ///< as the first of the archives has it
  std::string sha256, target;  ///< of a file; of a symbolic link
  Instant from, until;         ///< when the first and the last archive that hold it were taken
  std::string archive;         ///< the last of these, by key
  /// When the next archive after that was taken, if it holds the path no more.
  std::optional<Instant> gone;
};

/// Every version of the documents that `pattern` matches, in all docs archives in force
/// that have manifests, by path and then oldest first. Equal content in consecutive
/// archives is one version. A manifest that is damaged is warned of and left out. One
/// request per archive; Errc::usage beyond 200,000 versions.
std::vector<DocumentVersion> find_versions(Catalog& catalog, const PathPattern& pattern,
                                           const std::stop_token& stop);

/// Writes the document at `path` to `out`: its content only, as it comes, so that `out`
/// is worthless if this throws. Two requests: the manifest, and the members that hold
/// the document. Errc::usage if there is no such file, with what may be meant, or if it
/// is a folder or a symbolic link; Errc::corrupt, naming archive, member and path, if
/// the content is not what the manifest says.
void write_document(ObjectStore& store, const ArchiveEntry& docs, const std::string& path,
                    Sink& out, const std::stop_token& stop);

struct ExtractReport {
  uint64_t files = 0;    ///< regular files and hard links that were made
  uint64_t folders = 0;  ///< matching ones, there before or not
  uint64_t symlinks = 0;
  uint64_t bytes = 0;                 ///< of content
  uint64_t fetched_bytes = 0;         ///< of the archive
  uint64_t requests = 0;              ///< to the store: manifests and ranges
  std::vector<std::string> problems;  ///< what could not be made and why, one sentence each
  uint64_t problems_omitted = 0;      ///< ... and this many more
};

/// Extracts what `pattern` matches below `to_folder`, which is made if need be; "**" is
/// a restore of the whole tree. The archive is read once, in few ranges; the manifest twice.
///
/// Nothing outside of `to_folder` is ever written, nothing that exists is replaced: if a
/// file stands in the way nothing is written at all (Errc::refused). A file gets its name
/// only once its sha256 was found right. Modes (without setuid, sticky, and a file's setgid)
/// and times are restored, owners if we are root, hard links as links if their target is extracted
/// too; symbolic links come after all files. Folders that are only on the way get their modes and
/// times as well, those that were there before stay as they are. What is damaged in the archive
/// stands in `problems`, and is not there; the rest is extracted.
///
/// `progress`: docs_total_bytes, docs_read_bytes and docs_files_walked count content and
/// files. Throws Errc::usage if nothing matches, Errc::source if the folder cannot be
/// written to, Errc::corrupt if the manifest is not the record's (nothing is written), or
/// the archive is missing or cut short.
ExtractReport extract_documents(ObjectStore& store, const ArchiveEntry& docs,
                                const PathPattern& pattern, const std::string& to_folder,
                                Progress& progress, const std::stop_token& stop);

}  // namespace dolibarr_backup
