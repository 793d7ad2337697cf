#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/settings.h"

namespace dolibarr_backup {

/// Collects what is wrong with the settings. What two environments inherit from
/// one line is said once.
class SettingsFindings {
 public:
  void problem(const Origin& origin, std::string message);
  void warning(const Origin& origin, std::string message);

  std::vector<SettingsProblem> problems, warnings;
};

/// "'text'" for a message: control characters replaced, cut when long. Never for
/// the value of a secret.
std::string quoted(std::string_view text);

}  // namespace dolibarr_backup
