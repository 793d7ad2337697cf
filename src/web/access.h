#pragma once

#include <optional>

#include "base/secret.h"
#include "web/http.h"
#include "web/http_server.h"

namespace dolibarr_backup {

/// Who may read the site.
class AccessRule {
 public:
  /// Whoever has the token. On a loopback address, without one, whoever asks this machine
  /// by a name of its own: a page of another site that a browser was led to this address
  /// with (DNS rebinding) does not.
  AccessRule(Secret token, ListenAddress address);

  /// The answer to a request that may not be served; nullopt for one that may.
  std::optional<PageResponse> refusal(const PageRequest& request) const;

 private:
  bool has_token(const PageRequest& request) const;
  Secret token_;
  ListenAddress address_;
};

}  // namespace dolibarr_backup
