#include "store/s3_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "store/s3_xml.h"

namespace dolibarr_backup {
namespace {

bool is_redirect(int status) {
  return status >= 300 && status < 400;
}

bool is_transient(int status, const std::string& code) {
  static const std::set<std::string_view> codes = {
      "SlowDown",         "RequestTimeout",
      "InternalError",    "ServiceUnavailable",
      "BadDigest",        "XAmzContentSHA256Mismatch",
      "OperationAborted", "ConditionalRequestConflict"};
  static const std::set<int> statuses = {408, 429, 500, 502, 503, 504};
  return statuses.count(status) > 0 || codes.count(code) > 0;
}

// A front end between us and the store knows no S3 code; its page is not quoted.
S3ErrorBody body_of(const HttpResponse& response) {
  return parse_error(response.body).value_or(S3ErrorBody{});
}

// A refusal in another language than S3's. Only 404 needs no page: S3 gives its code with it,
// but for HEAD, where 404 is an answer.
bool is_foreign(const HttpResponse& response, const S3ErrorBody& body) {
  const bool lasting =
      response.status >= 400 && response.status < 500 && !is_transient(response.status, body.code);
  return lasting && body.code.empty() && (!response.body.empty() || response.status == 404);
}

std::string skew_hint(const S3Context& context, const HttpResponse& response) {
  const std::optional<Instant> theirs = parse_http_time(response.header("date"));
  return fmt::format("this machine's clock says {}, the store's says {}: set the clock (NTP)",
                     format_instant(context.signed_at),
                     theirs ? format_instant(*theirs) : "another time");
}

std::string elsewhere_hint(const S3Context& context, const HttpResponse& response,
                           const S3ErrorBody& body) {
  const std::string region =
      body.region.empty() ? response.header("x-amz-bucket-region") : body.region;
  std::string hint =
      fmt::format("wrong region or endpoint for bucket '{}': settings say region '{}' at {}",
                  context.settings.bucket, context.settings.region, context.settings.endpoint);
  if (!region.empty()) hint += fmt::format("; the store says region '{}'", region);
  if (!body.endpoint.empty()) hint += fmt::format("; the store says endpoint '{}'", body.endpoint);
  return hint;
}

std::string credentials_hint(const S3Context& context, const std::string& code) {
  const S3Settings& settings = context.settings;
  if (code == "SignatureDoesNotMatch")
    return fmt::format(
        "the secret access key is not that of access key id '{}' (some stores also say this of an "
        "unknown id, or when the region '{}' is not the bucket's)",
        settings.access_key_id, settings.region);
  if (code == "InvalidAccessKeyId" || code == "InvalidSecurity")
    return fmt::format("the store does not know access key id '{}'", settings.access_key_id);
  if (code == "ExpiredToken" || code == "InvalidToken")
    return "the session token has expired or belongs to another key: get new credentials";
  return "";
}

std::string hint_for(const S3Context& context, const HttpResponse& response,
                     const S3ErrorBody& body) {
  static const std::set<std::string_view> elsewhere = {"PermanentRedirect", "TemporaryRedirect",
                                                       "AuthorizationHeaderMalformed",
                                                       "IllegalLocationConstraintException"};
  static const std::set<std::string_view> full = {"QuotaExceeded", "EntityTooLarge",
                                                  "InsufficientStorage"};
  if (body.code == "RequestTimeTooSkewed") return skew_hint(context, response);
  if (is_redirect(response.status) || elsewhere.count(body.code))
    return elsewhere_hint(context, response, body);
  if (is_foreign(response, body)) return kNotS3Hint;
  if (std::string hint = credentials_hint(context, body.code); !hint.empty()) return hint;
  if (body.code == "NoSuchBucket")
    return fmt::format("create bucket '{}' (backups never create it) or correct 'bucket'",
                       context.settings.bucket);
  if (full.count(body.code) || response.status == 507)
    return "the bucket's quota is used up: raise it, or prune";
  if (body.code == "AccessDenied" || response.status == 403)
    return fmt::format(
        "access key id '{}' needs the rights to list bucket '{}' and to read, write and delete "
        "objects under the prefix; a retention lock also answers this to a delete",
        context.settings.access_key_id, context.settings.bucket);
  return "";
}

}  // namespace

std::string s3_code(const HttpResponse& response) {
  return body_of(response).code;
}

std::string describe(const S3Settings& settings) {
  return fmt::format("s3://{} at {}", settings.bucket, settings.endpoint);
}

Error s3_error(const S3Context& context, const HttpResponse& response) {
  const S3ErrorBody body = body_of(response);
  std::string reason = fmt::format("{} {}", response.status, body.code);
  if (!body.message.empty()) reason += ": " + body.message;
  Error error(Errc::store, fmt::format("{} in {} was refused with {}", context.operation,
                                       describe(context.settings), trim(reason)));
  if (std::string hint = hint_for(context, response, body); !hint.empty())
    error.with_hint(std::move(hint));
  if (is_transient(response.status, body.code)) error.mark_transient();
  return error;
}

}  // namespace dolibarr_backup
