#pragma once

#include <memory>
#include <string>

#include "app/backup.h"
#include "core/settings.h"
#include "store/object_store.h"
#include "support/postgres_server.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {

/// A small Dolibarr-shaped instance of our own making: a database on the test
/// process's private PostgreSQL, a documents tree and a directory store.
class Instance {
 public:
  Instance();
  ~Instance();

  EnvironmentSettings& settings() { return settings_; }
  ObjectStore& store() { return *store_; }
  /// Runs on another store instead.
  void use_store(std::unique_ptr<ObjectStore> store) { store_ = std::move(store); }
  std::string store_folder() const { return folder_.string() + "/store"; }
  std::string documents() const { return settings_.documents; }
  std::string scratch(const std::string& name) const { return folder_.string() + "/" + name; }

  void sql(const std::string& text) { server().run_sql(database_, text); }
  /// What a query prints, unaligned.
  std::string sql_text(const std::string& text) { return server().run_sql(database_, text); }
  void write_document(const std::string& path, const std::string& content);
  void remove_document(const std::string& path);
  /// Makes every file older than what a walk mistrusts.
  void age_documents();

  /// The clock of the runs; each backup() advances it by a minute.
  Instant now;
  BackupReport backup(const BackupOptions& options = {});
  /// What the last run reported of itself.
  Progress& progress() { return progress_; }
  Catalog catalog() { return {*store_, KeySpace(settings_.prefix), {}}; }

  /// Unpacks the pair of the newest point with pg_restore and tar alone and
  /// compares it with the instance as it is now: rows table by table, files byte
  /// by byte. Returns what differs, "" if nothing.
  std::string difference_after_restore();

  static PostgresServer& server();
  const std::string& database() const { return database_; }

 private:
  TempDir folder_;
  std::string database_;
  EnvironmentSettings settings_;
  std::unique_ptr<ObjectStore> store_;
  Progress progress_;
};

}  // namespace dolibarr_backup
