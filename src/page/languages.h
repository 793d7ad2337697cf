#pragma once

#include "page/texts.h"

namespace dolibarr_backup {

extern const Texts kEnglish, kFrench;

}  // namespace dolibarr_backup
