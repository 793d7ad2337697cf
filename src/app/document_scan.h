#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/stored_manifest.h"
#include "core/manifest.h"
#include "core/path_pattern.h"
#include "stream/line_reader.h"

namespace dolibarr_backup {

/// The manifest of a docs archive. Throws Errc::usage if it is of the reference script.
const StoredObject& manifest_of(const ArchiveEntry& docs);

/// An entry of a docs manifest, and where its bytes lie.
struct LocatedEntry {
  ManifestEntry entry;
  std::string sha256;        ///< of files and hard links
  uint64_t last_member = 0;  ///< its bytes end in this member; they begin in entry.member
};

/// A docs manifest read from its beginning to its end, an entry at a time, in bounded
/// memory: of the members there is a table, one small row each, of at most 4 Mi rows. One
/// request to the store. Nothing read here is to be relied upon before next() has said that the end
/// was reached, for only then the manifest is known to be the one of its run record.
class DocumentScan {
 public:
  /// Throws Errc::corrupt if the manifest is gone. The store must outlive it.
  DocumentScan(ObjectStore& store, const StoredObject& manifest, std::stop_token stop);

  enum class Folders { matching, all };
  /// The next entry that `only` matches, or any; false at the end. With Folders::all
  /// folders come whether they match or not. Throws Errc::corrupt for what is no docs
  /// manifest, or another one than the record names.
  bool next(LocatedEntry& located, const PathPattern* only = nullptr,
            Folders folders = Folders::matching);
  /// Called with every line that is neither an entry, a checksum nor a member.
  void on_other(std::function<void(const ManifestLine&)> visit) { on_other_ = std::move(visit); }
  /// The members told so far: all of them at the end.
  const std::vector<ManifestMember>& members() const { return members_; }
  std::vector<ManifestMember> take_members() { return std::move(members_); }

 private:
  std::optional<ManifestLine> next_line();
  void take_member(const ManifestMember& member);
  void locate(LocatedEntry& located);
  bool pass_over(std::string_view line, const PathPattern& only, Folders folders);
  bool in_last_member(std::string_view line) const;
  [[noreturn]] void corrupt(const std::string& what) const;

  std::string key_;
  std::stop_token stop_;
  StoredManifest text_;
  LineReader lines_;
  ManifestParser parser_;
  std::function<void(const ManifestLine&)> on_other_;
  std::vector<ManifestMember> members_;
  std::vector<std::pair<uint64_t, uint64_t>> spans_;  // first and last member of large files
  bool unwanted_checksum_ = false;                    // the next line is one
};

}  // namespace dolibarr_backup
