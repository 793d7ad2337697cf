#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dolibarr_backup {

/// What of a request the site looks at. Bodies are never read.
struct PageRequest {
  std::string method;                        ///< "GET"
  std::string path;                          ///< decoded, without the query
  std::map<std::string, std::string> query;  ///< decoded; the first of several
  std::string authorization, host, accept_language;
};

struct PageResponse {
  int status = 200;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace dolibarr_backup
