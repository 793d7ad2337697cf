#include "core/settings.h"

#include <algorithm>

#include "core/did_you_mean.h"
#include "core/setting_values.h"
#include "core/settings_checks.h"
#include "core/settings_credentials.h"
#include "core/settings_draft.h"
#include "core/settings_file.h"
#include "core/settings_keys.h"
#include "core/settings_variables.h"

namespace dolibarr_backup {
namespace {

// DOL_DATA_ROOT of the usual images, and the chart's default.
constexpr const char* kUsualDocuments = "/var/www/documents";

std::string default_prefix(const std::string& name) {
  return "erp/" + name;
}

// Puts load_settings()'s result together, step by step.
class Loader {
 public:
  explicit Loader(const SettingsInput& input)
      : input_(input),
        flags_(read_setting_flags(input)),
        variables_(read_setting_variables(input, findings_)) {}

  SettingsResult load() {
    if (input_.file_text)
      draft_file();
    else
      draft_without_file();
    for (SettingsDraft& draft : drafts_) finish(draft);
    check_apart(drafts_, findings_);
    SettingsResult result;
    for (SettingsDraft& draft : drafts_) {
      if (draft.is_selected) show(draft, result.shown);
      result.environments.push_back(std::move(draft.settings));
    }
    result.problems = std::move(findings_.problems);
    result.warnings = std::move(findings_.warnings);
    return result;
  }

 private:
  void draft_file() {
    SettingsFile file =
        read_settings_file(*input_.file_text, input_.file_name, input_.file_is_private, findings_);
    const std::string& wanted = input_.environment;
    if (!wanted.empty() && !file.environments.contains(wanted)) unknown_environment(file);
    if (wanted.empty() && file.environments.size() > 1) refuse_shared_flags();
    for (auto& [name, environment] : file.environments) {
      SettingsDraft draft;
      draft.settings.name = name;
      draft.origin = environment.origin;
      draft.is_selected = wanted.empty() || name == wanted;
      draft.layer = std::move(environment.settings);
      draft.layer.try_emplace("prefix", SettingValue{default_prefix(name), {"default"}});
      if (draft.is_selected) overlay_selected(draft);
      drafts_.push_back(std::move(draft));
    }
  }

  void overlay_selected(SettingsDraft& draft) {
    check_locations(variables_, flags_, draft.layer, draft.settings.name, input_.file_name,
                    findings_);
    if (!has_kubernetes(draft)) {
      warn_of_service_file(draft);
      overlay_variables(variables_, draft.layer, findings_);
    } else {
      overlay_variables(of_notices(variables_), draft.layer, findings_);
    }
    overlay(draft.layer, flags_);
  }

  // Of a run in a cluster too, this process tells.
  static SettingVariables of_notices(SettingVariables variables) {
    std::erase_if(variables.settings,
                  [](const auto& one) { return !one.first.starts_with("notify."); });
    return variables;
  }

  // Variables of this process say nothing to a pod.
  static bool has_kubernetes(const SettingsDraft& draft) {
    const auto first = draft.layer.lower_bound("kubernetes.");
    return first != draft.layer.end() && first->first.starts_with("kubernetes.");
  }

  void warn_of_service_file(const SettingsDraft& draft) {
    if (!draft.has("database.service")) return;
    for (const char* name : {"PGSERVICEFILE", "PGSYSCONFDIR"})
      if (const auto found = input_.variables.find(name);
          found != input_.variables.end() && !found->second.empty())
        findings_.warning({std::string("environment variable ") + name},
                          "decides where the service of '" + draft.settings.name + "' leads");
  }

  // One flag would lead all environments to one place.
  void refuse_shared_flags() {
    std::erase_if(flags_, [&](const auto& flag) {
      if (!find_setting_key(flag.first)->is_location) return false;
      findings_.problem(flag.second.origin,
                        "the file names several environments; say which one is meant: --env NAME");
      return true;
    });
  }

  void unknown_environment(const SettingsFile& file) {
    std::vector<std::string> names;
    std::string list;
    for (const auto& [name, environment] : file.environments) {
      names.push_back(name);
      list += (list.empty() ? "" : ", ") + name;
    }
    std::string message =
        "no environment " + quoted(input_.environment) + " is defined in " + input_.file_name;
    if (!names.empty()) message += ", which names " + list;
    if (const auto meant = did_you_mean(input_.environment, names))
      message += "; did you mean '" + *meant + "'?";
    findings_.problem({"flag --env"}, message);
  }

  void draft_without_file() {
    SettingsDraft draft;
    draft.layer = variables_.settings;
    overlay(draft.layer, flags_);
    std::string& name = draft.settings.name;
    name = input_.environment;
    draft.origin = {"flag --env"};
    if (const auto prefix = draft.layer.find("prefix"); prefix != draft.layer.end()) {
      std::string text = prefix->second.text;
      while (text.ends_with('/')) text.pop_back();
      const std::string last = text.substr(text.rfind('/') + 1);
      if (name.empty()) {
        name = last;
        draft.origin = prefix->second.origin;
      } else if (name != last) {
        findings_.warning(prefix->second.origin,
                          "ends with " + quoted(last) + " but the environment is " + quoted(name));
      }
    }
    if (name.empty()) {
      require_a_name(draft);
      return;
    }
    if (const std::string complaint = check_environment_name(name); !complaint.empty())
      findings_.problem(draft.origin, "the environment's name " + quoted(name) + " " + complaint);
    draft.layer.try_emplace("prefix", SettingValue{default_prefix(name), {"default"}});
    drafts_.push_back(std::move(draft));
  }

  // Nothing at all is no mistake; a bucket without an environment is one.
  void require_a_name(const SettingsDraft& draft) {
    for (const char* key : {"store.bucket", "store.directory", "documents", "database.name"})
      if (draft.has(key))
        findings_.problem(draft.origin_of(key),
                          "of which environment? say --env NAME, set PREFIX, or write a "
                          "settings file with: dolibarr-backup config init FILE");
  }

  void finish(SettingsDraft& draft) {
    EnvironmentSettings& settings = draft.settings;
    settings.is_protected = settings.name == "prod";
    settings.in_cluster = has_kubernetes(draft);
    if (settings.in_cluster)
      draft.layer.try_emplace("documents", SettingValue{kUsualDocuments, {"default"}});
    for (const SettingKey& key : setting_keys())
      if (const auto found = draft.layer.find(key.name); found != draft.layer.end())
        apply(key, found->second, draft);
    if (settings.store.s3.endpoint.empty() && draft.has("store.bucket") &&
        !draft.has("store.endpoint") && !settings.in_cluster)
      settings.store.s3.endpoint = "https://s3." + settings.store.s3.region + ".amazonaws.com";
    check_exclusive(draft.layer, findings_);
    check_draft(draft, findings_);
    if (!draft.is_selected) return;
    resolve_telling_files(draft, input_, findings_);
    if (!settings.in_cluster) resolve_credentials(draft, input_, findings_);
  }

  void apply(const SettingKey& key, const SettingValue& value, SettingsDraft& draft) {
    const std::string complaint = key.put(draft.settings, value.text);
    if (complaint.empty()) return;
    draft.invalid.insert(key.name);
    std::string message = key.name + " " + complaint;
    if (key.kind == SettingKey::Kind::plain) message += ", not " + quoted(value.text);
    findings_.problem(value.origin, message);
  }

  static void show(const SettingsDraft& draft, std::vector<ShownSetting>& shown) {
    const bool in_bucket = draft.has("store.bucket");
    for (const SettingKey& key : setting_keys()) {
      const auto given = draft.layer.find(key.name);
      const bool is_given = given != draft.layer.end();
      const std::string text =
          draft.invalid.contains(key.name) ? given->second.text : key.get(draft.settings);
      std::string value = shown_text(key, text);
      if (draft.invalid.contains(key.name)) value = quoted(value);
      const bool of_s3 = key.name.starts_with("store.") && key.name != "store.stall_timeout" &&
                         key.name != "store.retries";
      const bool of_cluster = key.name.starts_with("kubernetes.");
      if (!is_given && (key.is_alternative || (of_s3 && !in_bucket) ||
                        (of_cluster && !draft.settings.in_cluster)))
        continue;
      shown.push_back({"environments." + draft.settings.name + "." + key.name, std::move(value),
                       is_given ? given->second.origin : Origin{"default"}});
    }
  }

  const SettingsInput& input_;
  SettingsFindings findings_;
  SettingLayer flags_;
  SettingVariables variables_;
  std::vector<SettingsDraft> drafts_;
};

}  // namespace

SettingsResult load_settings(const SettingsInput& input) {
  return Loader(input).load();
}

}  // namespace dolibarr_backup
