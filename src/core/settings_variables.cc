#include "core/settings_variables.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "core/settings_keys.h"

namespace dolibarr_backup {
namespace {

// libpq follows these although no setting stands for them: another address than the
// host's, other sessions' defaults (a role, a search path).
constexpr std::array<std::string_view, 2> kLibpqOnly{"PGHOSTADDR", "PGOPTIONS"};

std::string value_of(const SettingsInput& input, const std::string& name) {
  const auto found = input.variables.find(name);
  return found == input.variables.end() ? "" : found->second;
}

Origin origin_of(const std::string& variable) {
  return {"environment variable " + variable};
}

void add_variable(SettingVariables& variables, const SettingKey& key, SettingValue value) {
  if (key.is_location || key.name == "store.endpoint")
    variables.locations.emplace_back(key.name, value);
  variables.settings.emplace(key.name, std::move(value));
}

// One variable, as NAME or as NAME_FILE.
void read_variable(const SettingsInput& input, const SettingKey& key, const std::string& name,
                   SettingVariables& variables, SettingsFindings& findings) {
  const std::string text = value_of(input, name);
  const std::string path = value_of(input, name + "_FILE");
  if (!text.empty() && !path.empty()) {
    findings.problem(origin_of(name), "is set and " + name + "_FILE too; unset one of them");
    return;
  }
  if (!text.empty()) {
    add_variable(variables, key, {text, origin_of(name)});
    return;
  }
  if (path.empty()) return;
  const Origin origin = origin_of(name + "_FILE");
  if (!key.file_key.empty())
    add_variable(variables, *find_setting_key(key.file_key), {path, origin});
  else if (const auto value = read_value_file(input, path, origin, findings))
    add_variable(variables, key, {*value, {origin.text + " (" + path + ")"}});
}

// Access keys outrank a profile, as with the AWS tools.
void keep_one_kind_of_credentials(SettingLayer& layer) {
  const bool keys = std::any_of(layer.begin(), layer.end(), [](const auto& entry) {
    return entry.first.starts_with("store.access_key_id") ||
           entry.first.starts_with("store.secret_access_key");
  });
  if (!keys) return;
  layer.erase("store.credentials_file");
  layer.erase("store.profile");
}

bool decided_by(const SettingLayer& flags, const std::string& key) {
  return std::any_of(flags.begin(), flags.end(), [&](const auto& flag) {
    const auto& displaced = displaced_keys(flag.first);
    return flag.first == key ||
           std::find(displaced.begin(), displaced.end(), key) != displaced.end();
  });
}

}  // namespace

std::optional<std::string> read_value_file(const SettingsInput& input, const std::string& path,
                                           const Origin& origin, SettingsFindings& findings) {
  std::optional<std::string> text;
  try {
    text = input.read_file ? input.read_file(path) : std::nullopt;
  } catch (const Error& error) {
    findings.problem(origin, error.message());
    return std::nullopt;
  }
  if (!text) {
    findings.problem(origin, "there is no file " + quoted(path));
    return std::nullopt;
  }
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (!text->empty()) return text;
  findings.problem(origin, "the file " + quoted(path) + " is empty");
  return std::nullopt;
}

SettingVariables read_setting_variables(const SettingsInput& input, SettingsFindings& findings) {
  SettingVariables variables;
  for (const SettingKey& key : setting_keys())
    for (const std::string& name : key.variables)
      read_variable(input, key, name, variables, findings);
  for (const std::string_view name : kLibpqOnly)
    if (const std::string text = value_of(input, std::string(name)); !text.empty())
      variables.locations.push_back({"", {text, origin_of(std::string(name))}});
  keep_one_kind_of_credentials(variables.settings);
  return variables;
}

SettingLayer read_setting_flags(const SettingsInput& input) {
  SettingLayer layer;
  for (const SettingKey& key : setting_keys()) {
    if (key.flag.empty()) continue;
    if (const auto found = input.flags.find(key.flag); found != input.flags.end())
      layer[key.name] = {found->second, {"flag --" + key.flag}};
  }
  return layer;
}

void check_locations(const SettingVariables& variables, const SettingLayer& flags,
                     const SettingLayer& file, const std::string& name,
                     const std::string& file_name, SettingsFindings& findings) {
  for (const auto& [key_name, value] : variables.locations) {
    if (decided_by(flags, key_name)) continue;
    if (key_name.empty()) {
      findings.problem(value.origin,
                       "would lead '" + name + "' elsewhere than " + file_name + " says; unset it");
      continue;
    }
    const SettingKey& key = *find_setting_key(key_name);
    const std::string says = "says " + quoted(shown_text(key, value.text)) + " but ";
    if (const auto found = file.find(key_name); found != file.end()) {
      if (!same_meaning(key, value.text, found->second.text))
        findings.problem(value.origin, says + found->second.origin.text + " says " +
                                           quoted(shown_text(key, found->second.text)) + ": '" +
                                           name +
                                           "' must not lead elsewhere than its file; unset " +
                                           "it or change " + key_name);
    } else if (key.is_location) {
      findings.problem(value.origin, says + file_name + " gives '" + name + "' no " + key_name +
                                         "; unset it or set " + key_name);
    }
  }
}

void overlay_variables(const SettingVariables& variables, SettingLayer& file,
                       SettingsFindings& findings) {
  SettingLayer upper;
  for (const auto& [name, value] : variables.settings) {
    const SettingKey& key = *find_setting_key(name);
    const bool compared = key.is_location || (name == "store.endpoint" && file.contains(name));
    if (compared) continue;  // equal, or a problem
    const auto found = file.find(name);
    if (found != file.end() && !same_meaning(key, value.text, found->second.text))
      findings.warning(value.origin,
                       "is used instead of " + name + " of " + found->second.origin.text);
    for (const std::string_view other : displaced_keys(name))
      if (const auto replaced = file.find(other); replaced != file.end() && other != name)
        findings.warning(value.origin, "is used instead of " + std::string(other) + " of " +
                                           replaced->second.origin.text);
    upper.emplace(name, value);
  }
  overlay(file, upper);
}

}  // namespace dolibarr_backup
