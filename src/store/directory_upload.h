#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/unique_fd.h"
#include "store/object_store.h"

namespace dolibarr_backup {

/// What every upload into one directory store needs.
struct DirectoryUploadContext {
  std::string root;
  Progress& progress;
  std::stop_token stop;  ///< ends writes with Errc::interrupted
};

/// An object on its way into a directory: `<root>/.uploads/<id>.part`, with
/// `<id>.key` beside it, which says whose it is should this process be killed.
class DirectoryUpload : public Upload {
 public:
  DirectoryUpload(DirectoryUploadContext context, std::string key, Overwrite overwrite);
  ~DirectoryUpload() override;
  DirectoryUpload(const DirectoryUpload&) = delete;
  DirectoryUpload& operator=(const DirectoryUpload&) = delete;

  using Sink::write;
  void write(Bytes bytes) override;
  void flush() override;
  void complete() override;

 private:
  void write_key_file();
  void open_part_file();
  void refuse_placement(int error_number) const;
  void remove_files() noexcept;

  DirectoryUploadContext context_;
  std::string key_, id_;
  Overwrite overwrite_;
  UniqueFd root_, uploads_, part_;
  bool flushed_ = false;
};

/// Makes the root and a file below it, writes a byte, and leaves no file: what a backup
/// will need. Throws, with a hint, where that fails.
void probe_writing(const std::string& root);

/// The unfinished uploads of a store, in no particular order.
std::vector<PendingUpload> read_pending_uploads(const std::string& root, int root_fd);
/// Removes both files of an upload; nothing if it is gone.
void remove_pending_upload(const std::string& root, int root_fd, const std::string& id);

}  // namespace dolibarr_backup
