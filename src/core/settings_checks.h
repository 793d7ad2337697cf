#pragma once

#include <vector>

#include "core/settings_draft.h"

namespace dolibarr_backup {

/// What one environment lacks, or must not have. Pure.
void check_draft(const SettingsDraft& draft, SettingsFindings& findings);

/// What no two environments may share: a place in a store; a database or documents
/// tree in common is a warning. Pure.
void check_apart(const std::vector<SettingsDraft>& drafts, SettingsFindings& findings);

}  // namespace dolibarr_backup
