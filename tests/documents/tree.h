#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/manifest.h"
#include "dolibarr/documents.h"
#include "stream/source_sink.h"
#include "support/temp_dir.h"

/// Documents trees made for a test, what a capture made of them, and what other
/// programs make of that: GNU tar, zlib and sha256sum judge, never our own readers.
namespace dolibarr_backup {

/// A folder of its own, removed at the end. Paths are relative to it.
class Tree {
 public:
  std::string root() const { return (folder_ / "documents").string(); }
  std::string path(const std::string& name) const { return root() + "/" + name; }
  /// Makes the folders on the way; gives the file a time of 2026 that no walk mistrusts.
  void write(const std::string& name, std::string_view content) const;
  void append(const std::string& name, std::string_view content) const;
  void make_folder(const std::string& name) const;
  void set_mtime(const std::string& name, int64_t ns) const;
  DocumentsSource source(unsigned workers = 0) const;

 private:
  TempDir folder_;
};

std::string random_bytes(size_t count, uint64_t seed);
std::string text_of(size_t count);
std::string read_whole(const std::string& path);

/// All that a restore must bring back, by path: type, mode, owner, size, time in
/// nanoseconds, link target, content, and which paths are one file.
using TreeFacts = std::map<std::string, std::string>;
TreeFacts describe_tree(const std::string& root);

/// Bytes in memory, with a look at each write.
class HookedSink : public Sink {
 public:
  explicit HookedSink(std::function<void()> hook = {}) : hook_(std::move(hook)) {}
  using Sink::write;
  void write(Bytes bytes) override {
    if (hook_) hook_();
    text.append(as_text(bytes));
  }
  std::string text;

 private:
  std::function<void()> hook_;
};

struct Captured {
  std::string archive;
  std::string manifest;  ///< with its header line
  DocumentsCapture result;
  std::vector<ManifestMember> members;
  std::vector<ManifestEntry> entries;
  std::map<std::string, std::string> checksums;  ///< by path
  std::vector<ManifestExcluded> excluded;
  std::vector<ManifestProblem> problems;

  /// The bytes of one member as the archive has them.
  std::string_view packed(const ManifestMember& member) const;
  /// By path; fails the test if there is not exactly one.
  const ManifestEntry& entry(const std::string& path) const;
  /// "kind path", in order.
  std::vector<std::string> problem_texts() const;
};

/// `hook` runs before each member is stored.
Captured capture(const DocumentsSource& source, std::function<void()> hook = {});
DocumentsSurvey survey(const DocumentsSource& source);

/// With `tar -xzf`; throws what tar said if it fails or complains.
void unpack_with_tar(const std::string& archive, const std::string& folder);
/// `zcat manifest | sha256sum -c --strict` in the folder; "" if all is well.
std::string check_with_sha256sum(const Captured& captured, const std::string& folder);
/// One gzip member by zlib; fails the test unless it is exactly one.
std::string unpack_member(std::string_view packed);
/// The path in the tar header at `offset`, extended headers read; "" if none is there.
std::string tar_path_at(std::string_view tar, size_t offset);

}  // namespace dolibarr_backup
