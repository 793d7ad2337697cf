#include "app/database_proof.h"

#include <fmt/format.h>

#include "app/stored_manifest.h"
#include "base/stop.h"
#include "stream/line_reader.h"

namespace dolibarr_backup {
namespace {

int major_of(const std::string& server_version) {
  return std::atoi(server_version.c_str());
}

std::string fact(const DatabaseManifest& manifest, const char* key) {
  const auto found = manifest.facts.find(key);
  return found == manifest.facts.end() ? "" : found->second;
}

}  // namespace

uint64_t DatabaseManifest::rows() const {
  uint64_t sum = 0;
  for (const ManifestTable& table : tables) sum += table.rows;
  return sum;
}

DatabaseManifest read_database_manifest(ObjectStore& store, const StoredObject& stored,
                                        const std::stop_token& stop) {
  StoredManifest text(store, stored);
  LineReader lines(text);
  ManifestParser parser;
  DatabaseManifest manifest;
  while (const std::optional<std::string_view> line = lines.next()) {
    throw_if_stopped(stop);
    const std::optional<ManifestLine> parsed = parser.parse(*line);
    if (!parsed) continue;
    if (const auto* one = std::get_if<ManifestFact>(&*parsed))
      manifest.facts[one->key] = one->value;
    if (const auto* table = std::get_if<ManifestTable>(&*parsed)) manifest.tables.push_back(*table);
  }
  return manifest;
}

std::vector<std::string> differences(const DatabaseManifest& manifest,
                                     const DatabaseFingerprint& restored,
                                     int restored_server_version) {
  std::vector<std::string> found;
  std::map<std::string, const ManifestTable*> there;
  for (const ManifestTable& table : restored.tables) there[table.name] = &table;
  for (const ManifestTable& table : manifest.tables) {
    const auto at = there.find(table.name);
    if (at == there.end()) {
      found.push_back(fmt::format("table {} is missing ({} rows)", table.name, table.rows));
      continue;
    }
    const ManifestTable& other = *at->second;
    there.erase(at);
    if (other.rows != table.rows)
      found.push_back(
          fmt::format("table {} has {} rows instead of {}", table.name, other.rows, table.rows));
    else if (!table.rows_digest.empty() && other.rows_digest != table.rows_digest)
      found.push_back(
          fmt::format("table {} has other content in its {} rows", table.name, table.rows));
  }
  for (const auto& [name, table] : there)
    found.push_back(fmt::format("table {} was not in the backup ({} rows)", name, table->rows));
  const bool same_major = major_of(fact(manifest, "server")) == restored_server_version / 10000;
  const std::string schema = fact(manifest, "schema-digest");
  if (same_major && !schema.empty() && schema != restored.schema_digest)
    found.push_back("the schema differs: columns, constraints, indexes, functions or triggers");
  return found;
}

}  // namespace dolibarr_backup
