#include "core/settings_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include "core/did_you_mean.h"
#include "core/setting_values.h"
#include "core/settings_keys.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kLargestFile = 1 << 20;
constexpr size_t kMostEnvironments = 100;

// "host" for "database.host" in the section "database."; "database" for it in "".
std::string name_in_section(const std::string& key, const std::string& section) {
  if (!key.starts_with(section)) return "";
  const std::string rest = key.substr(section.size());
  return rest.substr(0, rest.find('.'));
}

std::vector<std::string> names_in_section(const std::string& section) {
  std::set<std::string> names;
  for (const SettingKey& key : setting_keys()) names.insert(name_in_section(key.name, section));
  names.erase("");
  return {names.begin(), names.end()};
}

bool is_section(const std::string& key) {
  return std::any_of(setting_keys().begin(), setting_keys().end(),
                     [&](const SettingKey& one) { return one.name.starts_with(key + "."); });
}

// Where a second document begins, if one does: after '---', or where the first one
// cannot go on. YAML::LoadAll() never ends for some such text (yaml-cpp 0.7, a stray
// comma between the lines of a map).
class SecondDocument : public YAML::EventHandler {
 public:
  static std::optional<YAML::Mark> find(const std::string& text) {
    std::istringstream in(text);
    YAML::Parser parser(in);
    SecondDocument second;
    if (!parser.HandleNextDocument(second) || !parser.HandleNextDocument(second))
      return std::nullopt;
    return second.start_;
  }

 private:
  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark start_;
};

class Reader {
 public:
  Reader(std::string file_name, bool is_private, SettingsFindings& findings)
      : file_name_(std::move(file_name)), is_private_(is_private), findings_(findings) {}

  SettingsFile read(const std::string& text) {
    if (text.size() > kLargestFile) {
      findings_.problem({file_name_}, "is larger than a settings file can be (1 MiB)");
      return {};
    }
    try {
      if (const std::optional<YAML::Mark> second = SecondDocument::find(text))
        findings_.problem(at(*second),
                          "the file holds several YAML documents, another begins here ('---', or "
                          "a stray comma); it must be one");
      read_document(YAML::Load(text));
    } catch (const YAML::Exception& error) {
      // What follows a colon quotes the file, which may hold a secret there.
      findings_.problem(at(error.mark),
                        "is no valid YAML: " + error.msg.substr(0, error.msg.find(':')) +
                            "; a value with special characters needs quotes");
    }
    if (file_.environments.empty() && findings_.problems.empty())
      findings_.problem({file_name_}, "names no environment; add one under 'environments:'");
    return std::move(file_);
  }

 private:
  using Visit = std::function<void(const std::string& name, const Origin&, const YAML::Node&)>;

  Origin at(const YAML::Mark& mark) const {
    return {mark.is_null() ? file_name_ : file_name_ + ":" + std::to_string(mark.line + 1)};
  }

  // Calls `visit` for each entry of a map; says what is none, or named twice.
  void each_entry(const YAML::Node& map, const Origin& origin, const std::string& what,
                  const Visit& visit) {
    if (map.IsNull()) return;
    if (!map.IsMap()) {
      findings_.problem(origin, what + " must hold 'name: value' lines");
      return;
    }
    std::map<std::string, Origin> seen;
    for (const auto& entry : map) {
      const Origin line = at(entry.first.Mark());
      if (!entry.first.IsScalar()) {
        findings_.problem(line, "a name in " + what + " must be a plain word");
        continue;
      }
      const std::string& name = entry.first.Scalar();
      if (const auto [first, fresh] = seen.emplace(name, line); !fresh)
        findings_.problem(
            line, quoted(name) + " stands twice in " + what + "; first at " + first->second.text);
      else
        visit(name, line, entry.second);
    }
  }

  void unknown(const std::string& name, const Origin& origin, const std::string& what,
               const std::vector<std::string>& candidates) {
    std::string message = "unknown setting " + quoted(name) + " in " + what;
    if (name == "<<")
      message += "; YAML's merge is not supported, put what is common under 'defaults:'";
    else if (const auto meant = did_you_mean(name, candidates))
      message += "; did you mean '" + *meant + "'?";
    findings_.problem(origin, message);
  }

  void read_document(const YAML::Node& root) {
    YAML::Node environments;
    Origin environments_line;
    SettingLayer common, defaults;
    std::vector<std::string> candidates = names_in_section("");
    candidates.insert(candidates.end(), {"defaults", "environments"});
    each_entry(root, {file_name_}, "the file",
               [&](const std::string& name, const Origin& line, const YAML::Node& value) {
                 if (name == "environments") {
                   environments.reset(value);
                   environments_line = line;
                 } else if (name == "defaults") {
                   read_section(value, line, "defaults", "", defaults);
                 } else {
                   read_entry(name, line, value, "the file", "", candidates, common);
                 }
               });
    for (const auto& [key, value] : defaults)
      if (const auto other = common.find(key); other != common.end())
        findings_.problem(value.origin,
                          key + " is given both here and at " + other->second.origin.text);
    overlay(common, defaults);
    check_exclusive(common, findings_);
    if (environments.IsDefined()) read_environments(environments, environments_line, common);
  }

  void read_environments(const YAML::Node& map, const Origin& origin, const SettingLayer& common) {
    if (map.IsMap() && map.size() > kMostEnvironments) {
      findings_.problem(origin, "names more environments than can be (100)");
      return;
    }
    each_entry(
        map, origin, "'environments'",
        [&](const std::string& name, const Origin& line, const YAML::Node& value) {
          if (const std::string complaint = check_environment_name(name); !complaint.empty()) {
            findings_.problem(line, "the environment's name " + quoted(name) + " " + complaint);
            return;
          }
          SettingLayer own;
          read_section(value, line, "'" + name + "'", "", own);
          check_exclusive(own, findings_);
          SettingsFile::Environment& environment = file_.environments[name];
          environment = {line, common};
          overlay(environment.settings, own);
        });
  }

  void read_section(const YAML::Node& map, const Origin& origin, const std::string& what,
                    const std::string& section, SettingLayer& layer) {
    const std::vector<std::string> candidates = names_in_section(section);
    each_entry(map, origin, what,
               [&](const std::string& name, const Origin& line, const YAML::Node& value) {
                 read_entry(name, line, value, what, section, candidates, layer);
               });
  }

  void read_entry(const std::string& name, const Origin& line, const YAML::Node& value,
                  const std::string& what, const std::string& section,
                  const std::vector<std::string>& candidates, SettingLayer& layer) {
    const std::string key = section + name;
    const bool dotted = name.find('.') != std::string::npos;
    const SettingKey* setting = dotted ? nullptr : find_setting_key(key);
    if (setting)
      read_value(*setting, line, value, layer);
    else if (!dotted && is_section(key))
      read_section(value, line, "'" + key + "'", key + ".", layer);
    else
      unknown(name, line, what, candidates);
  }

  void read_value(const SettingKey& key, const Origin& line, const YAML::Node& value,
                  SettingLayer& layer) {
    if (!value.IsScalar() || value.Scalar().empty()) {
      findings_.problem(line, key.name + (value.IsNull() || value.IsScalar()
                                              ? " has no value; leave the line out instead"
                                              : " must be one value"));
      return;
    }
    if (key.kind == SettingKey::Kind::secret && !is_private_)
      findings_.problem(line, key.name +
                                  " stands in a file that others can read; run "
                                  "`chmod 600` on it, or give " +
                                  key.file_key + " instead");
    layer.insert_or_assign(key.name, SettingValue{value.Scalar(), line});
  }

  std::string file_name_;
  bool is_private_;
  SettingsFindings& findings_;
  SettingsFile file_;
};

}  // namespace

SettingsFile read_settings_file(const std::string& text, const std::string& file_name,
                                bool is_private, SettingsFindings& findings) {
  return Reader(file_name, is_private, findings).read(text);
}

}  // namespace dolibarr_backup
