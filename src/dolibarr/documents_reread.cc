#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/stop.h"
#include "core/manifest.h"
#include "dolibarr/documents.h"
#include "dolibarr/file_reader.h"
#include "stream/digest.h"
#include "stream/line_reader.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kReadBytes = 256 * kKiB;

/// Opens a path component by component, never through a symbolic link.
OpenedFile open_path(int root_fd, const std::string& path) {
  UniqueFd folder;
  size_t begin = 0;
  for (size_t slash; (slash = path.find('/', begin)) != std::string::npos; begin = slash + 1) {
    const std::string name = path.substr(begin, slash - begin);
    UniqueFd next(::openat(folder ? folder.get() : root_fd, name.c_str(),
                           O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return {.error_number = errno};
    folder = std::move(next);
  }
  return open_file(folder ? folder.get() : root_fd, path.c_str() + begin);
}

bool equals_by_stat(const FileStatus& status, const ManifestEntry& entry) {
  return status.size == entry.size && status.mtime_ns == entry.mtime_ns &&
         status.ctime_ns == entry.ctime_ns;
}

[[noreturn]] void fail(const std::string& path, int error_number) {
  throw Error(Errc::source, "'" + path + "' cannot be read again: " + errno_text(error_number))
      .with_hint("a failing disk? the archive in force still has the file");
}

/// SHA-256 of the file; "" if it moves meanwhile.
std::string digest_of(const OpenedFile& file, const std::string& path, Progress& progress,
                      const std::stop_token& stop) {
  Digest digest = Digest::sha256();
  std::string buffer(kReadBytes, '\0');
  for (uint64_t offset = 0; offset < file.status.size;) {
    throw_if_stopped(stop);
    const int64_t got = read_fully(file.fd.get(), buffer.data(), buffer.size(), offset);
    if (got < 0) fail(path, errno);
    if (got == 0) return "";
    digest.update(std::string_view(buffer.data(), static_cast<size_t>(got)));
    offset += static_cast<uint64_t>(got);
    progress.docs_read_bytes += static_cast<uint64_t>(got);
  }
  FileStatus after;
  if (read_status(file.fd.get(), after) != 0 || !same_content(file.status, after)) return "";
  return digest.finish_hex();
}

}  // namespace

DocumentsReread reread_documents(const DocumentsSource& source, Source& manifest_text,
                                 int64_t since_ns, Progress& progress,
                                 const std::stop_token& stop) {
  const UniqueFd root(::open(source.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root)
    throw Error(Errc::source,
                "the documents folder '" + source.root + "' cannot be opened: " + errno_text(errno))
        .with_hint("is the volume mounted there?");
  DocumentsReread reread;
  ManifestParser parser;
  LineReader lines(manifest_text);
  std::optional<ManifestEntry> entry;  // whose checksum comes next
  while (const std::optional<std::string_view> text = lines.next()) {
    throw_if_stopped(stop);
    std::optional<ManifestLine> line = parser.parse(*text);
    if (!line) continue;
    if (auto* found = std::get_if<ManifestEntry>(&*line)) {
      entry = std::move(*found);
      continue;
    }
    const auto* checksum = std::get_if<ManifestChecksum>(&*line);
    if (!checksum || !entry || entry->path != checksum->path) continue;
    if (since_ns != 0 && std::max(entry->mtime_ns, entry->ctime_ns) < since_ns) continue;
    const OpenedFile file = open_path(root.get(), entry->path);
    if (file.error_number != 0 && !means_vanished(file.error_number))
      fail(entry->path, file.error_number);
    if (file.error_number != 0 || !equals_by_stat(file.status, *entry)) continue;
    const std::string sha256 = digest_of(file, entry->path, progress, stop);
    if (sha256.empty()) continue;
    ++reread.files;
    reread.bytes += file.status.size;
    if (sha256 != checksum->sha256) reread.silently_changed.push_back(entry->path);
  }
  return reread;
}

}  // namespace dolibarr_backup
