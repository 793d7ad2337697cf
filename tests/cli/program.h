#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"
#include "core/settings.h"
#include "store/object_store.h"
#include "support/child_process.h"
#include "support/postgres_server.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {

/// One invented company, its settings file, and the program run on it as a process.
class Program {
 public:
  Program();

  /// Writes the settings file; `store` is the YAML of `store:`, indented by four.
  void use_store(const std::string& store_yaml, const std::string& more_environments = "");
  void use_directory_store();
  void use_s3_store(const S3Settings& settings);

  Command command(const std::vector<std::string>& arguments,
                  const std::map<std::string, std::string>& variables = {}) const;
  CommandResult run(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& variables = {}) const {
    return run_command(command(arguments, variables));
  }
  /// Starts it and does not wait.
  std::unique_ptr<ServerProcess> start(
      const std::vector<std::string>& arguments, int stop_signal,
      const std::map<std::string, std::string>& variables = {}) const;
  std::string log_path() const { return path("program.log"); }

  void sql(const std::string& text) const { server().run_sql(database_, text); }
  void write_document(const std::string& name, const std::string& content) const;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string documents() const { return path("documents"); }
  std::string settings_file() const { return path("settings.yaml"); }
  const std::string& database() const { return database_; }
  static PostgresServer& server();
  static std::string program_path();

  /// The same store, opened beside the program.
  std::unique_ptr<ObjectStore> open_store();

  /// What is wrong with what the bucket has in force: "" if every archive that a record
  /// names is whole.
  std::string damage();
  /// Restores the newest point by pg_restore and tar; "" if it equals the instance.
  std::string difference_after_restore();

 private:
  TempDir folder_;
  std::string database_;
  StoreSettings store_settings_;
  Progress progress_;
};

}  // namespace dolibarr_backup
