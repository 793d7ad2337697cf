#include "dolibarr/pg_login.h"

#include <chrono>
#include <thread>

#include "base/log.h"

namespace dolibarr_backup {
namespace {

// For whoever rotates the credentials to finish writing the files.
constexpr std::chrono::seconds kRotationPause{2};

}  // namespace

PgConnection log_in(const DatabaseSettings& settings, const std::stop_token& stop) {
  const bool from_files = !settings.password_file.empty() || !settings.user_file.empty();
  try {
    return PgConnection(parameters_of(settings), stop);
  } catch (const PgError& error) {
    if (!error.login_refused() || !from_files) throw;
    log::warning("db: {}; reading the credentials again", error.what());
  }
  std::this_thread::sleep_for(kRotationPause);
  return PgConnection(parameters_of(settings), stop);
}

}  // namespace dolibarr_backup
