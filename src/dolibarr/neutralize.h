#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/settings.h"

/// Makes a copy of an instance harmless: nothing in its database makes Dolibarr act on the
/// outside any more. docs/operations.md ("A sandbox that sends nothing") lists what is set.
namespace dolibarr_backup {

/// SQL of the operator's own: any statements, but none that ends the transaction.
struct OwnSql {
  std::string name;  ///< of the file, for messages
  std::string text;
};

struct Neutralization {
  std::string title;        ///< shown by each page in place of the program's name
  std::vector<OwnSql> own;  ///< run last, in this order
};

/// What one step did.
struct NeutralizedStep {
  std::string name;      ///< "mail", "jobs", ...; of own SQL its file's name
  std::string meaning;   ///< one clause
  uint64_t changed = 0;  ///< rows; 0 if it was so already. Not counted of own SQL
};

/// The steps in their order, with nothing changed: what neutralize() would go through.
std::vector<NeutralizedStep> neutralize_steps(const Neutralization& wanted);

/// Does all steps in one transaction, as the role `owner`; after its end a look at the rows must
/// find nothing left to change. Then each of the operator's own texts, in one of its own. Tables
/// that an older Dolibarr or a module that was never activated does not have are passed over.
/// Whatever fails or stays undone is Errc::source and names the step; the database is fit for
/// nothing then.
std::vector<NeutralizedStep> neutralize(const DatabaseSettings& database, const std::string& owner,
                                        const Neutralization& wanted);

}  // namespace dolibarr_backup
