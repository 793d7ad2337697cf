#pragma once

#include <string>

#include "base/error.h"
#include "core/settings.h"
#include "store/s3_http.h"

namespace dolibarr_backup {

/// What an Error about a refused request tells of it.
struct S3Context {
  const S3Settings& settings;
  std::string operation;  ///< "PUT 'erp/prod/db/...'"
  Instant signed_at;      ///< our clock, as the request carried it
};

/// The S3 error code of a response, "" if it names none.
std::string s3_code(const HttpResponse& response);

/// The Error for a response that is a failure: the store's own words and a hint.
/// Transient for 408, 429, 500, 502, 503, 504, SlowDown, RequestTimeout, a clash with
/// another request at this moment, and content that was damaged on its way; never
/// for other 4xx.
Error s3_error(const S3Context& context, const HttpResponse& response);

/// "s3://bucket at https://host".
std::string describe(const S3Settings& settings);

}  // namespace dolibarr_backup
