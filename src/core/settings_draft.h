#pragma once

#include <set>
#include <string>

#include "core/settings_layers.h"

namespace dolibarr_backup {

/// One environment while its settings are put together.
struct SettingsDraft {
  EnvironmentSettings settings;
  SettingLayer layer;             ///< what was given for it, all places merged
  std::set<std::string> invalid;  ///< keys of it whose text could not be used
  Origin origin;                  ///< where the environment is named
  bool is_selected = true;        ///< --env means it, or nothing in particular

  bool has(std::string_view key) const { return layer.find(key) != layer.end(); }
  /// Where the key's value stands, else where the environment is named.
  const Origin& origin_of(std::string_view key) const {
    const auto found = layer.find(key);
    return found == layer.end() ? origin : found->second.origin;
  }
};

}  // namespace dolibarr_backup
