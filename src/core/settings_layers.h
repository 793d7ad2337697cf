#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings_findings.h"

/// How settings from several places are laid over each other. Pure.
namespace dolibarr_backup {

/// A setting's text with where it stands.
struct SettingValue {
  std::string text;
  Origin origin;
};

/// Settings of one place by their key ("database.host").
using SettingLayer = std::map<std::string, SettingValue, std::less<>>;

/// The keys that a more specific layer's `key` puts out of force below it, because
/// they would answer the same question another way: a sandbox's directory replaces
/// the bucket that all inherit. `key` itself is among them only for credentials,
/// which are replaced as a whole.
const std::vector<std::string_view>& displaced_keys(std::string_view key);

/// Lays `upper` over `base`.
void overlay(SettingLayer& base, const SettingLayer& upper);

/// Adds a problem for each two settings of one layer that exclude each other.
void check_exclusive(const SettingLayer& layer, SettingsFindings& findings);

}  // namespace dolibarr_backup
