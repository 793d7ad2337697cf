#pragma once

#include <map>
#include <string>

#include "app/catalog.h"

namespace dolibarr_backup {

/// The key of the archive that `archive` names: a key, or its last part. Errc::usage if
/// there is none.
std::string find_archive(Catalog& catalog, const std::string& archive);

/// Keeps an archive from being pruned until remove_hold(). `archive` is a key, or
/// its last part ("20260630T021500Z-k3f7qa.dump"), of an archive that exists.
/// Throws Errc::usage otherwise. Returns the archive's key.
std::string add_hold(Catalog& catalog, const std::string& archive, const std::string& why,
                     const std::string& who, Instant now);
/// Returns the archive's key; Errc::usage if nothing holds it.
std::string remove_hold(Catalog& catalog, const std::string& archive);

/// Who holds what this program holds by itself, e.g. a last copy.
inline constexpr std::string_view kAutomaticHolder = "dolibarr-backup";

struct Hold {
  std::string who, when, why;
};
/// Held archives by key. A hold whose text cannot be read still holds.
std::map<std::string, Hold> list_holds(Catalog& catalog);

}  // namespace dolibarr_backup
