#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/settings.h"

/// What the tests of the settings share.
namespace dolibarr_backup {

inline constexpr const char* kProd = R"(environments:
  prod:
    documents: /var/www/documents
    store: {bucket: erp-backups, endpoint: "https://store.example", region: auto}
    database:
      host: db.internal
      name: dolibarr
      user: reader
)";

inline const std::map<std::string, std::string> kKeys = {
    {"AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY42"}, {"AWS_SECRET_ACCESS_KEY", "s3cr3t-of-store"}};
inline const std::map<std::string, std::string> kNoFile = {
    {"BUCKET", "erp-backups"},
    {"PREFIX", "erp/prod"},
    {"DB", "dolibarr"},
    {"DOCUMENTS", "/var/www/documents"},
    {"AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY42"},
    {"AWS_SECRET_ACCESS_KEY", "s3cr3t-of-store"}};

// The input of a case; its files are read from `files`.
struct Input : SettingsInput {
  explicit Input(std::map<std::string, std::string> given) {
    variables = std::move(given);
    file_name = "settings.yaml";
    read_file = [this](const std::string& path) -> std::optional<std::string> {
      reads.push_back(path);
      const auto found = files.find(path);
      if (found == files.end()) return std::nullopt;
      return found->second;
    };
  }
  Input(const std::string& text, std::map<std::string, std::string> given) : Input(given) {
    file_text = text;
  }
  Input(const Input&) = delete;

  SettingsResult load() const { return load_settings(*this); }

  std::map<std::string, std::string> files;
  std::vector<std::string> reads;
};

inline std::vector<std::string> lines(const std::vector<SettingsProblem>& problems) {
  std::vector<std::string> texts;
  for (const auto& one : problems) texts.push_back(one.origin.text + ": " + one.message);
  return texts;
}

inline std::string shown(const SettingsResult& result, const std::string& key) {
  for (const ShownSetting& one : result.shown)
    if (one.key == "environments." + key) return one.value + " <- " + one.origin.text;
  return "not shown";
}

inline std::string everything(const SettingsResult& result) {
  std::string text;
  for (const auto& one : result.shown)
    text += one.key + "=" + one.value + " from " + one.origin.text + "\n";
  for (const auto* list : {&result.problems, &result.warnings})
    for (const std::string& line : lines(*list)) text += line + "\n";
  return text;
}

}  // namespace dolibarr_backup
