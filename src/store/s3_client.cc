#include "store/s3_client.h"

#include <fmt/format.h>

#include <charconv>

#include "base/log.h"
#include "base/units.h"
#include "core/base64.h"
#include "store/key_rules.h"
#include "store/s3_xml.h"
#include "store/transport_error.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

constexpr const char* kContentType = "application/octet-stream";
constexpr size_t kMd5HexDigits = 32;

Instant now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

// "PUT 'erp/prod/...'"; a part or the like is told by its query.
std::string operation_of(const S3Request& request) {
  std::string text = request.method;
  if (!request.key.empty()) text += " '" + request.key + "'";
  const auto part = request.query.find("partNumber");
  if (part != request.query.end()) return text + " part " + part->second;
  if (request.query.count("uploads"))
    return text + (request.key.empty() ? " (list uploads)" : " (begin the upload)");
  if (request.query.count("uploadId"))
    return text + (request.method == "DELETE" ? " (abort the upload)" : " (complete the upload)");
  if (request.query.count("list-type")) return text + " (list objects)";
  return text;
}

std::chrono::milliseconds retry_after(const HttpResponse& response) {
  const std::string text = response.header("retry-after");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds > 0)
    return std::chrono::seconds(seconds);
  if (const std::optional<Instant> until = parse_http_time(text); until && *until > now())
    return *until - now();
  return std::chrono::milliseconds(0);
}

// An ETag is the MD5 of an object only where encryption does not make it another.
bool contradicts(std::string etag, const std::string& md5_hex) {
  std::erase(etag, '"');
  const bool is_md5 = etag.size() == kMd5HexDigits &&
                      etag.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_md5 && etag != md5_hex;
}

std::chrono::milliseconds since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               began);
}

uint64_t content_length(const HttpResponse& response, const std::string& key) {
  const std::string text = response.header("content-length");
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Errc::store, "the store does not tell the size of '" + key + "'");
  return size;
}

}  // namespace

std::map<std::string, std::string> body_headers(Bytes body) {
  Digest md5 = Digest::md5();
  md5.update(body);
  // Without a type of ours libcurl would declare a web form.
  return {{"content-md5", base64(md5.finish())}, {"content-type", kContentType}};
}

Error lost_answer(const Error& cut_short) {
  return Error(Errc::store, cut_short.message()).with_hint(cut_short.hint()).mark_transient();
}

Error taken_key(const std::string& store, const std::string& key) {
  return Error(Errc::store, fmt::format("another object stands under '{}' in {}", key, store))
      .with_hint("objects are written once: another run or another tool used the same key");
}

S3Client::S3Client(const StoreSettings& settings, std::stop_token stop)
    : settings_(settings.s3),
      signing_key_{.access_key_id = settings.s3.access_key_id,
                   .secret_access_key = settings.s3.secret_access_key,
                   .session_token = settings.s3.session_token,
                   .region = settings.s3.region},
      policy_{.retries = settings.retries},
      stop_(std::move(stop)),
      http_({.ca_file = settings.s3.ca_file, .stall_timeout = settings.stall_timeout}) {
  const std::string origin = origin_of(settings_.endpoint);
  const size_t host = origin.find("://");
  if (host == std::string::npos)
    throw Error(Errc::config, "the setting 'endpoint' is '" + settings_.endpoint + "'")
        .with_hint("it must look like https://host or https://host:port");
  host_ = origin.substr(host + 3);
  if (settings_.addressing == S3Settings::Addressing::virtual_host)
    host_ = settings_.bucket + "." + host_;
  else
    path_start_ = "/" + percent_encode(settings_.bucket);
  url_start_ = origin.substr(0, host + 3) + host_;
}

std::string S3Client::describe() const {
  return dolibarr_backup::describe(settings_);
}

HttpRequest S3Client::signed_request(const S3Request& request) const {
  std::string path = path_start_;
  if (!request.key.empty() || path.empty()) path += "/" + percent_encode_path(request.key);
  HttpRequest http{.method = request.method,
                   .url = url_start_ + path,
                   .headers = sign({.method = request.method,
                                    .host = host_,
                                    .path = path,
                                    .query = request.query,
                                    .headers = request.headers,
                                    .payload_sha256 = sha256_hex(as_text(request.body))},
                                   signing_key_, now()),
                   .body = request.body,
                   .stall_timeout = request.stall_timeout};
  if (!request.query.empty()) http.url += "?" + canonical_query(request.query);
  return http;
}

HttpResponse S3Client::send_once(const S3Request& request, const std::stop_token& stop) {
  const auto began = std::chrono::steady_clock::now();
  try {
    HttpResponse response = http_.perform(signed_request(request), stop);
    log::debug("{}: {} ({} sent, {})", operation_of(request), response.status,
               format_bytes(request.body.size()), format_duration(since(began)));
    return response;
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt) throw;
    throw lost_answer(error);
  }
}

std::unique_ptr<HttpExchange> S3Client::start_once(const S3Request& request,
                                                   const std::stop_token& stop) {
  return http_.start(signed_request(request), stop);
}

Error S3Client::failure(const S3Request& request, const HttpResponse& response,
                        Attempt& attempt) const {
  attempt.wait_at_least = retry_after(response);
  return s3_error({.settings = settings_, .operation = operation_of(request), .signed_at = now()},
                  response);
}

HttpResponse S3Client::send(const S3Request& request, const StopRule& rule,
                            std::string_view expected_code) {
  HttpResponse response;
  retry(policy_, rule, operation_of(request), [&](Attempt& attempt) {
    response = send_once(request, rule.transfer_token());
    if (is_success(response.status)) return;
    if (!expected_code.empty() && s3_code(response) == expected_code) return;
    throw failure(request, response, attempt);
  });
  return response;
}

void S3Client::put(const std::string& key, Bytes content, Overwrite overwrite,
                   const StopRule& rule) {
  const S3Request request{
      .method = "PUT", .key = key, .headers = body_headers(content), .body = content};
  retry(policy_, rule, operation_of(request),
        [&](Attempt& attempt) { put_once(request, overwrite, attempt, rule); });
}

void S3Client::put_once(const S3Request& plain, Overwrite overwrite, Attempt& attempt,
                        const StopRule& rule) {
  S3Request request = plain;
  const bool conditional = overwrite == Overwrite::no && knows_conditions_;
  if (conditional) request.headers["if-none-match"] = "*";
  if (overwrite == Overwrite::no && !conditional) {
    // A look first is all that such a store allows. Keys are unique, so the condition is
    // a safety net, not a need.
    if (find_under(plain, attempt, rule) != Found::nothing)
      return accept_if_ours(plain, attempt, rule);
  }
  const HttpResponse response = send_once(request, rule.transfer_token());
  if (is_success(response.status)) return;
  if (conditional && response.status == 501) {  // Swift
    knows_conditions_ = false;
    return put_once(plain, overwrite, attempt, rule);
  }
  if (!conditional || response.status != 412) throw failure(request, response, attempt);
  accept_if_ours(plain, attempt, rule);
}

// An earlier try may have got through although its answer was lost.
void S3Client::accept_if_ours(const S3Request& put, Attempt& attempt, const StopRule& rule) {
  if (attempt.number == 1 || find_under(put, attempt, rule) != Found::same_object)
    throw taken_key(describe(), put.key);
}

S3Client::Found S3Client::find_under(const S3Request& put, Attempt& attempt, const StopRule& rule) {
  const S3Request request{.method = "HEAD", .key = put.key};
  const HttpResponse response = send_once(request, rule.transfer_token());
  if (response.status == 404) return Found::nothing;
  if (!is_success(response.status)) throw failure(request, response, attempt);
  Digest md5 = Digest::md5();
  md5.update(put.body);
  const bool same = content_length(response, put.key) == put.body.size() &&
                    !contradicts(response.header("etag"), md5.finish_hex());
  return same ? Found::same_object : Found::another_object;
}

std::optional<ObjectInfo> S3Client::head(const std::string& key, const StopRule& rule) {
  const S3Request request{.method = "HEAD", .key = key};
  std::optional<ObjectInfo> info;
  retry(policy_, rule, operation_of(request), [&](Attempt& attempt) {
    const HttpResponse response = send_once(request, rule.transfer_token());
    // The answer to HEAD has no body and so no code: any 404 is "not there".
    if (response.status == 404) return info.reset();
    if (!is_success(response.status)) throw failure(request, response, attempt);
    info = ObjectInfo{
        .key = key,
        .size = content_length(response, key),
        .modified = parse_http_time(response.header("last-modified")).value_or(Instant())};
  });
  return info;
}

void S3Client::abort(const std::string& key, const std::string& upload_id,
                     const RetryPolicy& policy) {
  const S3Request request{.method = "DELETE", .key = key, .query = {{"uploadId", upload_id}}};
  const StopRule rule = cleaning_up();
  retry(policy, rule, operation_of(request), [&](Attempt& attempt) {
    const HttpResponse response = send_once(request, rule.transfer_token());
    const bool gone = response.status == 404 && s3_code(response) == "NoSuchUpload";
    if (!is_success(response.status) && !gone) throw failure(request, response, attempt);
  });
}

}  // namespace dolibarr_backup
