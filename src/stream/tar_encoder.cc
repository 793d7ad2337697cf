#include "stream/tar_encoder.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "stream/utf8_scope.h"

namespace dolibarr_backup {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

/// Where libarchive writes to, until the header is complete.
struct HeaderBytes {
  std::string bytes;
  bool complete = false;
};

struct FreeArchive {
  void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
// Refuses what comes after the header: freeing the writer completes the entry, with
// zeros for all the data that did not come.
la_ssize_t append_bytes(archive*, void* out, const void* bytes, size_t count) {
  auto& header = *static_cast<HeaderBytes*>(out);
  if (header.complete) return -1;
  header.bytes.append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

void require(archive* writer, int result, const std::string& path) {
  // ARCHIVE_WARN: a name was not UTF-8 and is written as binary, as we want it.
  if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
  const char* reason = archive_error_string(writer);
  throw Error(Errc::bug,
              "libarchive cannot encode '" + path + "': " + (reason ? reason : "no reason given"));
}

unsigned file_type(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::directory:
      return AE_IFDIR;
    case TarEntry::Type::symlink:
      return AE_IFLNK;
    case TarEntry::Type::file:
    case TarEntry::Type::hard_link:
      break;
  }
  return AE_IFREG;
}

std::unique_ptr<archive_entry, FreeEntry> to_archive_entry(const TarEntry& from) {
  std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  if (!entry) throw std::bad_alloc();
  archive_entry_copy_pathname(entry.get(), from.path.c_str());
  archive_entry_set_filetype(entry.get(), file_type(from.type));
  archive_entry_set_perm(entry.get(), static_cast<mode_t>(from.mode & 07777));
  archive_entry_set_uid(entry.get(), from.uid);
  archive_entry_set_gid(entry.get(), from.gid);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(from.size));
  // libarchive writes seconds, a point and nanoseconds, so that the sign of "-1.5"
  // holds for both. It cannot say "-0.5", which becomes 0.
  const int64_t seconds = from.mtime_ns / kNanosecondsPerSecond;
  int64_t rest = std::abs(from.mtime_ns % kNanosecondsPerSecond);
  if (from.mtime_ns < 0 && seconds == 0) rest = 0;
  archive_entry_set_mtime(entry.get(), seconds, static_cast<long>(rest));
  if (from.type == TarEntry::Type::symlink)
    archive_entry_copy_symlink(entry.get(), from.target.c_str());
  if (from.type == TarEntry::Type::hard_link)
    archive_entry_copy_hardlink(entry.get(), from.target.c_str());
  return entry;
}

}  // namespace

std::string tar_header(const TarEntry& entry) {
  const Utf8Scope utf8;
  HeaderBytes header;  // outlives the writer
  const std::unique_ptr<archive, FreeArchive> writer(archive_write_new());
  if (!writer) throw std::bad_alloc();
  require(writer.get(), archive_write_set_format_pax(writer.get()), entry.path);
  require(writer.get(), archive_write_set_bytes_per_block(writer.get(), 0), entry.path);
  require(writer.get(), archive_write_open(writer.get(), &header, nullptr, append_bytes, nullptr),
          entry.path);
  const std::unique_ptr<archive_entry, FreeEntry> converted = to_archive_entry(entry);
  require(writer.get(), archive_write_header(writer.get(), converted.get()), entry.path);
  header.complete = true;
  return std::move(header.bytes);
}

}  // namespace dolibarr_backup
