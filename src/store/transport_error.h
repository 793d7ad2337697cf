#pragma once

#include <string>

#include "base/error.h"

namespace dolibarr_backup {

/// The Error for a libcurl result (a CURLcode) other than success: what failed,
/// on which host, and what to do. Transient unless trying again cannot help.
/// `detail` is libcurl's own text, "" if it gave none.
Error transport_error(int curl_code, const std::string& detail, const std::string& url);

/// "https://host:port" of a URL: what may be shown of it.
std::string origin_of(const std::string& url);

}  // namespace dolibarr_backup
