#include "dolibarr/documents_job.h"

#include "base/error.h"
#include "dolibarr/member_cutter.h"
#include "stream/digest.h"
#include "stream/gzip.h"
#include "stream/tar_encoder.h"

namespace dolibarr_backup {
namespace {

// A small file that grows past this while it is looked at is reported, not stored.
constexpr uint64_t kGreatestSmallFile = 4 * kLargeFileBytes;

const char* base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return path.c_str() + (slash == std::string::npos ? 0 : slash + 1);
}

ManifestEntry::Type manifest_type(const TreeEntry& entry) {
  switch (entry.status.kind) {
    case FileKind::file:
      return ManifestEntry::Type::file;
    case FileKind::directory:
      return ManifestEntry::Type::directory;
    case FileKind::symlink:
      return ManifestEntry::Type::symlink;
    case FileKind::special:
      return ManifestEntry::Type::other;
  }
  throw Error(Errc::bug, "a kind of file without a type");
}

TarEntry::Type tar_type(const TreeEntry& entry, bool link) {
  if (link) return TarEntry::Type::hard_link;
  if (entry.status.kind == FileKind::directory) return TarEntry::Type::directory;
  if (entry.status.kind == FileKind::symlink) return TarEntry::Type::symlink;
  return TarEntry::Type::file;
}

void append_header_only(const MemberItem& item, MemberJob& job) {
  const bool link = !item.link_to.empty();
  StoredLine line{line_of(item.entry, item.entry.status, job.index, job.plain.size()),
                  item.link_sha256, link ? item.entry.status.inode : 0};
  if (link) {
    line.entry.type = ManifestEntry::Type::hard_link;
    line.entry.target = item.link_to;
  }
  job.plain += header_of(item.entry, item.entry.status, item.link_to);
  job.lines.push_back(std::move(line));
}

void append_file(const MemberItem& item, const FileContent& content, MemberJob& job) {
  if (content.outcome != ReadOutcome::stable) report_outcome(item.entry.path, content, job);
  const bool stored =
      content.outcome == ReadOutcome::stable ||
      (content.outcome == ReadOutcome::changing && content.bytes.size() == content.status.size);
  if (!stored) return;
  StoredLine line{line_of(item.entry, content.status, job.index, job.plain.size()),
                  sha256_hex(content.bytes), content.status.links > 1 ? content.status.inode : 0};
  job.plain += header_of(item.entry, content.status, "");
  job.plain += content.bytes;
  job.plain.append(tar_padding(content.bytes.size()), '\0');
  job.lines.push_back(std::move(line));
}

void append_item(const MemberItem& item, MemberJob& job) {
  if (item.entry.status.kind != FileKind::file || !item.link_to.empty())
    return append_header_only(item, job);
  if (item.content) return append_file(item, *item.content, job);
  append_file(item,
              read_file(item.folder->get(), base_name(item.entry.path),
                        outside_fingerprint(item.entry.path), kGreatestSmallFile),
              job);
}

}  // namespace

std::string header_of(const TreeEntry& entry, const FileStatus& status,
                      const std::string& link_to) {
  const bool link = !link_to.empty();
  const bool content = status.kind == FileKind::file && !link;
  return tar_header({.type = tar_type(entry, link),
                     .path = entry.path.empty() ? "./" : entry.path,
                     .target = link ? link_to : entry.target,
                     .size = content ? status.size : 0,
                     .mtime_ns = status.mtime_ns,
                     .mode = status.mode,
                     .uid = status.uid,
                     .gid = status.gid});
}

ManifestEntry line_of(const TreeEntry& entry, const FileStatus& status, uint64_t member,
                      uint64_t member_offset) {
  return {.type = manifest_type(entry),
          .member = member,
          .member_offset = member_offset,
          .size = status.kind == FileKind::directory ? 0 : status.size,
          .mtime_ns = status.mtime_ns,
          .ctime_ns = status.ctime_ns,
          .mode = status.mode,
          .uid = status.uid,
          .gid = status.gid,
          .path = entry.path,
          .target = entry.target};
}

void report_outcome(const std::string& path, const FileContent& content, MemberJob& job) {
  switch (content.outcome) {
    case ReadOutcome::stable:
      return;
    case ReadOutcome::vanished:
      job.problems.push_back({"vanished", path});
      return;
    case ReadOutcome::changing:
      job.problems.push_back({"changing", path});
      break;
    case ReadOutcome::unreadable:
      job.problems.push_back({"unreadable", path});
      break;
  }
  job.incomplete = true;
}

void pack(MemberJob& job) {
  for (const MemberItem& item : job.items) append_item(item, job);
  job.items.clear();  // closes folders that nobody else needs
  job.unpacked = job.plain.size();
  job.packed = gzip_member(as_bytes(job.plain));
  job.plain = std::string();
}

}  // namespace dolibarr_backup
