#include "dolibarr/documents_feeder.h"

#include <fcntl.h>

#include <cerrno>

#include "base/error.h"
#include "base/stop.h"
#include "stream/tar_encoder.h"

namespace dolibarr_backup {
namespace {

// A header with its extended one, as the cutter counts it: known before it is made.
constexpr uint64_t kHeaderBytes = 3 * kTarBlockBytes;
constexpr size_t kReadBytes = 256 * kKiB;

uint64_t estimate(const FileStatus& status) {
  if (status.kind != FileKind::file) return kHeaderBytes;
  return kHeaderBytes + status.size + tar_padding(status.size);
}

const char* base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return path.c_str() + (slash == std::string::npos ? 0 : slash + 1);
}

std::pair<uint64_t, uint64_t> identity_of(const FileStatus& status) {
  return {static_cast<uint64_t>(status.device_major) << 32 | status.device_minor, status.inode};
}

}  // namespace

/// A large file on its way, possibly for another time because it moved.
struct DocumentsFeeder::LargeFile {
  TreeEntry entry;
  std::shared_ptr<UniqueFd> folder;
  OpenedFile file;
  uint64_t offset = 0;  // of the next byte to read
  bool header_given = false;
  uint64_t header_member = 0;
  int tries = 1;
  bool cut_short = false;
  Digest digest = Digest::sha256();
  ContentCutter cutter;
  std::string rest;  // read, and not yet in a piece

  bool growing() const { return outside_fingerprint(entry.path); }
  bool all_read() const { return offset == file.status.size; }
};

DocumentsFeeder::DocumentsFeeder(const DocumentsSource& source, Progress& progress,
                                 std::stop_token stop)
    : progress_(progress),
      stop_(stop),
      walk_(source, stop),
      survey_(file_clock_now_ns()),
      most_folders_(descriptor_share()) {}

DocumentsFeeder::~DocumentsFeeder() = default;

std::unique_ptr<MemberJob> DocumentsFeeder::next() {
  for (;;) {
    if (!ready_.empty()) {
      std::unique_ptr<MemberJob> job = std::move(ready_.front());
      ready_.pop_front();
      return job;
    }
    if (large_) return next_piece();
    if (ended_) return nullptr;
    if (walked_) {
      ended_ = true;
      std::unique_ptr<MemberJob> end = make_job();
      end->plain.assign(kTarEndBytes, '\0');
      return end;
    }
    TreeEntry entry;
    if (walk_.next(entry)) {
      survey_.add(entry);
      take_entry(std::move(entry));
    } else {
      walked_ = true;
      end_batch();
    }
  }
}

std::unique_ptr<MemberJob> DocumentsFeeder::make_job() {
  auto job = std::make_unique<MemberJob>();
  job->index = members_++;
  return job;
}

// Duplicated, because the walk closes its folders while workers still read in them.
std::shared_ptr<UniqueFd> DocumentsFeeder::folder() {
  if (folder_ && folder_number_ == walk_.folder_number()) return folder_;
  UniqueFd copy(::fcntl(walk_.folder_fd(), F_DUPFD_CLOEXEC, 3));
  if (!copy)
    throw Error(Errc::source, "a folder of the documents cannot be kept open: " + errno_text(errno))
        .with_hint("raise the limit of open files (ulimit -n)");
  ++folders_held_;
  folder_ = std::shared_ptr<UniqueFd>(new UniqueFd(std::move(copy)), [this](UniqueFd* fd) {
    delete fd;
    --folders_held_;
  });
  folder_number_ = walk_.folder_number();
  return folder_;
}

void DocumentsFeeder::end_batch() {
  cutter_.restart();
  if (batch_) ready_.push_back(std::move(batch_));
}

void DocumentsFeeder::take_entry(TreeEntry entry) {
  if (entry.status.kind == FileKind::special) {
    if (!batch_) batch_ = make_job();
    batch_->problems.push_back({"special", entry.path});
    return;
  }
  MemberItem item{.entry = std::move(entry)};
  if (item.entry.status.kind == FileKind::file) {
    item.folder = folder();
    if (item.entry.status.links > 1 && take_as_link(item)) return take_small(std::move(item));
    if (item.entry.status.size >= kLargeFileBytes) return begin_large(std::move(item.entry));
    // The first of several links is read at once: a later one may refer to it only if
    // it really came into the tar. And so is any file once too many folders wait for
    // workers: thousands of small ones fit into the members under way.
    const bool linked = item.entry.status.links > 1;
    if (linked || folders_held_ > most_folders_) read_now(item);
    if (linked) remember_link(item);
    progress_.docs_read_bytes += item.entry.status.size;
  }
  take_small(std::move(item));
}

void DocumentsFeeder::take_small(MemberItem item) {
  const bool content = item.link_to.empty();
  const uint64_t bytes = content ? estimate(item.entry.status) : kHeaderBytes;
  if (cutter_.cut_before(bytes)) end_batch();
  if (!batch_) batch_ = make_job();
  const bool cut = cutter_.cut_after(item.entry.path, bytes);
  batch_->items.push_back(std::move(item));
  if (cut) end_batch();
}

// True if an equal file of the same inode is already in the tar.
bool DocumentsFeeder::take_as_link(MemberItem& item) {
  const auto first = links_.find(identity_of(item.entry.status));
  if (first == links_.end() || !same_content(first->second.status, item.entry.status)) return false;
  item.link_to = first->second.path;
  item.link_sha256 = first->second.sha256;
  item.folder.reset();
  return true;
}

void DocumentsFeeder::read_now(MemberItem& item) {
  item.content = std::make_shared<FileContent>(
      read_file(item.folder->get(), base_name(item.entry.path),
                outside_fingerprint(item.entry.path), 4 * kLargeFileBytes));
  item.folder.reset();
}

void DocumentsFeeder::remember_link(const MemberItem& item) {
  const FileContent& content = *item.content;
  if (content.outcome == ReadOutcome::stable && content.status.links > 1)
    links_.insert_or_assign(identity_of(content.status),
                            Linked{item.entry.path, sha256_hex(content.bytes), content.status});
}

void DocumentsFeeder::begin_large(TreeEntry entry) {
  end_batch();
  large_ = std::make_unique<LargeFile>();
  large_->folder = folder();
  large_->file = open_file(large_->folder->get(), base_name(entry.path));
  large_->entry = std::move(entry);
}

// The next member of the large file: its header first, its padding last.
std::unique_ptr<MemberJob> DocumentsFeeder::next_piece() {
  throw_if_stopped(stop_);
  LargeFile& large = *large_;
  std::unique_ptr<MemberJob> job = make_job();
  if (large.file.error_number != 0) {
    const FileContent failed{
        means_vanished(large.file.error_number) ? ReadOutcome::vanished : ReadOutcome::unreadable,
        large.file.error_number,
        {},
        {}};
    report_outcome(large.entry.path, failed, *job);
    large_.reset();
    return job;
  }
  job->plain.reserve(kGreatestMemberBytes + kHeaderBytes);
  if (!large.header_given) {
    large.header_given = true;
    large.header_member = job->index;
    job->plain = header_of(large.entry, large.file.status, "");
  }
  large.cutter.restart();
  for (bool ended = false; !ended;) {
    if (large.rest.empty()) {
      if (large.all_read()) break;
      large.rest.resize(std::min<uint64_t>(kReadBytes, large.file.status.size - large.offset));
      const int64_t got = large.cut_short ? 0
                                          : read_fully(large.file.fd.get(), large.rest.data(),
                                                       large.rest.size(), large.offset);
      if (got < 0) {
        job->problems.push_back({"unreadable", large.entry.path});
        job->incomplete = true;
      }
      // The header promised the size: what is missing is filled up and reported.
      if (got < static_cast<int64_t>(large.rest.size())) {
        large.cut_short = true;
        std::fill(large.rest.begin() + std::max<int64_t>(got, 0), large.rest.end(), '\0');
      }
      large.offset += large.rest.size();
      progress_.docs_read_bytes += large.rest.size();
      large.digest.update(large.rest);
    }
    const size_t taken = large.cutter.take(as_bytes(large.rest), ended);
    job->plain.append(large.rest, 0, taken);
    large.rest.erase(0, taken);
  }
  if (large.rest.empty() && large.all_read() && end_large(*job)) large_.reset();
  return job;
}

// True if the file is done; false if it is to be read again from its start.
bool DocumentsFeeder::end_large(MemberJob& job) {
  LargeFile& large = *large_;
  job.plain.append(tar_padding(large.file.status.size), '\0');
  FileStatus after;
  const bool same = read_status(large.file.fd.get(), after) == 0 && !large.cut_short &&
                    (large.growing() || same_content(large.file.status, after));
  if (!same && large.tries < kReadTries && !job.incomplete) {
    // The entry comes again: the later one counts, for tar and for the manifest.
    OpenedFile again = open_file(large.folder->get(), base_name(large.entry.path));
    if (again.error_number == 0) {
      auto fresh = std::make_unique<LargeFile>();
      fresh->entry = std::move(large.entry);
      fresh->folder = std::move(large.folder);
      fresh->file = std::move(again);
      fresh->tries = large.tries + 1;
      large_ = std::move(fresh);
      return false;
    }
  }
  if (!same && !job.incomplete) {
    job.problems.push_back({"changing", large.entry.path});
    job.incomplete = true;
  }
  const std::string sha256 = large.digest.finish_hex();
  const bool linked = large.file.status.links > 1;
  job.lines.push_back({line_of(large.entry, large.file.status, large.header_member, 0), sha256,
                       linked ? large.file.status.inode : 0});
  if (linked && same)
    links_.insert_or_assign(identity_of(large.file.status),
                            Linked{large.entry.path, sha256, large.file.status});
  return true;
}

}  // namespace dolibarr_backup
