#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/progress.h"
#include "dolibarr/documents_job.h"
#include "dolibarr/member_cutter.h"
#include "dolibarr/survey_builder.h"
#include "stream/digest.h"

namespace dolibarr_backup {

/// Turns the walk into member jobs, in order. Small files are only named, for the
/// workers to read; large ones are read here, piece by piece. One thread.
class DocumentsFeeder {
 public:
  DocumentsFeeder(const DocumentsSource& source, Progress& progress, std::stop_token stop);
  ~DocumentsFeeder();

  /// The next job, the last of which is the tar's end; null after it.
  std::unique_ptr<MemberJob> next();
  /// After the last job.
  DocumentsSurvey finish() {
    return survey_.finish(walk_.take_excluded(), walk_.take_unlistable());
  }

 private:
  struct LargeFile;
  struct Linked {
    std::string path, sha256;
    FileStatus status;
  };

  std::unique_ptr<MemberJob> make_job();
  void take_entry(TreeEntry entry);
  void take_small(MemberItem item);
  bool take_as_link(MemberItem& item);
  void read_now(MemberItem& item);
  void remember_link(const MemberItem& item);
  void begin_large(TreeEntry entry);
  std::unique_ptr<MemberJob> next_piece();
  bool end_large(MemberJob& job);
  std::shared_ptr<UniqueFd> folder();
  void end_batch();

  Progress& progress_;
  std::stop_token stop_;
  TreeWalk walk_;
  SurveyBuilder survey_;
  PathCutter cutter_;
  const size_t most_folders_;            // held for workers to read in
  std::atomic<size_t> folders_held_{0};  // outlives what holds them
  std::unique_ptr<MemberJob> batch_;     // being filled
  std::deque<std::unique_ptr<MemberJob>> ready_;
  std::unique_ptr<LargeFile> large_;                       // being read
  std::map<std::pair<uint64_t, uint64_t>, Linked> links_;  // by device and inode
  std::shared_ptr<UniqueFd> folder_;
  uint64_t folder_number_ = 0;
  uint64_t members_ = 0;
  bool walked_ = false, ended_ = false;
};

}  // namespace dolibarr_backup
