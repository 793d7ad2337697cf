#pragma once

#include <string_view>

namespace dolibarr_backup {

/// Writes all of `bytes`, in as many calls of write(2) as that takes. 0, or an errno value.
int write_all(int fd, std::string_view bytes);

}  // namespace dolibarr_backup
