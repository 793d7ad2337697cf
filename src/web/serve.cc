#include "web/serve.h"

#include "base/error.h"
#include "web/access.h"
#include "web/site.h"

namespace dolibarr_backup {
namespace {

void check_options(const ServeOptions& options) {
  if (!options.token.empty() || options.no_token || options.address.loopback()) return;
  throw Error(Errc::refused,
              "other machines can reach '" + options.address.host + "', and no token is set")
      .with_hint("give --token-file FILE, or say --no-token if all who can reach it may read it");
}

}  // namespace

void serve(const ServeOptions& options, const std::vector<EnvironmentSettings>& environments,
           const std::function<Instant()>& now, const std::stop_token& stop,
           const std::function<void(const ListenAddress&)>& listening) {
  check_options(options);
  Site site(environments, now, stop);
  const AccessRule rule(options.token, options.address);
  HttpServer server(options.address, [&](const PageRequest& request) {
    // It tells nothing, and what asks for it may have no token.
    if (request.method == "GET" && request.path == "/healthz") return PageResponse{.body = "ok\n"};
    if (std::optional<PageResponse> refusal = rule.refusal(request)) return *refusal;
    return site.answer(request);
  });
  listening(server.address());
  server.run(stop);
}

}  // namespace dolibarr_backup
