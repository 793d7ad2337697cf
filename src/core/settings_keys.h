#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings.h"

namespace dolibarr_backup {

/// One setting of an environment: how it is called everywhere, what its text may
/// be, and where it lies in EnvironmentSettings.
struct SettingKey {
  enum class Kind {
    plain,
    guarded,  ///< a password may have slipped into a wrong value: never quoted when wrong
    key_id,   ///< only its end is shown
    secret,   ///< never shown, never quoted
  };

  std::string name;                    ///< "database.host"
  std::string flag;                    ///< "host"; "" for none
  std::vector<std::string> variables;  ///< the first that is set counts
  /// Its NAME_FILE variables fill this key with the path, to be read later; "": the
  /// file is read at once.
  std::string file_key;
  Kind kind = Kind::plain;
  bool is_location = false;     ///< says where things are: must not differ from the file
  bool is_alternative = false;  ///< `config show` leaves it out when it is empty
  /// Stores the text; returns "" or what it must be instead.
  std::function<std::string(EnvironmentSettings&, const std::string&)> put;
  /// The text in its usual form; not for a secret.
  std::function<std::string(const EnvironmentSettings&)> get;
};

/// All of them, in the order in which `config show` prints them.
const std::vector<SettingKey>& setting_keys();
/// nullptr if there is none of this name.
const SettingKey* find_setting_key(std::string_view name);

/// A text of `key` as people may see it. Secrets are "***".
std::string shown_text(const SettingKey& key, const std::string& text);
/// Both texts mean the same to `key` (a slash at an endpoint's end means nothing).
bool same_meaning(const SettingKey& key, const std::string& one, const std::string& other);

}  // namespace dolibarr_backup
