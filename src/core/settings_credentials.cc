#include "core/settings_credentials.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/units.h"
#include "core/settings_keys.h"
#include "core/settings_variables.h"

namespace dolibarr_backup {
namespace {

constexpr std::array<std::string_view, 3> kNames{"access_key_id", "secret_access_key",
                                                 "session_token"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

void put(SettingsDraft& draft, const std::string& name, const SettingValue& value,
         SettingsFindings& findings) {
  const SettingKey& key = *find_setting_key(name);
  if (const std::string complaint = key.put(draft.settings, value.text); !complaint.empty())
    findings.problem(value.origin, name + " " + complaint);
  draft.layer[name] = value;
}

// Each of the three, given directly or by a file of its own.
void resolve_keys(SettingsDraft& draft, const SettingsInput& input, SettingsFindings& findings) {
  for (const std::string_view name : kNames) {
    const std::string key = "store." + std::string(name);
    const auto file = draft.layer.find(key + "_file");
    if (file == draft.layer.end()) continue;
    const SettingValue path = file->second;
    if (draft.invalid.contains(key + "_file")) continue;
    if (const auto text = read_value_file(input, path.text, path.origin, findings))
      put(draft, key, {*text, {path.origin.text + " (" + path.text + ")"}}, findings);
  }
  for (const std::string_view name : {kNames[0], kNames[1]}) {
    const std::string key = "store." + std::string(name);
    if (draft.has(key) || draft.has(key + "_file")) continue;
    findings.problem(draft.origin, "'" + draft.settings.name +
                                       "' has an incomplete set of S3 credentials: " + key +
                                       " is missing; give it beside the others");
  }
}

// The file that was named, or the one in the home folder for a bare profile.
std::optional<SettingValue> credentials_path(const SettingsDraft& draft,
                                             const SettingsInput& input) {
  if (const auto named = draft.layer.find("store.credentials_file"); named != draft.layer.end())
    return named->second;
  const auto home = input.variables.find("HOME");
  if (home == input.variables.end() || home->second.empty()) return std::nullopt;
  return SettingValue{home->second + "/.aws/credentials", draft.origin_of("store.profile")};
}

void resolve_profile(SettingsDraft& draft, const SettingsInput& input, SettingsFindings& findings) {
  const std::string profile =
      draft.has("store.profile") ? draft.settings.store.s3.profile : "default";
  const std::optional<SettingValue> path = credentials_path(draft, input);
  if (!path) {
    findings.problem(draft.origin_of("store.profile"),
                     "names a profile but no file of it; set store.credentials_file");
    return;
  }
  const auto text = read_value_file(input, path->text, path->origin, findings);
  if (!text) return;
  const auto entries = read_profile(*text, profile);
  if (!entries) {
    findings.problem(path->origin, "there is no profile " + quoted(profile) + " in " +
                                       quoted(path->text) + "; set store.profile");
    return;
  }
  const Origin origin{path->text + " [" + profile + "]"};
  for (const std::string_view name : kNames) {
    const auto found = entries->find("aws_" + std::string(name));
    if (found != entries->end() && !found->second.empty())
      put(draft, "store." + std::string(name), {found->second, origin}, findings);
    else if (name != "session_token")
      findings.problem(origin, "has no aws_" + std::string(name));
  }
}

}  // namespace

std::optional<std::map<std::string, std::string>> read_profile(const std::string& text,
                                                               const std::string& profile) {
  std::optional<std::map<std::string, std::string>> entries;
  bool inside = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::string_view bare = trim(line);
    if (bare.empty() || bare[0] == '#' || bare[0] == ';') continue;
    if (bare[0] == '[') {
      inside = bare.ends_with(']') && trim(bare.substr(1, bare.size() - 2)) == profile;
      if (inside && !entries) entries.emplace();
      continue;
    }
    const size_t mark = bare.find('=');
    if (!inside || mark == std::string_view::npos) continue;
    (*entries)[lower(trim(bare.substr(0, mark)))] = trim(bare.substr(mark + 1));
  }
  return entries;
}

void resolve_telling_files(SettingsDraft& draft, const SettingsInput& input,
                           SettingsFindings& findings) {
  for (const SettingKey& key : setting_keys()) {
    const bool tells = key.name.starts_with("notify.") || key.name.starts_with("metrics.");
    if (!tells || key.file_key.empty()) continue;
    const auto file = draft.layer.find(key.file_key);
    if (file == draft.layer.end() || draft.invalid.contains(key.file_key)) continue;
    const SettingValue path = file->second;
    SettingsFindings found;
    if (const auto text = read_value_file(input, path.text, path.origin, found))
      put(draft, key.name, {*text, {path.origin.text + " (" + path.text + ")"}}, found);
    for (const SettingsProblem& one : found.problems)
      findings.warning(one.origin, one.message + ": nobody is told that way");
  }
}

void resolve_credentials(SettingsDraft& draft, const SettingsInput& input,
                         SettingsFindings& findings) {
  if (!draft.has("store.bucket") || draft.has("store.directory")) return;
  const bool keys = std::any_of(kNames.begin(), kNames.end(), [&](std::string_view name) {
    const std::string key = "store." + std::string(name);
    return draft.has(key) || draft.has(key + "_file");
  });
  if (keys) {
    resolve_keys(draft, input, findings);
  } else if (draft.has("store.credentials_file") || draft.has("store.profile")) {
    if (!draft.invalid.contains("store.credentials_file") &&
        !draft.invalid.contains("store.profile"))
      resolve_profile(draft, input, findings);
  } else {
    findings.problem(draft.origin,
                     "'" + draft.settings.name +
                         "' has no credentials for its bucket; set AWS_ACCESS_KEY_ID and "
                         "AWS_SECRET_ACCESS_KEY (each also as NAME_FILE), or "
                         "store.credentials_file");
  }
}

}  // namespace dolibarr_backup
