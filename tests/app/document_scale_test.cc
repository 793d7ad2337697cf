// A million documents: what is asked for decides the memory, not what there is. Prints
// how long it took; only the memory is asserted, and only without sanitizers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>

#include "app/catalog.h"
#include "app/document_access.h"
#include "app/point.h"
#include "app/point_diff.h"
#include "store/directory_store.h"
#include "stream/digest.h"
#include "stream/gzip.h"
#include "stream/tar_encoder.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr int kFolders = 20'000;
constexpr uint64_t kMostMemory = UINT64_MAX;
#else
constexpr int kFolders = 500'000;
constexpr uint64_t kMostMemory = 300 * kMiB;
#endif
constexpr int kFoldersPerMember = 128;
constexpr uint64_t kMemberBytes = 1000;  // of those that are never unpacked
constexpr int kWantedFolder = kFolders / 2;
const std::string kContent = "%PDF the wanted one";

uint64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * kKiB;
  return 0;
}

void measure(const std::string& what, const std::function<void()>& work) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak counts anew
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::cout << fmt::format("{}: {:.2f} s, peak {}\n", what, took.count(),
                           format_bytes(peak_memory()));
  EXPECT_LT(peak_memory(), kMostMemory) << what;
}

std::string folder_name(int number) {
  return fmt::format("facture/FA{:06}", number);
}

/// Two documents per folder. Only the member with the wanted one can be unpacked.
class ManyDocuments {
 public:
  /// Of every `changed`-th folder the first document's content differs; 0: of none.
  ArchiveEntry store(ObjectStore& store, const RunId& run, int changed) {
    manifest_ = manifest_header();
    archive_.clear();
    member_ = 0;
    line(ManifestFact{"half", "docs"});
    for (int first = 0; first < kFolders; first += kFoldersPerMember) add_member(first, changed);
    const KeySpace keys("erp/prod");
    StringSink packed;
    GzipSink gzip(packed);
    gzip.write(as_bytes(manifest_));
    gzip.finish();
    ArchiveEntry entry{{keys.archive(run, Half::docs), archive_.size(), sha256_hex(archive_)},
                       StoredObject{keys.manifest(run, Half::docs), packed.text().size(),
                                    sha256_hex(packed.text())}};
    store.put(entry.archive.key, as_bytes(archive_), Overwrite::no);
    store.put(entry.manifest->key, as_bytes(packed.text()), Overwrite::no);
    return entry;
  }

 private:
  void line(const ManifestLine& line) { manifest_ += to_text(line); }

  void add_member(int first, int changed) {
    const int end = std::min(kFolders, first + kFoldersPerMember);
    const bool real = first <= kWantedFolder && kWantedFolder < end;
    const std::string tar = real ? wanted_tar() : "";
    const std::string packed = real ? gzip_member(as_bytes(tar)) : std::string(kMemberBytes, 'x');
    line(ManifestMember{member_, archive_.size(), packed.size(), real ? tar.size() : 1 << 20});
    archive_ += packed;
    if (first == 0)
      entry(ManifestEntry::Type::directory, "", ""),
          entry(ManifestEntry::Type::directory, "facture", "");
    for (int number = first; number < end; ++number) {
      const std::string folder = folder_name(number);
      entry(ManifestEntry::Type::directory, folder, "");
      const bool other = changed != 0 && number % changed == 0 && number != kWantedFolder;
      entry(ManifestEntry::Type::file, folder + "/a.pdf",
            number == kWantedFolder ? kContent : folder + (other ? "changed" : ""));
      entry(ManifestEntry::Type::file, folder + "/b.pdf", folder);
    }
    ++member_;
  }
  static std::string wanted_tar() {
    return tar_header({.path = folder_name(kWantedFolder) + "/a.pdf", .size = kContent.size()}) +
           kContent + std::string(tar_padding(kContent.size()), '\0');
  }
  void entry(ManifestEntry::Type type, const std::string& path, const std::string& content) {
    ManifestEntry made{.type = type, .member = member_, .size = content.size(), .mode = 0755};
    made.mtime_ns = 1'767'225'600'000'000'001;
    made.path = path;
    line(made);
    if (type == ManifestEntry::Type::file) line(ManifestChecksum{sha256_hex(content), path});
  }

  std::string manifest_, archive_;
  uint64_t member_ = 0;
};

void store_run(ObjectStore& store, const RunId& run, const ArchiveEntry& docs) {
  RunRecord record{.environment = "prod",
                   .run = run,
                   .started = run.start(),
                   .finished = run.start(),
                   .result = RunResult::success};
  record.pair = PairJudgement::quiescent;
  const KeySpace keys("erp/prod");
  for (const Half half : kHalves) {
    HalfRecord& one = record.halves[half];
    one.result = HalfResult::stored;
    one.taken = run.start();
    one.fingerprint = Fingerprint{"test", "", run.text()};
    one.archive = half == Half::docs
                      ? docs
                      : ArchiveEntry{{keys.archive(run, half), 1, sha256_hex("x")}, std::nullopt};
  }
  store.put(keys.archive(run, Half::db), as_bytes("x"), Overwrite::no);
  store.put(keys.run_record(run), as_bytes(to_json(record)), Overwrite::no);
}

TEST(DocumentScale, AMillionDocumentsTakeSecondsAndLittleMemory) {
  TempDir folder;
  Progress progress;
  DirectoryStore store((folder / "store").string(), progress, {});
  const Instant start = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  const RunId first = RunId::make(start, 1), second = RunId::make(start + std::chrono::days(1), 2);
  {
    ManyDocuments documents;
    store_run(store, first, documents.store(store, first, 0));
    store_run(store, second, documents.store(store, second, 10));
  }
  Catalog catalog(store, KeySpace("erp/prod"), {});
  const ChosenPoint a = choose_point(catalog, first.start(), false);
  const ChosenPoint b = choose_point(catalog, std::nullopt, false);
  ASSERT_EQ(b.run, second);
  const std::string path = folder_name(kWantedFolder) + "/a.pdf";
  measure("find one, in two archives",
          [&] { EXPECT_EQ(find_versions(catalog, PathPattern(path), {}).size(), 1u); });
  measure("find by name anywhere, in two archives", [&] {
    EXPECT_EQ(find_versions(catalog, PathPattern("**/FA00001?/*.pdf"), {}).size(), 21u);
  });
  measure("write one document", [&] {
    StringSink out;
    write_document(store, *b.docs, path, out, {});
    EXPECT_EQ(out.text(), kContent);
  });
  measure("extract one document", [&] {
    const ExtractReport report = extract_documents(store, *b.docs, PathPattern(path),
                                                   (folder / "out").string(), progress, {});
    EXPECT_EQ(report.files, 1u);
    EXPECT_TRUE(report.problems.empty());
  });
  measure("compare two points", [&] {
    const PointDiff diff = diff_points(catalog, a, b, {});
    EXPECT_EQ(diff.content, static_cast<uint64_t>(kFolders / 10 - 1));
    EXPECT_EQ(diff.added + diff.gone + diff.metadata, 0u);
  });
}

}  // namespace
}  // namespace dolibarr_backup
