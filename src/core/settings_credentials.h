#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/settings_draft.h"

namespace dolibarr_backup {

/// The entries of one profile in the AWS tools' shared credentials file, names in
/// lower case; nullopt if there is no such profile. Pure.
std::optional<std::map<std::string, std::string>> read_profile(const std::string& text,
                                                               const std::string& profile);

/// Reads the files that hold secrets of notices and metrics. A warning if one cannot be used: it
/// must not keep a backup from being made.
void resolve_telling_files(SettingsDraft& draft, const SettingsInput& input,
                           SettingsFindings& findings);

/// Fills in the S3 credentials of an environment whose store is a bucket: reads the
/// files that are named; a problem if the key's id or the secret is missing.
void resolve_credentials(SettingsDraft& draft, const SettingsInput& input,
                         SettingsFindings& findings);

}  // namespace dolibarr_backup
