#include "support/gcs_buckets.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <pugixml.hpp>

namespace dolibarr_backup::gcs {
namespace {

constexpr int kMostParts = 10000;
constexpr size_t kSmallestPart = 5 << 20;

std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

Answer xml(const std::string& root, const std::string& inner) {
  return {.body = fmt::format("<?xml version='1.0' encoding='UTF-8'?><{0} "
                              "xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>{1}</{0}>",
                              root, inner)};
}

std::string element(const char* name, const std::string& text) {
  return fmt::format("<{0}>{1}</{0}>", name, escape(text));
}

std::string iso_time(std::time_t moment) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.000Z", fmt::gmtime(moment));
}

std::string value_of(const std::map<std::string, std::string>& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

const Refusal kNoUpload{404, "NoSuchUpload", "there is no such upload"};
const Refusal kNotSupported{501, "NotImplemented", "this is not supported"};

}  // namespace

Answer refuse(const Refusal& refusal) {
  return {.status = refusal.status,
          .body = fmt::format("<?xml version='1.0' encoding='UTF-8'?><Error>{}{}</Error>",
                              element("Code", refusal.code), element("Message", refusal.message))};
}

Answer Buckets::answer(const Request& request) {
  const std::lock_guard lock(mutex_);
  const size_t slash = request.path.find('/', 1);
  const std::string name = percent_decode(request.path.substr(1, slash - 1));
  const Query query = parse_query(request.query);
  if (name.empty()) return refuse(kNotSupported);
  if (slash == std::string::npos || slash + 1 == request.path.size())
    return answer_for_bucket(request, name, query);
  const auto bucket = buckets_.find(name);
  if (bucket == buckets_.end()) return refuse({404, "NoSuchBucket", "there is no such bucket"});
  return answer_for_object(request, bucket->second, percent_decode(request.path.substr(slash + 1)),
                           query);
}

Answer Buckets::answer_for_bucket(const Request& request, const std::string& name,
                                  const Query& query) {
  if (request.method == "PUT" && query.empty()) {
    if (buckets_.contains(name)) return refuse({409, "BucketAlreadyOwnedByYou", "it is there"});
    buckets_[name];
    return {};
  }
  const auto bucket = buckets_.find(name);
  if (bucket == buckets_.end()) return refuse({404, "NoSuchBucket", "there is no such bucket"});
  if (request.method == "HEAD") return {};
  if (request.method == "GET" && query.contains("uploads"))
    return list_uploads(bucket->second, query);
  if (request.method == "GET" && value_of(query, "list-type") == "2")
    return list_objects(bucket->second, query);
  return refuse(kNotSupported);
}

Answer Buckets::list_objects(const Bucket& bucket, const Query& query) const {
  const std::string prefix = value_of(query, "prefix");
  const bool encoded = value_of(query, "encoding-type") == "url";
  const auto name = [&](const std::string& key) { return encoded ? percent_encode(key) : key; };
  std::string token = value_of(query, "continuation-token");
  if (token.empty()) token = value_of(query, "start-after");
  auto at = token.empty() ? bucket.objects.lower_bound(prefix) : bucket.objects.upper_bound(token);
  std::string inner;
  size_t count = 0;
  std::string last;
  for (; at != bucket.objects.end() && at->first.starts_with(prefix); ++at) {
    if (count == page_size_) break;
    ++count;
    last = at->first;
    const Object& object = at->second;
    inner += "<Contents>" + element("Key", name(at->first)) +
             element("LastModified", iso_time(object.modified)) + element("ETag", object.etag) +
             element("Size", std::to_string(object.content.size())) + "</Contents>";
  }
  const bool more = at != bucket.objects.end() && at->first.starts_with(prefix);
  if (more) inner += element("NextContinuationToken", last);
  if (encoded) inner += element("EncodingType", "url");
  return xml("ListBucketResult", element("Prefix", name(prefix)) +
                                     element("KeyCount", std::to_string(count)) +
                                     element("IsTruncated", more ? "true" : "false") + inner);
}

Answer Buckets::list_uploads(const Bucket& bucket, const Query& query) const {
  const std::string prefix = value_of(query, "prefix");
  std::map<std::pair<std::string, std::string>, std::time_t> ordered;
  for (const auto& [id, upload] : bucket.uploads)
    if (upload.key.starts_with(prefix)) ordered[{upload.key, id}] = upload.started;
  const std::pair<std::string, std::string> after{value_of(query, "key-marker"),
                                                  value_of(query, "upload-id-marker")};
  auto at = after.first.empty() ? ordered.begin() : ordered.upper_bound(after);
  std::string inner;
  for (size_t count = 0; at != ordered.end() && count < page_size_; ++at, ++count)
    inner += "<Upload>" + element("Key", at->first.first) + element("UploadId", at->first.second) +
             element("Initiated", iso_time(at->second)) + "</Upload>";
  const bool more = at != ordered.end();
  if (more) {
    const auto& last = std::prev(at)->first;
    inner += element("NextKeyMarker", last.first) + element("NextUploadIdMarker", last.second);
  }
  return xml("ListMultipartUploadsResult", element("IsTruncated", more ? "true" : "false") + inner);
}

Answer Buckets::answer_for_object(const Request& request, Bucket& bucket, const std::string& key,
                                  const Query& query) {
  const std::string& method = request.method;
  if (!request.header("x-amz-copy-source").empty()) return refuse(kNotSupported);
  if (method == "POST" && query.contains("uploads")) return start_upload(bucket, key);
  if (query.contains("uploadId")) {
    const auto upload = bucket.uploads.find(query.at("uploadId"));
    if (upload == bucket.uploads.end() || upload->second.key != key) return refuse(kNoUpload);
    if (method == "PUT") return put_part(request, upload->second, value_of(query, "partNumber"));
    if (method == "POST") return complete(request, bucket, upload->first);
    if (method != "DELETE") return refuse(kNotSupported);
    bucket.uploads.erase(upload);
    return {.status = 204};
  }
  if (method == "PUT" && query.empty()) return put_object(request, bucket, key);
  const auto found = bucket.objects.find(key);
  // Also for DELETE, unlike Amazon's.
  if (found == bucket.objects.end()) return refuse({404, "NoSuchKey", "there is no such object"});
  if (method == "GET" || method == "HEAD") return get_object(request, found->second);
  if (method != "DELETE") return refuse(kNotSupported);
  bucket.objects.erase(found);
  return {.status = 204};
}

Answer Buckets::get_object(const Request& request, const Object& object) {
  Answer answer{.headers = {{"ETag", object.etag},
                            {"Last-Modified", fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                                                          fmt::gmtime(object.modified))}},
                .body = object.content,
                .type = "application/octet-stream"};
  unsigned long long first = 0;
  unsigned long long last = 0;
  const std::string range = request.header("range");
  if (std::sscanf(range.c_str(), "bytes=%llu-%llu", &first, &last) != 2) return answer;
  const size_t size = object.content.size();
  if (first >= size || last < first)
    return refuse({416, "InvalidRange", "the object has no such part"});
  last = std::min<unsigned long long>(last, size - 1);
  answer.status = 206;
  answer.headers["Content-Range"] = fmt::format("bytes {}-{}/{}", first, last, size);
  answer.body = object.content.substr(first, last - first + 1);
  return answer;
}

// If-None-Match is not looked at: this store does not either.
Answer Buckets::put_object(const Request& request, Bucket& bucket, const std::string& key) {
  if (request.header("x-goog-if-generation-match") == "0" && bucket.objects.contains(key))
    return refuse({412, "PreconditionFailed", "the object is there"});
  const std::string etag = '"' + to_hex(digest("MD5", request.body)) + '"';
  bucket.objects[key] = {request.body, etag, std::time(nullptr)};
  return {.headers = {{"ETag", etag}}};
}

Answer Buckets::start_upload(Bucket& bucket, const std::string& key) {
  // Ids are opaque: these need percent-encoding.
  const std::string id = fmt::format("id+{}/of=upload&", ++uploads_started_);
  bucket.uploads[id] = {key, std::time(nullptr), {}};
  return xml("InitiateMultipartUploadResult", element("Key", key) + element("UploadId", id));
}

Answer Buckets::put_part(const Request& request, Upload& upload, const std::string& number) {
  int value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  if (value < 1 || value > kMostParts)
    return refuse({400, "InvalidArgument", "part numbers are 1 to 10000"});
  const std::string etag = '"' + to_hex(digest("MD5", request.body)) + '"';
  upload.parts[value] = {request.body, etag, std::time(nullptr)};
  return {.headers = {{"ETag", etag}}};
}

Answer Buckets::complete(const Request& request, Bucket& bucket, const std::string& id) {
  const Upload& upload = bucket.uploads.at(id);
  pugi::xml_document list;
  if (!list.load_buffer(request.body.data(), request.body.size()))
    return refuse({400, "MalformedXML", "the list of parts is not XML"});
  Object whole{.etag = fmt::format("\"{}-parts\"", upload.parts.size()),
               .modified = std::time(nullptr)};
  int previous = 0;
  size_t previous_size = kSmallestPart;
  for (const pugi::xml_node part : list.document_element().children("Part")) {
    const int number = part.child("PartNumber").text().as_int();
    std::string etag = part.child("ETag").text().get();
    etag.erase(std::remove(etag.begin(), etag.end(), '"'), etag.end());
    const auto found = upload.parts.find(number);
    if (found == upload.parts.end() || found->second.etag != '"' + etag + '"')
      return refuse({400, "InvalidPart", "there is no such part"});
    if (number <= previous) return refuse({400, "InvalidPartOrder", "parts must ascend"});
    if (previous_size < kSmallestPart)
      return refuse({400, "EntityTooSmall", "only the last part may be below 5 MiB"});
    whole.content += found->second.content;
    previous = number;
    previous_size = found->second.content.size();
  }
  if (previous == 0) return refuse({400, "MalformedXML", "the list of parts is empty"});
  if (request.header("x-goog-if-generation-match") == "0" && bucket.objects.contains(upload.key))
    return refuse({412, "PreconditionFailed", "the object is there"});
  const Answer answer = xml("CompleteMultipartUploadResult",
                            element("Key", upload.key) + element("ETag", whole.etag));
  bucket.objects[upload.key] = std::move(whole);
  bucket.uploads.erase(id);
  return answer;
}

}  // namespace dolibarr_backup::gcs
