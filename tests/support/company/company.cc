#include "support/company/company.h"

#include <filesystem>

#include "base/error.h"
#include "support/company/model.h"
#include "support/company/rows.h"

namespace dolibarr_backup {

void make_company(const DatabaseSettings& database, const std::string& documents,
                  const CompanyOptions& options) {
  if (options.schema_only) return company::write_database(database, nullptr);
  const company::Company invented = company::invent(options);
  company::write_database(database, &invented);
  try {
    company::write_documents(documents, invented);
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(Errc::source, std::string("cannot make the documents: ") + error.what());
  }
}

}  // namespace dolibarr_backup
