#include "app/document_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/document_reader.h"
#include "app/document_suggestion.h"
#include "base/error.h"
#include "base/log.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kMostVersions = 200'000;

using Type = ManifestEntry::Type;

struct Timeline {
  std::vector<DocumentVersion> versions;  // oldest first
  size_t seen_in = 0;                     // number of the archive that last held the path
};

bool same_content(const DocumentVersion& version, const LocatedEntry& now) {
  const bool link = now.entry.type == Type::symlink;
  return (version.type == Type::symlink) == link && version.sha256 == now.sha256 &&
         (!link || version.target == now.entry.target);
}

class Timelines {
 public:
  void begin_archive(const StoredArchive& archive) {
    ++archive_number_;
    archive_ = &archive;
  }
  void add(LocatedEntry& now) {
    Timeline& timeline = timelines_[now.entry.path];
    const bool goes_on = !timeline.versions.empty() && !timeline.versions.back().gone &&
                         same_content(timeline.versions.back(), now);
    if (!goes_on) {
      if (++count_ > kMostVersions)
        throw Error(Errc::usage, fmt::format("more than {} versions match", kMostVersions))
            .with_hint("give a narrower pattern");
      const bool link = now.entry.type == Type::symlink;
      timeline.versions.push_back({.path = now.entry.path,
                                   .type = link ? Type::symlink : Type::file,
                                   .size = now.entry.size,
                                   .mtime_ns = now.entry.mtime_ns,
                                   .sha256 = now.sha256,
                                   .target = link ? now.entry.target : "",
                                   .from = archive_->taken});
    }
    timeline.versions.back().until = archive_->taken;
    timeline.versions.back().archive = archive_->key;
    timeline.seen_in = archive_number_;
  }
  // What the archive did not hold is gone since.
  void end_archive() {
    for (auto& [path, timeline] : timelines_)
      if (timeline.seen_in != archive_number_ && !timeline.versions.back().gone)
        timeline.versions.back().gone = archive_->taken;
  }
  std::vector<DocumentVersion> take() {
    std::vector<DocumentVersion> all;
    for (auto& [path, timeline] : timelines_)
      std::move(timeline.versions.begin(), timeline.versions.end(), std::back_inserter(all));
    return all;
  }

 private:
  const StoredArchive* archive_ = nullptr;
  size_t archive_number_ = 0, count_ = 0;
  std::map<std::string, Timeline> timelines_;
};

std::vector<LocatedEntry> documents_in(ObjectStore& store, const StoredObject& manifest,
                                       const PathPattern& pattern, const std::stop_token& stop) {
  std::vector<LocatedEntry> found;
  DocumentScan scan(store, manifest, stop);
  for (LocatedEntry located; scan.next(located, &pattern);) {
    if (located.entry.type == Type::directory || located.entry.type == Type::other) continue;
    if (found.size() == kMostVersions)
      throw Error(Errc::usage, fmt::format("more than {} documents match", kMostVersions))
          .with_hint("give a narrower pattern");
    found.push_back(std::move(located));
  }
  return found;
}

[[noreturn]] void refuse_type(const ManifestEntry& entry) {
  switch (entry.type) {
    case Type::directory:
      throw Error(Errc::usage, "'" + entry.path + "' is a folder")
          .with_hint("extract it into a folder instead");
    case Type::symlink:
      throw Error(Errc::usage, "'" + entry.path + "' is a symbolic link to '" + entry.target + "'")
          .with_hint("ask for what it points to");
    default:
      throw Error(Errc::usage, "'" + entry.path + "' is no file");
  }
}

}  // namespace

std::vector<DocumentVersion> find_versions(Catalog& catalog, const PathPattern& pattern,
                                           const std::stop_token& stop) {
  Timelines timelines;
  for (const CatalogArchive& archive : catalog.archives()) {
    if (archive.stored.half != Half::docs || archive.standing != CatalogArchive::Standing::in_force)
      continue;
    const std::optional<ArchiveEntry> entry = archive_entry(catalog, archive.stored.key);
    if (!entry || !entry->manifest) continue;
    std::vector<LocatedEntry> documents;
    try {
      documents = documents_in(catalog.store(), *entry->manifest, pattern, stop);
    } catch (const Error& error) {
      if (error.code() != Errc::corrupt) throw;
      log::warning("'{}' is left out: {}", archive.stored.key, error.what());
      continue;
    }
    timelines.begin_archive(archive.stored);
    for (LocatedEntry& document : documents) timelines.add(document);
    timelines.end_archive();
  }
  return timelines.take();
}

void write_document(ObjectStore& store, const ArchiveEntry& docs, const std::string& typed,
                    Sink& out, const std::stop_token& stop) {
  const std::string path = plain_path(typed);
  const PathPattern pattern(path);
  std::optional<LocatedEntry> wanted;
  DocumentScan scan(store, manifest_of(docs), stop);
  for (LocatedEntry located; scan.next(located, &pattern);)
    if (located.entry.path == path) wanted = std::move(located);
  if (!wanted) throw no_such_document(store, docs, path, stop);
  const Type type = wanted->entry.type;
  if (type != Type::file && type != Type::hard_link) refuse_type(wanted->entry);

  MemberRanges ranges;
  ranges.need(wanted->entry.member, wanted->last_member, scan.members());
  DocumentReader reader(store, docs.archive, scan.members(), ranges);
  reader.read(*wanted, out, stop);
}

}  // namespace dolibarr_backup
