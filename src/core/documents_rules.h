#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

/// Which paths of a documents tree count (docs/format.md, "What is left out").
/// Pure. Facts: Dolibarr's own purge removes directories named `temp` one level
/// below a module.
namespace dolibarr_backup {

/// Folders that a rule would leave out but the database knows as content, e.g.
/// "ecm/temp", "produit/temp", "projet/temp"; relative to the root.
using ContentFolders = std::set<std::string, std::less<>>;

/// Why a folder is left out ("temporary files", "Dolibarr's own dumps", "restore
/// staging"); nullopt if it counts. `path` is relative to the root.
std::optional<std::string> exclusion_of_folder(std::string_view path, const ContentFolders& content);
/// Archived but not fingerprinted: a log file in the root.
bool outside_fingerprint(std::string_view path);
/// A file the law makes a company keep: below an issued module (facture,
/// fournisseur, propale, commande, ...), also under an entity's number; neither a
/// draft's "(PROV…)" folder nor a thumbnail.
bool issued_document(std::string_view path);

}  // namespace dolibarr_backup
