#include "store/s3_store.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/stop.h"
#include "store/key_rules.h"
#include "store/s3_download.h"
#include "store/s3_upload.h"
#include "store/s3_xml.h"

namespace dolibarr_backup {
namespace {

Error endless_listing(const std::string& store) {
  return Error(Errc::store, store + " sends the same page of its listing again and again")
      .with_hint("the store or a cache before it ignores the continuation of a listing");
}

}  // namespace

S3Store::S3Store(const StoreSettings& settings, uint64_t upload_memory_bytes, Progress& progress,
                 std::stop_token stop)
    : client_(settings, std::move(stop)),
      upload_memory_bytes_(upload_memory_bytes),
      progress_(progress) {}

std::string S3Store::describe() const {
  return client_.describe();
}

void S3Store::check_access(Access /*access*/) {
  // The first upload tells soon enough whether writing is granted.
  const S3Request request{.method = "GET", .query = {{"list-type", "2"}, {"max-keys", "1"}}};
  parse_object_page(client_.send(request, client_.interruptible()).body);
}

void S3Store::put(const std::string& key, Bytes content, Overwrite overwrite) {
  require_valid_key(key);
  client_.put(key, content, overwrite, client_.cleaning_up());
  progress_.stored_bytes.fetch_add(content.size(), std::memory_order_relaxed);
}

std::unique_ptr<Upload> S3Store::start_upload(const std::string& key,
                                              const UploadOptions& options) {
  require_valid_key(key);
  throw_if_stopped(client_.stop());
  return std::make_unique<S3Upload>(client_, key, options, upload_memory_bytes_, progress_);
}

std::unique_ptr<Source> S3Store::open(const std::string& key, std::optional<ByteRange> range) {
  require_valid_key(key);
  if (!range || range->length > 0) return S3Download::open(client_, key, range);
  // HTTP has no way to ask for nothing.
  const std::optional<ObjectInfo> info = head(key);
  if (!info) return nullptr;
  if (range->offset > info->size)
    throw Error(Errc::corrupt, "'" + key + "' is too short for the range asked for");
  return std::make_unique<MemorySource>(Bytes());
}

std::optional<ObjectInfo> S3Store::head(const std::string& key) {
  require_valid_key(key);
  return client_.head(key, client_.interruptible());
}

std::vector<ObjectInfo> S3Store::list(const std::string& prefix) {
  require_valid_prefix(prefix);
  std::vector<ObjectInfo> objects;
  S3Request request{.method = "GET", .query = {{"list-type", "2"}, {"prefix", prefix}}};
  while (true) {
    ObjectPage page = parse_object_page(client_.send(request, client_.interruptible()).body);
    std::move(page.objects.begin(), page.objects.end(), std::back_inserter(objects));
    if (page.next.empty()) break;
    std::string& token = request.query["continuation-token"];
    if (token == page.next) throw endless_listing(describe());
    token = page.next;
  }
  std::sort(objects.begin(), objects.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
  return objects;
}

void S3Store::remove(const std::string& key) {
  require_valid_key(key);
  client_.send({.method = "DELETE", .key = key}, client_.cleaning_up(), "NoSuchKey");
}

std::vector<PendingUpload> S3Store::list_uploads(const std::string& prefix) {
  require_valid_prefix(prefix);
  std::vector<PendingUpload> uploads;
  S3Request request{.method = "GET", .query = {{"uploads", ""}, {"prefix", prefix}}};
  while (true) {
    UploadPage page = parse_upload_page(client_.send(request, client_.interruptible()).body);
    std::move(page.uploads.begin(), page.uploads.end(), std::back_inserter(uploads));
    if (page.next_key.empty()) break;
    const auto marker = std::tie(page.next_key, page.next_id);
    if (std::tie(request.query["key-marker"], request.query["upload-id-marker"]) == marker)
      throw endless_listing(describe());
    request.query["key-marker"] = page.next_key;
    request.query["upload-id-marker"] = page.next_id;
  }
  std::sort(uploads.begin(), uploads.end(), [](const PendingUpload& a, const PendingUpload& b) {
    return std::tie(a.key, a.id) < std::tie(b.key, b.id);
  });
  return uploads;
}

void S3Store::abort_upload(const PendingUpload& upload) {
  client_.abort(upload.key, upload.id, client_.policy());
}

}  // namespace dolibarr_backup
