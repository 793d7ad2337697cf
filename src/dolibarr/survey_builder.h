#pragma once

#include <string>

#include "dolibarr/documents.h"
#include "dolibarr/tree_walk.h"
#include "stream/digest.h"

namespace dolibarr_backup {

/// Sums up a walk: what both the look and the capture compute of the same tree.
class SurveyBuilder {
 public:
  /// `walk_started_ns`: since 1970, taken before the walk's first look.
  explicit SurveyBuilder(int64_t walk_started_ns);
  void add(const TreeEntry& entry);
  /// Call once, after the last entry.
  DocumentsSurvey finish(std::vector<ManifestExcluded> excluded,
                         std::vector<std::string> unlistable);

 private:
  void add_to_fingerprint(const TreeEntry& entry);
  DocumentsSurvey survey_;
  Digest digest_ = Digest::sha256();
  std::string pending_;  // lines on their way to the digest
};

/// Now, in nanoseconds since 1970, by the clock that stamps files.
int64_t file_clock_now_ns();

}  // namespace dolibarr_backup
