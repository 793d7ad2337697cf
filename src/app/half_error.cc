#include "app/half_error.h"

namespace dolibarr_backup {

std::optional<Error> error_of(const std::function<void()>& body) {
  try {
    body();
    return std::nullopt;
  } catch (const Error& error) {
    if (error.code() == Errc::interrupted) throw;
    return error;
  } catch (const std::exception& error) {
    return Error(Errc::bug, error.what());
  }
}

}  // namespace dolibarr_backup
