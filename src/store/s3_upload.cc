#include "store/s3_upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/stop.h"
#include "base/units.h"
#include "store/s3_xml.h"

namespace dolibarr_backup {
namespace {

// A store joins thousands of parts before it answers, and keeps silent meanwhile.
constexpr std::chrono::minutes kCompletePatience{10};
constexpr int kAbortRetries = 1;

}  // namespace

S3Upload::S3Upload(S3Client& client, std::string key, const UploadOptions& options,
                   uint64_t memory_bytes, Progress& progress)
    : client_(client),
      key_(std::move(key)),
      schedule_(options.expected_bytes),
      memory_bytes_(memory_bytes),
      progress_(progress),
      forward_stop_(client.stop(), [this] { transfers_.request_stop(); }) {
  // Beyond what the setting can hold, the number of parts decides: S3 allows 10,000.
  const uint64_t part = schedule_.part_bytes(1);
  const uint64_t held = part * (parallel_parts(part, memory_bytes) + 1);
  if (held > memory_bytes)
    log::info("'{}': about {} expected, so parts of {} and up to {} of memory", key_,
              format_bytes(options.expected_bytes), format_bytes(part), format_bytes(held));
}

S3Upload::~S3Upload() {
  end_workers();
  if (completed_ || upload_id_.empty()) return;
  try {
    RetryPolicy policy = client_.policy();
    policy.retries = std::min(policy.retries, kAbortRetries);
    client_.abort(key_, upload_id_, policy);
  } catch (const std::exception& error) {
    log::warning("the unfinished upload of '{}' stays in the store until it is pruned: {}", key_,
                 error.what());
  }
}

void S3Upload::write(Bytes bytes) {
  if (flushed_) throw Error(Errc::bug, "write after flush of '" + key_ + "'");
  throw_if_stopped(client_.stop());
  throw_if_failed();
  while (!bytes.empty()) {
    const uint64_t part_bytes = schedule_.part_bytes(part_number_);
    if (filling_.size() == part_bytes) {
      submit_part();
      continue;
    }
    if (filling_.capacity() == 0) take_buffer(part_bytes);
    const size_t count = std::min<size_t>(bytes.size(), part_bytes - filling_.size());
    filling_.insert(filling_.end(), bytes.begin(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(count));
    size_ += count;
    bytes = bytes.subspan(count);
  }
}

void S3Upload::flush() {
  if (flushed_) return;
  throw_if_stopped(client_.stop());
  if (!upload_id_.empty()) {
    if (!filling_.empty()) submit_part();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return unfinished_ == 0 || failure_; });
    lock.unlock();
    throw_if_failed();
    end_workers();
  }
  flushed_ = true;
}

void S3Upload::complete() {
  if (completed_) throw Error(Errc::bug, "'" + key_ + "' was completed twice");
  flush();
  throw_if_stopped(client_.stop());
  // Once begun, completing goes through: cut off, nobody could tell how it ended.
  const StopRule rule = client_.cleaning_up();
  // Not every store obeys a condition on the request itself, so this looks first.
  if (client_.head(key_, rule)) throw taken_key(client_.describe(), key_);
  if (upload_id_.empty())
    complete_single(rule);
  else
    complete_multipart(rule);
  completed_ = true;
}

void S3Upload::begin_multipart() {
  const S3Request request{.method = "POST",
                          .key = key_,
                          .query = {{"uploads", ""}},
                          .headers = {{"content-type", "application/octet-stream"}}};
  throw_if_stopped(client_.stop());
  // Once sent, its answer is waited for: without the id nobody could abort the upload.
  upload_id_ = parse_upload_id(client_.send(request, client_.cleaning_up()).body);
}

void S3Upload::submit_part() {
  if (part_number_ > kMaxParts)
    throw Error(Errc::store, fmt::format("'{}' is longer than {} parts can hold", key_, kMaxParts));
  if (upload_id_.empty()) begin_multipart();
  const size_t in_flight = parallel_parts(filling_.capacity(), memory_bytes_);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return unfinished_ < in_flight || failure_; });
  if (failure_) std::rethrow_exception(failure_);
  waiting_.push_back({.number = part_number_++, .content = std::exchange(filling_, {})});
  etags_.emplace_back();
  ++unfinished_;
  start_worker_if_needed();
  changed_.notify_all();
}

// Parts only grow: a buffer that became too small is of no use again.
void S3Upload::take_buffer(uint64_t bytes) {
  {
    std::lock_guard lock(mutex_);
    if (!free_buffers_.empty() && free_buffers_.back().capacity() >= bytes) {
      filling_ = std::move(free_buffers_.back());
      free_buffers_.pop_back();
      return;
    }
    free_buffers_.clear();
  }
  filling_.reserve(bytes);
}

// Called with the mutex held.
void S3Upload::start_worker_if_needed() {
  if (idle_workers_ >= waiting_.size()) return;
  if (workers_.size() < unfinished_) workers_.emplace_back([this] { run_worker(); });
}

void S3Upload::run_worker() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_workers_;
    changed_.wait(lock, [this] { return !waiting_.empty() || ending_; });
    --idle_workers_;
    if (ending_) return;
    Part part = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    std::string etag;
    std::exception_ptr failure;
    try {
      etag = send_part(part);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    --unfinished_;
    if (!failure) {
      etags_[part.number - 1] = std::move(etag);
      part.content.clear();
      free_buffers_.push_back(std::move(part.content));
    } else if (!failure_) {
      failure_ = failure;
      transfers_.request_stop();  // the upload is lost: so are the other parts
    }
    changed_.notify_all();
  }
}

std::string S3Upload::send_part(const Part& part) {
  const Bytes content(part.content);
  const S3Request request{
      .method = "PUT",
      .key = key_,
      .query = {{"partNumber", std::to_string(part.number)}, {"uploadId", upload_id_}},
      .headers = body_headers(content),
      .body = content};
  const HttpResponse response =
      client_.send(request, client_.interruptible(transfers_.get_token()));
  std::string etag = response.header("etag");
  if (etag.empty())
    throw Error(Errc::store, fmt::format("{} gave no ETag for part {} of '{}'", client_.describe(),
                                         part.number, key_));
  progress_.stored_bytes.fetch_add(content.size(), std::memory_order_relaxed);
  return etag;
}

void S3Upload::end_workers() noexcept {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    if (unfinished_ > 0) transfers_.request_stop();
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void S3Upload::throw_if_failed() {
  std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

void S3Upload::complete_single(const StopRule& rule) {
  client_.put(key_, filling_, Overwrite::no, rule);
  progress_.stored_bytes.fetch_add(filling_.size(), std::memory_order_relaxed);
}

void S3Upload::complete_multipart(const StopRule& rule) {
  const std::string body = complete_request(etags_);
  S3Request request{.method = "POST",
                    .key = key_,
                    .query = {{"uploadId", upload_id_}},
                    .headers = body_headers(as_bytes(body)),
                    .body = as_bytes(body),
                    .stall_timeout = kCompletePatience};
  request.headers["content-type"] = "application/xml";
  retry(client_.policy(), rule, "completing '" + key_ + "'",
        [&](Attempt& attempt) { complete_once(request, attempt, rule); });
}

void S3Upload::complete_once(const S3Request& request, Attempt& attempt, const StopRule& rule) {
  const HttpResponse response = client_.send_once(request, rule.transfer_token());
  // A failure may come as 200: the status is sent before the work is done.
  if (response.status == 200 && is_complete_result(response.body)) return;
  const std::string code = s3_code(response);
  if (response.status == 200 && code.empty())
    throw Error(Errc::store, fmt::format("{} answered the completion of '{}' with no result",
                                         client_.describe(), key_))
        .mark_transient();
  if (code != "NoSuchUpload") throw client_.failure(request, response, attempt);
  // An earlier try may have got through although its answer was lost.
  if (attempt.number > 1 && stands_whole(rule)) return;
  throw Error(Errc::store,
              fmt::format("the upload of '{}' into {} is gone", key_, client_.describe()))
      .with_hint(
          "somebody aborted it: a prune that took it for a leftover (look at "
          "'uploads_older_than'), or a lifecycle rule of the bucket");
}

bool S3Upload::stands_whole(const StopRule& rule) {
  const std::optional<ObjectInfo> info = client_.head(key_, rule);
  return info && info->size == size_;
}

}  // namespace dolibarr_backup
