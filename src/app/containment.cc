#include "app/containment.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

fs::path resolved(const std::string& path) {
  std::error_code error;
  fs::path canonical = fs::weakly_canonical(path, error);
  if (error) throw Error(Errc::config, "'" + path + "' cannot be resolved: " + error.message());
  if (!canonical.has_filename()) canonical = canonical.parent_path();
  return canonical;
}

bool inside(const fs::path& inner, const fs::path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

}  // namespace

void require_store_apart(const EnvironmentSettings& environment) {
  if (environment.store.directory.empty() || environment.documents.empty()) return;
  const fs::path store = resolved(environment.store.directory);
  const fs::path documents = resolved(environment.documents);
  if (!inside(store, documents) && !inside(documents, store)) return;
  throw Error(Errc::config, "the directory store '" + store.string() +
                                "' and the documents tree '" + documents.string() +
                                "' lie one inside the other")
      .with_hint(
          "each backup would hold the ones before it: put the store elsewhere, best on "
          "another machine");
}

}  // namespace dolibarr_backup
