#pragma once

#include <string>

namespace dolibarr_backup {

/// A completion script for "bash", "zsh" or "fish"; throws Errc::usage otherwise.
std::string completion_script(const std::string& shell);

}  // namespace dolibarr_backup
