#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "core/manifest.h"
#include "dolibarr/file_reader.h"
#include "dolibarr/tree_walk.h"

/// What passes through the capture's pipeline: one gzip member at a time.
namespace dolibarr_backup {

/// A path to put into the member.
struct MemberItem {
  TreeEntry entry;
  std::shared_ptr<UniqueFd> folder;            ///< that holds it; of a file to read
  std::shared_ptr<const FileContent> content;  ///< already read: of the first of several hard links
  std::string link_to;                         ///< of a further hard link: the path it equals
  std::string link_sha256;
};

/// What the manifest says of a stored path.
struct StoredLine {
  ManifestEntry entry;
  std::string sha256;  ///< "" for what has no content
  uint64_t inode = 0;  ///< of a file with several links; else 0
};

/// One member: filled by the walk, packed by a worker, written in order.
struct MemberJob {
  uint64_t index = 0;
  std::vector<MemberItem> items;  ///< either whole entries ...
  std::string plain;              ///< ... or a piece of a large file

  std::vector<StoredLine> lines;  ///< offsets count within the member
  std::vector<ManifestProblem> problems;
  bool incomplete = false;
  uint64_t unpacked = 0;
  std::string packed;
};

/// Reads what the items name, lays out the tar and compresses it. Thread-safe: a job
/// has one owner at a time.
void pack(MemberJob& job);

/// The tar header of an entry, and its line; `status` is what was read.
std::string header_of(const TreeEntry& entry, const FileStatus& status, const std::string& link_to);
ManifestEntry line_of(const TreeEntry& entry, const FileStatus& status, uint64_t member,
                      uint64_t member_offset);

/// Adds the problem that an outcome other than `stable` is.
void report_outcome(const std::string& path, const FileContent& content, MemberJob& job);

}  // namespace dolibarr_backup
