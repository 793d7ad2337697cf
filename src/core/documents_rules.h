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

/// Where a restore prepares a tree, in the root of the documents.
inline constexpr std::string_view kRestoreStagingFolder = ".dolibarr-backup-restore";
/// In it while a restore's exchange goes on, or was broken off: the tree is neither old nor new.
inline constexpr std::string_view kExchangeJournal = "exchanging";

/// Why a folder is left out; nullopt if it counts. `path` is relative to the root.
/// - "temporary files": `<module>/temp`, `<entity>/<module>/temp`, at exactly that
///   depth, unless `content` has it or is unknown; a folder `temp` anywhere else is the user's own
/// - "Dolibarr's own dumps": `admin/backup`, `admin/documents`, also of an entity
/// - "the file system's own": `lost+found` in the root
/// - "restore staging": kRestoreStagingFolder
/// An entity is a number above 1 (MultiCompany; entity 1 lives in the root).
std::optional<std::string> exclusion_of_folder(std::string_view path,
                                               const std::optional<ContentFolders>& content);
/// Archived but not fingerprinted: a log file in the root, also rotated or
/// compressed: `*.log`, `*.log.1`, `*.log-20260630`, each also with `.gz`.
bool outside_fingerprint(std::string_view path);
/// A file that law or trade makes a company keep: below an issued module
/// (kIssuedModules in the .cc, e.g. facture, fournisseur/facture, propale), also under
/// an entity's number; neither in a draft's "(PROV…)" folder, nor in the module's own
/// `temp`, nor a thumbnail or preview, which Dolibarr makes again.
bool issued_document(std::string_view path);

}  // namespace dolibarr_backup
