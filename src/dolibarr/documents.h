#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "core/documents_rules.h"
#include "core/fingerprint.h"
#include "core/manifest.h"
#include "core/run_record.h"
#include "stream/source_sink.h"

/// The docs half: a directory tree that is only ever read. All functions throw
/// Errc::source when the root cannot be read, is empty (a volume that is not
/// mounted); they name the path.
namespace dolibarr_backup {

struct DocumentsSource {
  std::string root;  ///< absolute
  /// Temp-like folders that count; nothing if nobody could say: then all of them do.
  std::optional<ContentFolders> content = ContentFolders();
  unsigned workers = 0;  ///< 0: as many as cores
};

/// What a walk found, from stat alone: nothing was opened but directories.
struct DocumentsSurvey {
  Fingerprint fingerprint;  ///< path, type, size, mtime, ctime, mode, owner, link target
  DocsTrust trust;
  uint64_t files = 0, directories = 0, others = 0, bytes = 0;
  std::vector<ManifestExcluded> excluded;
  std::vector<std::string> unlistable;  ///< folders whose content could not be seen
};

/// Walks the tree once. Memory is bounded by the largest directories on one
/// path, not by the tree. `on_file` sees each regular file's path, in order,
/// from one thread.
DocumentsSurvey survey_documents(const DocumentsSource& source,
                                 const std::function<void(std::string_view path)>& on_file,
                                 Progress& progress, const std::stop_token& stop);

struct DocumentsCapture {
  DocumentsSurvey survey;  ///< of the capture's own walk; compare with the survey before
  std::vector<ManifestProblem> problems;  ///< also in the manifest
  /// True if a file or folder stayed unreadable or a file kept changing: the half is not a success.
  bool incomplete = false;
};

/// Writes the tree as a deterministic pax tar in gzip members to `archive`, and
/// the manifest's member, entry, checksum, excluded and problem lines to
/// `manifest` (the caller adds header and facts). A file that changes while read
/// is read again up to three times; what still moves is named, never cut short
/// in silence: the archive stays a valid tar.
DocumentsCapture capture_documents(const DocumentsSource& source, Sink& archive, Sink& manifest,
                                   Progress& progress, const std::stop_token& stop);

struct DocumentsReread {
  uint64_t files = 0, bytes = 0;  ///< read
  /// Content differs from the manifest although the stat is the same.
  std::vector<std::string> silently_changed;
};

/// Reads files again and compares them with the manifest's text. Only files
/// whose mtime or ctime is not before `since_ns` (0: all). A tree that no longer
/// equals the manifest by stat is not this function's business: such files are passed over.
DocumentsReread reread_documents(const DocumentsSource& source, Source& manifest_text,
                                 int64_t since_ns, Progress& progress, const std::stop_token& stop);

/// Files younger than this against the walk are not trusted next time: a change
/// within the time stamp's granularity leaves no trace (as git's "racy" entries).
inline constexpr int64_t kRacyMarginNs = 2'000'000'000;

}  // namespace dolibarr_backup
