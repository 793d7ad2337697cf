#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/progress.h"
#include "core/part_schedule.h"
#include "store/object_store.h"
#include "store/s3_client.h"

namespace dolibarr_backup {

/// An object on its way into a bucket. As long as it fits into one part it waits
/// in memory and becomes one PUT in complete(); else it is a multipart upload
/// whose parts are sent by threads of its own while the next one fills.
///
/// Buffers are made when they are needed, at most parallel_parts() + 1 of them.
class S3Upload : public Upload {
 public:
  /// `client` and `progress` outlive the upload.
  S3Upload(S3Client& client, std::string key, const UploadOptions& options, uint64_t memory_bytes,
           Progress& progress);
  ~S3Upload() override;
  S3Upload(const S3Upload&) = delete;
  S3Upload& operator=(const S3Upload&) = delete;

  using Sink::write;
  void write(Bytes bytes) override;
  void flush() override;
  void complete() override;

 private:
  using Buffer = std::vector<std::byte>;
  struct Part {
    uint32_t number = 0;
    Buffer content;
  };

  void begin_multipart();
  void submit_part();
  void take_buffer(uint64_t bytes);
  void start_worker_if_needed();
  void run_worker();
  std::string send_part(const Part& part);
  void end_workers() noexcept;
  void throw_if_failed();

  void complete_single(const StopRule& rule);
  void complete_multipart(const StopRule& rule);
  void complete_once(const S3Request& request, Attempt& attempt, const StopRule& rule);
  bool stands_whole(const StopRule& rule);

  S3Client& client_;
  const std::string key_;
  const PartSchedule schedule_;
  const uint64_t memory_bytes_;
  Progress& progress_;
  std::string upload_id_;  // "" until a second part is needed

  // The writer's own.
  Buffer filling_;
  uint32_t part_number_ = 1;  // of the part being filled
  uint64_t size_ = 0;
  bool flushed_ = false;
  bool completed_ = false;

  std::stop_source transfers_;  // ends the workers' transfers
  std::stop_callback<std::function<void()>> forward_stop_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Part> waiting_;
  std::vector<Buffer> free_buffers_;
  std::vector<std::string> etags_;  // by part number - 1
  size_t unfinished_ = 0;           // parts waiting or being sent
  size_t idle_workers_ = 0;
  bool ending_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> workers_;  // the writer's own too
};

}  // namespace dolibarr_backup
