#include "app/last_copy_guard.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "app/half_error.h"
#include "app/stored_manifest.h"
#include "base/log.h"
#include "base/stop.h"
#include "core/documents_rules.h"
#include "core/last_copies.h"
#include "core/manifest.h"
#include "stream/line_reader.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kExamples = 3;

const StoredObject* manifest_of(Catalog& catalog, const StoredArchive& archive) {
  const ParsedKey parsed = catalog.keys().parse(archive.key);
  if (!parsed.run) return nullptr;
  const RunRecord* record = catalog.record(*parsed.run);
  if (!record) return nullptr;
  const auto half = record->halves.find(Half::docs);
  if (half == record->halves.end() || !half->second.archive || !half->second.archive->manifest)
    return nullptr;
  return &*half->second.archive->manifest;
}

// Calls `visit` with each issued file that the manifest names.
void visit_issued(Catalog& catalog, const StoredObject& manifest, const std::stop_token& stop,
                  const std::function<void(std::string_view)>& visit) {
  StoredManifest text(catalog.store(), manifest);
  LineReader lines(text);
  ManifestParser parser;
  while (const std::optional<std::string_view> line = lines.next()) {
    throw_if_stopped(stop);
    const std::optional<ManifestLine> parsed = parser.parse(*line);
    if (!parsed) continue;
    if (const auto* file = std::get_if<ManifestChecksum>(&*parsed))
      if (issued_document(file->path)) visit(file->path);
  }
}

std::string reason_of(Catalog& catalog, const StoredObject& manifest, const LastCopies& copies,
                      size_t number, const std::stop_token& stop) {
  std::vector<std::string> examples;
  visit_issued(catalog, manifest, stop, [&](std::string_view path) {
    if (examples.size() < kExamples && copies.alone(number, path)) examples.emplace_back(path);
  });
  return fmt::format("last copy of {} issued file(s), e.g. {}", copies.count(number),
                     fmt::join(examples, ", "));
}

}  // namespace

std::map<std::string, std::string> find_last_copies(Catalog& catalog,
                                                    const std::vector<StoredArchive>& dropped,
                                                    const std::vector<StoredArchive>& kept,
                                                    const std::stop_token& stop) {
  std::map<std::string, std::string> reasons;
  const auto newest_first = [](std::vector<StoredArchive> archives) {
    std::erase_if(archives, [](const StoredArchive& one) { return one.half != Half::docs; });
    std::sort(archives.begin(), archives.end(),
              [](const StoredArchive& a, const StoredArchive& b) { return a.taken > b.taken; });
    return archives;
  };
  const std::vector<StoredArchive> candidates = newest_first(dropped);
  LastCopies copies;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const StoredObject* manifest = manifest_of(catalog, candidates[i]);
    if (!manifest) continue;
    const std::optional<Error> error = error_of([&] {
      visit_issued(catalog, *manifest, stop, [&](std::string_view path) { copies.add(i, path); });
    });
    if (!error) continue;
    if (error->code() != Errc::corrupt) throw *error;
    reasons[candidates[i].key] = std::string("its manifest cannot be read: ") + error->what();
  }
  copies.close();

  for (const StoredArchive& archive : newest_first(kept)) {
    if (copies.settled()) break;
    const StoredObject* manifest = manifest_of(catalog, archive);
    if (!manifest) continue;
    const std::optional<Error> error = error_of([&] {
      visit_issued(catalog, *manifest, stop, [&](std::string_view path) { copies.meet(path); });
    });
    if (error && error->code() != Errc::corrupt) throw *error;
    if (error) log::warning("{}: {}", archive.key, error->what());
  }
  for (size_t i = 0; i < candidates.size() && !copies.settled(); ++i)
    if (copies.count(i) > 0 && !reasons.contains(candidates[i].key))
      reasons[candidates[i].key] =
          reason_of(catalog, *manifest_of(catalog, candidates[i]), copies, i, stop);
  return reasons;
}

}  // namespace dolibarr_backup
