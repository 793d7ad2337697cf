#include <oneapi/tbb/parallel_pipeline.h>

#include <deque>
#include <map>
#include <mutex>

#include "dolibarr/documents.h"
#include "dolibarr/documents_feeder.h"
#include "dolibarr/documents_job.h"

namespace dolibarr_backup {
namespace {

// Beside one member per thread at work, a few that wait for their turn.
constexpr unsigned kWaitingMembers = 3;

/// The serial end of the pipeline: bytes and lines, in order.
class MemberWriter {
 public:
  MemberWriter(Sink& archive, Sink& manifest) : archive_(archive), manifest_(manifest) {}

  void write(MemberJob& job) {
    archive_.write(std::string_view(job.packed));
    line(ManifestMember{job.index, offset_, job.packed.size(), job.unpacked});
    offset_ += job.packed.size();
    for (StoredLine& stored : job.lines) write_line(stored);
    incomplete |= job.incomplete;
    for (ManifestProblem& problem : job.problems) problems.push_back(std::move(problem));
  }

  void line(const ManifestLine& line) { manifest_.write(to_text(line)); }

  std::vector<ManifestProblem> problems;
  bool incomplete = false;

 private:
  void write_line(StoredLine& stored) {
    ManifestEntry& entry = stored.entry;
    if (stored.inode != 0) {
      // A hard link's content stands where its target's does.
      if (entry.type == ManifestEntry::Type::hard_link) {
        const auto& [member, at] = linked_.at(entry.target);
        entry.member = member;
        entry.member_offset = at;
      } else {
        linked_[entry.path] = {entry.member, entry.member_offset};
      }
    }
    line(entry);
    if (!stored.sha256.empty()) line(ManifestChecksum{stored.sha256, entry.path});
  }

  Sink& archive_;
  Sink& manifest_;
  uint64_t offset_ = 0;
  std::map<std::string, std::pair<uint64_t, uint64_t>> linked_;  // paths with several links
};

/// Owns the jobs under way: a pipeline that is cut short forgets what it carried.
class JobsUnderWay {
 public:
  MemberJob* add(std::unique_ptr<MemberJob> job) {
    const std::lock_guard lock(mutex_);
    return jobs_.emplace_back(std::move(job)).get();
  }
  /// The oldest one: they end in order.
  void drop_first() {
    const std::lock_guard lock(mutex_);
    jobs_.pop_front();
  }

 private:
  std::mutex mutex_;
  std::deque<std::unique_ptr<MemberJob>> jobs_;  // guarded by mutex_
};

}  // namespace

DocumentsCapture capture_documents(const DocumentsSource& source, Sink& archive, Sink& manifest,
                                   Progress& progress, const std::stop_token& stop) {
  const unsigned workers = worker_count(source.workers);
  ReadingArena arena(source.workers);
  return arena.execute([&] {
    progress.docs_read_bytes = 0;
    DocumentsFeeder feeder(source, progress, stop);
    MemberWriter writer(archive, manifest);
    JobsUnderWay under_way;
    namespace tbb = oneapi::tbb;
    const auto feed = [&](tbb::flow_control& control) -> MemberJob* {
      if (std::unique_ptr<MemberJob> job = feeder.next()) return under_way.add(std::move(job));
      control.stop();
      return nullptr;
    };
    const auto pack_one = [](MemberJob* job) {
      pack(*job);
      return job;
    };
    const auto write = [&](MemberJob* job) {
      writer.write(*job);
      under_way.drop_first();
    };
    using Mode = tbb::filter_mode;
    tbb::parallel_pipeline(workers + kWaitingMembers,
                           tbb::make_filter<void, MemberJob*>(Mode::serial_in_order, feed) &
                               tbb::make_filter<MemberJob*, MemberJob*>(Mode::parallel, pack_one) &
                               tbb::make_filter<MemberJob*, void>(Mode::serial_in_order, write));
    DocumentsCapture capture;
    capture.survey = feeder.finish();
    for (const ManifestExcluded& excluded : capture.survey.excluded) writer.line(excluded);
    for (const std::string& folder : capture.survey.unlistable)
      writer.problems.push_back({"unreadable", folder});
    for (const ManifestProblem& problem : writer.problems) writer.line(problem);
    capture.problems = std::move(writer.problems);
    capture.incomplete = writer.incomplete || !capture.survey.unlistable.empty();
    return capture;
  });
}

}  // namespace dolibarr_backup
