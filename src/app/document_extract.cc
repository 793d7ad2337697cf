#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/document_access.h"
#include "app/document_reader.h"
#include "app/document_scan.h"
#include "app/tree_writer.h"
#include "base/error.h"
#include "base/stop.h"

namespace dolibarr_backup {
namespace {

using Type = ManifestEntry::Type;

constexpr size_t kMostProblems = 1000;

bool is_above(std::string_view folder, std::string_view path) {
  return folder.empty() ||
         (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

// A hard link whose target is not extracted: a file like others, but its content lies
// where the target's does, out of order.
bool lies_elsewhere(const LocatedEntry& located, const PathPattern& pattern) {
  return located.entry.type == Type::hard_link && !pattern.matches(located.entry.target);
}

bool lies_before(const LocatedEntry& a, const LocatedEntry& b) {
  return std::pair(a.entry.member, a.entry.member_offset) <
         std::pair(b.entry.member, b.entry.member_offset);
}

/// What the first look at the manifest finds: all is checked, nothing is written.
struct Plan {
  std::vector<ManifestMember> members;
  MemberRanges ranges;
  std::vector<LocatedEntry> elsewhere;  // in the order of the archive
  MemberRanges elsewhere_ranges;
  uint64_t matches = 0, content_bytes = 0;
};

class Planner {
 public:
  Planner(const PathPattern& pattern, TreeWriter* existing)
      : pattern_(pattern), existing_(existing) {}

  Plan make(DocumentScan& scan) {
    for (LocatedEntry located; scan.next(located, &pattern_);) add(std::move(located), scan);
    plan_.members = scan.take_members();
    std::stable_sort(plan_.elsewhere.begin(), plan_.elsewhere.end(), lies_before);
    for (const LocatedEntry& one : plan_.elsewhere)
      plan_.elsewhere_ranges.need(one.entry.member, one.last_member, plan_.members);
    return std::move(plan_);
  }

 private:
  void add(LocatedEntry located, const DocumentScan& scan) {
    const ManifestEntry& entry = located.entry;
    if (!stays_below(entry.path))
      throw Error(Errc::corrupt,
                  "the manifest names a path outside of the documents: '" + entry.path + "'");
    if (existing_ && existing_->in_the_way(entry))
      throw Error(Errc::refused, "'" + entry.path + "' exists already: nothing was extracted")
          .with_hint("extract into an empty folder");
    ++plan_.matches;
    if (entry.type == Type::file) {
      if (entry.member < last_member_)
        throw Error(Errc::corrupt, "'" + entry.path + "' is out of order in the manifest");
      last_member_ = entry.member;
      plan_.ranges.need(entry.member, located.last_member, scan.members());
      plan_.content_bytes += entry.size;
    } else if (lies_elsewhere(located, pattern_)) {
      plan_.content_bytes += entry.size;
      plan_.elsewhere.push_back(std::move(located));
    }
  }

  const PathPattern& pattern_;
  TreeWriter* existing_;
  Plan plan_;
  uint64_t last_member_ = 0;
};

/// The second look: makes entry after entry.
class Extractor {
 public:
  Extractor(const PathPattern& pattern, TreeWriter& writer, Progress& progress,
            const std::stop_token& stop, ExtractReport& report)
      : pattern_(pattern), writer_(writer), progress_(progress), stop_(stop), report_(report) {}

  void run(DocumentScan& scan, DocumentReader& reader) {
    using Folders = DocumentScan::Folders;
    for (LocatedEntry located; scan.next(located, &pattern_, Folders::all);) {
      throw_if_stopped(stop_);
      const bool wanted = pattern_.matches(located.entry.path);
      if (located.entry.type == Type::directory)
        take_folder(located.entry, wanted);
      else if (wanted)
        attempt(located.entry, [&] { take(located, reader); });
    }
  }

  // Files of one inode are links to the first of them here too.
  void run_elsewhere(const std::vector<LocatedEntry>& entries, DocumentReader& reader) {
    const LocatedEntry* made = nullptr;
    for (const LocatedEntry& located : entries) {
      throw_if_stopped(stop_);
      const bool again = made && !lies_before(*made, located);
      attempt(located.entry, [&] {
        if (again) {
          writer_.make_hard_link(located.entry, made->entry.path);
          count_file();
        } else {
          take_file(located, reader);
          made = &located;
        }
      });
    }
  }

  void run_symlinks() {
    for (const ManifestEntry& entry : symlinks_) {
      throw_if_stopped(stop_);
      attempt(entry, [&] {
        writer_.make_symlink(entry);
        ++report_.symlinks;
      });
    }
  }

 private:
  // A folder that is not wanted is made once something below it is.
  void take_folder(const ManifestEntry& entry, bool wanted) {
    while (!above_.empty() && !is_above(above_.back().path, entry.path)) above_.pop_back();
    if (!wanted) {
      if (!entry.path.empty()) above_.push_back(entry);
      return;
    }
    attempt(entry, [&] {
      make_above(entry.path);
      writer_.make_folder(entry);
      ++report_.folders;
    });
  }

  void make_above(const std::string& path) {
    while (!above_.empty() && !is_above(above_.back().path, path)) above_.pop_back();
    for (const ManifestEntry& folder : above_) writer_.make_folder(folder);
  }

  void take(LocatedEntry& located, DocumentReader& reader) {
    ManifestEntry& entry = located.entry;
    make_above(entry.path);
    switch (entry.type) {
      case Type::file:
        return take_file(located, reader);
      case Type::hard_link:
        if (lies_elsewhere(located, pattern_)) return writer_.postpone(entry.path);
        writer_.make_hard_link(entry, entry.target);
        return count_file();
      case Type::symlink:
        writer_.postpone(entry.path);
        symlinks_.push_back(std::move(entry));
        return;
      case Type::directory:
      case Type::other:
        throw Error(Errc::refused, "'" + entry.path + "' is neither file, folder nor link");
    }
  }

  void take_file(const LocatedEntry& located, DocumentReader& reader) {
    const std::unique_ptr<TreeWriter::File> file = writer_.make_file(located.entry);
    try {
      reader.read(located, *file, stop_);
    } catch (const Error&) {
      if (reader.lost()) lost_ = true;
      throw;
    }
    file->keep();
    count_file();
    report_.bytes += located.entry.size;
    progress_.docs_read_bytes += located.entry.size;
  }

  void count_file() {
    ++report_.files;
    ++progress_.docs_files_walked;
  }

  // What concerns one entry is reported, and the others are made all the same.
  template <typename Make>
  void attempt(const ManifestEntry&, const Make& make) {
    try {
      make();
    } catch (const Error& error) {
      const bool one = error.code() == Errc::corrupt || error.code() == Errc::refused;
      if (!one || lost_) throw;
      if (report_.problems.size() < kMostProblems)
        report_.problems.emplace_back(error.what());
      else
        ++report_.problems_omitted;
    }
  }

  const PathPattern& pattern_;
  TreeWriter& writer_;
  Progress& progress_;
  const std::stop_token& stop_;
  ExtractReport& report_;
  std::vector<ManifestEntry> above_;  // folders on the way that are not wanted themselves
  std::vector<ManifestEntry> symlinks_;
  bool lost_ = false;
};

Plan plan_extract(ObjectStore& store, const ArchiveEntry& docs, const PathPattern& pattern,
                  const std::string& to_folder, const std::stop_token& stop) {
  std::optional<TreeWriter> existing;
  if (std::filesystem::exists(to_folder)) existing.emplace(to_folder);
  DocumentScan scan(store, manifest_of(docs), stop);
  Plan plan = Planner(pattern, existing ? &*existing : nullptr).make(scan);
  if (plan.matches == 0)
    throw Error(Errc::usage,
                "nothing in '" + docs.archive.key + "' matches '" + pattern.text() + "'")
        .with_hint("paths count from the documents root, e.g. 'facture/FA2606-0001' or '**/*.pdf'");
  return plan;
}

}  // namespace

ExtractReport extract_documents(ObjectStore& store, const ArchiveEntry& docs,
                                const PathPattern& pattern, const std::string& to_folder,
                                Progress& progress, const std::stop_token& stop) {
  const Plan plan = plan_extract(store, docs, pattern, to_folder, stop);
  progress.docs_read_bytes = progress.docs_files_walked = 0;
  progress.docs_total_bytes = plan.content_bytes;

  ExtractReport report;
  TreeWriter writer(to_folder);
  Extractor extractor(pattern, writer, progress, stop, report);
  DocumentScan scan(store, manifest_of(docs), stop);
  DocumentReader reader(store, docs.archive, plan.members, plan.ranges);
  extractor.run(scan, reader);
  DocumentReader elsewhere(store, docs.archive, plan.members, plan.elsewhere_ranges);
  extractor.run_elsewhere(plan.elsewhere, elsewhere);
  extractor.run_symlinks();
  writer.finish();
  constexpr uint64_t kManifestReads = 2;
  report.requests = kManifestReads + reader.requests() + elsewhere.requests();
  report.fetched_bytes = reader.bytes() + elsewhere.bytes();
  return report;
}

}  // namespace dolibarr_backup
