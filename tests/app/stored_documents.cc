#include "app/stored_documents.h"

#include "app/pending_archive.h"
#include "stream/digest.h"
#include "stream/gzip.h"
#include "stream/tar_encoder.h"

namespace dolibarr_backup {
namespace {

uint32_t next_number() {
  static uint32_t number = 0;
  return ++number;
}

RunId next_run() {
  const Instant start = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  return RunId::make(start + std::chrono::minutes(next_number()), next_number());
}

TarEntry::Type tar_type(ManifestEntry::Type type) {
  switch (type) {
    case ManifestEntry::Type::directory:
      return TarEntry::Type::directory;
    case ManifestEntry::Type::symlink:
      return TarEntry::Type::symlink;
    case ManifestEntry::Type::hard_link:
      return TarEntry::Type::hard_link;
    default:
      return TarEntry::Type::file;
  }
}

ManifestEntry entry_of(ManifestEntry::Type type, const std::string& path, uint32_t mode) {
  ManifestEntry entry;
  entry.type = type;
  entry.path = path;
  entry.mode = mode;
  entry.mtime_ns = 1'767'225'600'000'000'001;
  return entry;
}

}  // namespace

ArchiveEntry store_documents(ObjectStore& store, const DocumentsSource& source) {
  PendingArchive pending(store, KeySpace("erp/prod"), next_run(), Half::docs, 0);
  Progress progress;
  capture_documents(source, pending.archive(), pending.manifest(), progress, {});
  pending.seal();
  pending.complete();
  return pending.entry();
}

void MadeArchive::add(ManifestEntry entry, const std::string& content,
                      const std::string& tar_path) {
  const bool link = entry.type == ManifestEntry::Type::hard_link;
  if (!link) entry.member_offset = tar_.size();
  entry.size = content.size();
  lines_ += to_text(entry);
  if (link || entry.type == ManifestEntry::Type::file)
    lines_ += to_text(ManifestChecksum{sha256_hex(content), entry.path});
  tar_ += tar_header({.type = tar_type(entry.type),
                      .path = tar_path.empty() ? entry.path.empty() ? "./" : entry.path : tar_path,
                      .target = entry.target,
                      .size = link ? 0 : content.size(),
                      .mtime_ns = entry.mtime_ns,
                      .mode = entry.mode});
  if (link) return;
  tar_ += content;
  tar_.append(tar_padding(content.size()), '\0');
}

ArchiveEntry MadeArchive::store(ObjectStore& store) {
  const std::string packed = gzip_member(as_bytes(tar_ + std::string(kTarEndBytes, '\0')));
  const KeySpace keys("erp/prod");
  const RunId run = next_run();
  store.put(keys.archive(run, Half::docs), as_bytes(packed), Overwrite::no);
  const std::string text =
      manifest_header() + to_text(ManifestMember{0, 0, packed.size(), tar_.size() + kTarEndBytes}) +
      lines_;
  ArchiveEntry entry = store_manifest(store, text, keys.archive(run, Half::docs));
  entry.archive.size = packed.size();
  entry.archive.sha256 = sha256_hex(packed);
  return entry;
}

ManifestEntry file_entry(const std::string& path) {
  return entry_of(ManifestEntry::Type::file, path, 0640);
}
ManifestEntry folder_entry(const std::string& path) {
  return entry_of(ManifestEntry::Type::directory, path, 0750);
}
ManifestEntry symlink_entry(const std::string& path, const std::string& target) {
  ManifestEntry entry = entry_of(ManifestEntry::Type::symlink, path, 0777);
  entry.target = target;
  return entry;
}
ManifestEntry hard_link_entry(const std::string& path, const std::string& target) {
  ManifestEntry entry = entry_of(ManifestEntry::Type::hard_link, path, 0640);
  entry.target = target;
  return entry;
}

ArchiveEntry store_manifest(ObjectStore& store, const std::string& text,
                            const std::string& archive) {
  StringSink packed;
  GzipSink gzip(packed);
  gzip.write(as_bytes(text));
  gzip.finish();
  const std::string key = KeySpace("erp/prod").manifest_of(archive);
  store.put(key, as_bytes(packed.text()), Overwrite::no);
  return {{archive, 0, ""}, StoredObject{key, packed.text().size(), sha256_hex(packed.text())}};
}

}  // namespace dolibarr_backup
