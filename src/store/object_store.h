#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "stream/source_sink.h"

namespace dolibarr_backup {

/// What the store tells of one object.
struct ObjectInfo {
  std::string key;
  uint64_t size = 0;
  Instant modified;
  bool operator==(const ObjectInfo&) const = default;
};

/// An upload somebody began and neither completed nor aborted.
struct PendingUpload {
  std::string key;
  std::string id;
  Instant started;
};

/// One object on its way into the store.
///
/// Nothing is visible under the key before complete(); after it the object is
/// whole. Destruction without complete() aborts: no bytes stay behind, or, if
/// the store no longer answers, a leftover that list_uploads() shows.
/// One thread writes; the parts may be sent by others.
class Upload : public Sink {
 public:
  /// Sends whatever is still buffered and returns when the store has all of it.
  /// No write may follow. complete() is then one small request.
  virtual void flush() = 0;
  /// Makes the object visible and durable. Calls flush() if that was not done.
  /// Throws if another object stands under the key, where the store can tell.
  virtual void complete() = 0;
};

struct UploadOptions {
  /// What the writer expects, 0 if unknown; sizes the parts (core/part_schedule).
  uint64_t expected_bytes = 0;
};

struct ByteRange {
  uint64_t offset = 0;
  uint64_t length = 0;
};

enum class Overwrite {
  no,   ///< an object under the key is an error, where the store can tell
  yes,  ///< replaces it atomically
};

/// What a command is going to do with a store.
enum class Access {
  read,   ///< list, read and remove objects: nothing is written to prove it
  write,  ///< store objects too: a directory proves it by writing
};

/// A flat map from keys to immutable objects: the bucket. Keys are relative
/// paths of printable segments separated by '/', as core/object_keys builds them.
///
/// Every method throws Error(Errc::store) when the store cannot answer; missing
/// objects are answers. All methods may be called from several threads at once.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// For people: "s3://bucket at https://host" or "directory /srv/backup".
  virtual std::string describe() const = 0;
  /// Throws, with a hint, unless the store answers and grants `access`
  /// (wrong key, wrong bucket, clock skew and no network tell apart).
  virtual void check_access(Access access) = 0;

  /// Stores a small object whole.
  virtual void put(const std::string& key, Bytes content, Overwrite overwrite) = 0;
  /// Begins an object of any length.
  virtual std::unique_ptr<Upload> start_upload(const std::string& key,
                                               const UploadOptions& options) = 0;

  /// Reads an object, or the part of it in `range`; null if there is none. A range
  /// that the object does not hold, or an object that ends early, is Errc::corrupt,
  /// here or from the source. The store must outlive the source.
  virtual std::unique_ptr<Source> open(const std::string& key,
                                       std::optional<ByteRange> range = {}) = 0;
  virtual std::optional<ObjectInfo> head(const std::string& key) = 0;

  /// Every object whose key starts with `prefix`, ordered by key; all pages, or
  /// an exception. `prefix` need not end at a '/'.
  virtual std::vector<ObjectInfo> list(const std::string& prefix) = 0;
  /// Removes an object; removing what is not there is not an error.
  virtual void remove(const std::string& key) = 0;

  /// Uploads under `prefix` that are neither completed nor aborted.
  virtual std::vector<PendingUpload> list_uploads(const std::string& prefix) = 0;
  virtual void abort_upload(const PendingUpload& upload) = 0;
};

/// Reads a small object whole; nullopt if there is none. Errc::corrupt beyond `limit_bytes`.
std::optional<std::string> get_object(ObjectStore& store, const std::string& key,
                                      uint64_t limit_bytes);

}  // namespace dolibarr_backup
