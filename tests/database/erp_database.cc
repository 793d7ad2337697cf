#include "database/erp_database.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/units.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {

PostgresServer& test_server() {
  static PostgresServer server({"max_prepared_transactions = 2"});
  return server;
}

ErpDatabase::ErpDatabase(const std::string& options) {
  static int count = 0;
  name_ = "erp" + std::to_string(++count);
  test_server().run_sql("postgres", "CREATE DATABASE " + name_ + " " + options);
  settings = test_server().settings(name_);
}

ErpDatabase::~ErpDatabase() {
  test_server().drop_database(name_);
}

std::string ErpDatabase::sql(const std::string& text, const std::string& role) const {
  return test_server().run_sql(name_, text, role);
}

DatabaseFingerprint ErpDatabase::fingerprint() const {
  const std::unique_ptr<DatabaseSnapshot> snapshot = DatabaseSnapshot::open(settings);
  return fingerprint_of(*snapshot);
}

int ErpDatabase::sessions_left() const {
  int left = 0;
  for (int tries = 0; tries < 30; ++tries) {
    left =
        std::stoi(test_server().run_sql("postgres",
                                        "SELECT count(*) FROM pg_stat_activity WHERE datname = '" +
                                            name_ + "' AND backend_type = 'client backend'",
                                        PostgresServer::kSuperuser));
    if (left == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return left;
}

DatabaseFingerprint fingerprint_of(DatabaseSnapshot& snapshot, const std::stop_token& stop) {
  Progress progress;
  const DatabaseFingerprint fingerprint = snapshot.fingerprint(progress, stop);
  EXPECT_EQ(progress.db_tables_done, progress.db_tables_total);
  return fingerprint;
}

ManifestTable table_in(const DatabaseFingerprint& fingerprint, const std::string& name) {
  for (const ManifestTable& table : fingerprint.tables)
    if (table.name == name) return table;
  ADD_FAILURE() << name << " is not in the fingerprint";
  return {};
}

void dump_and_restore(DatabaseSnapshot& snapshot, const ErpDatabase& into) {
  const TempDir folder;
  const std::string path = folder / "dump";
  const std::unique_ptr<Source> dump = snapshot.dump({});
  std::ofstream file(path, std::ios::binary);
  file << read_all(*dump, kGiB);
  file.close();
  test_server().restore(into.name(), path);
}

void expect_seen(const ErpDatabase& database, const Statements& statements) {
  std::string before = database.fingerprint().fingerprint.value;
  for (const std::string& sql : statements.list) {
    database.sql(sql);
    const std::string after = database.fingerprint().fingerprint.value;
    EXPECT_NE(after, before) << sql;
    before = after;
  }
}

void expect_unseen(const ErpDatabase& database, const Statements& statements) {
  const Fingerprint before = database.fingerprint().fingerprint;
  for (const std::string& sql : statements.list) {
    database.sql(sql);
    EXPECT_EQ(database.fingerprint().fingerprint, before) << sql;
  }
}

Error error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {Errc::bug, "no error"};
}

}  // namespace dolibarr_backup
