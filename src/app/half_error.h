#pragma once

#include <functional>
#include <optional>

#include "base/error.h"

namespace dolibarr_backup {

/// Runs `body`; what it throws becomes a value, so that one half's failure does
/// not stop the other. An interruption stops both and passes through.
std::optional<Error> error_of(const std::function<void()>& body);

}  // namespace dolibarr_backup
