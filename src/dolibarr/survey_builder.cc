#include "dolibarr/survey_builder.h"

#include <fmt/format.h>
#include <time.h>

#include <iterator>

namespace dolibarr_backup {
namespace {

constexpr std::string_view kAlgorithm = "stat-1";
constexpr size_t kPendingBytes = 64 * kKiB;

}  // namespace

int64_t file_clock_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

SurveyBuilder::SurveyBuilder(int64_t walk_started_ns) {
  survey_.trust.walk_started_ns = walk_started_ns;
  pending_.reserve(kPendingBytes + kKiB);
}

void SurveyBuilder::add(const TreeEntry& entry) {
  const FileStatus& status = entry.status;
  switch (status.kind) {
    case FileKind::file:
      ++survey_.files;
      survey_.bytes += status.size;
      if (std::max(status.mtime_ns, status.ctime_ns) >=
          survey_.trust.walk_started_ns - kRacyMarginNs)
        ++survey_.trust.racy_files;
      break;
    case FileKind::directory:
      ++survey_.directories;
      break;
    default:
      ++survey_.others;
  }
  if (!outside_fingerprint(entry.path)) add_to_fingerprint(entry);
}

// A folder's times move with every cache that comes and goes in it, so of folders
// only mode and owner count; what they hold has its own lines.
void SurveyBuilder::add_to_fingerprint(const TreeEntry& entry) {
  const FileStatus& status = entry.status;
  const auto out = std::back_inserter(pending_);
  fmt::format_to(out, "{} {}:{} {:o} {} {}", static_cast<char>(status.kind), entry.path.size(),
                 entry.path, status.mode, status.uid, status.gid);
  if (status.kind != FileKind::directory)
    fmt::format_to(out, " {} {} {} {}:{}", status.size, status.mtime_ns, status.ctime_ns,
                   entry.target.size(), entry.target);
  pending_ += '\n';
  if (pending_.size() < kPendingBytes) return;
  digest_.update(pending_);
  pending_.clear();
}

DocumentsSurvey SurveyBuilder::finish(std::vector<ManifestExcluded> excluded,
                                      std::vector<std::string> unlistable) {
  digest_.update(pending_);
  survey_.excluded = std::move(excluded);
  survey_.unlistable = std::move(unlistable);
  survey_.fingerprint = {std::string(kAlgorithm), "", digest_.finish_hex()};
  return std::move(survey_);
}

}  // namespace dolibarr_backup
