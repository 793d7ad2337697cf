#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "base/secret.h"
#include "core/settings.h"
#include "web/http_server.h"

namespace dolibarr_backup {

struct ServeOptions {
  ListenAddress address;
  Secret token;           ///< who has it may read; empty: none is asked for
  bool no_token = false;  ///< nobody shall need one, though other machines can reach the address
};

/// Serves the reports of these environments, a search for documents, /metrics and /healthz
/// until a stop is requested. `listening` is called once, with the address. Throws
/// Errc::refused for an address that other machines can reach without a token, unless
/// that is meant, and Errc::usage if it cannot listen there.
void serve(const ServeOptions& options, const std::vector<EnvironmentSettings>& environments,
           const std::function<Instant()>& now, const std::stop_token& stop,
           const std::function<void(const ListenAddress&)>& listening);

}  // namespace dolibarr_backup
