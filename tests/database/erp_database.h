#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/error.h"
#include "dolibarr/database.h"
#include "dolibarr/pg_connection.h"
#include "support/postgres_server.h"

/// Databases made for a test on the process's own PostgreSQL.
namespace dolibarr_backup {

/// Started at the first use, for the whole process.
PostgresServer& test_server();

/// An empty database, gone with this object.
class ErpDatabase {
 public:
  /// `options` of CREATE DATABASE; UTF8 without.
  explicit ErpDatabase(const std::string& options = "");
  ~ErpDatabase();
  ErpDatabase(const ErpDatabase&) = delete;
  ErpDatabase& operator=(const ErpDatabase&) = delete;

  const std::string& name() const { return name_; }
  /// As owner; change what a test needs.
  DatabaseSettings settings;
  std::string sql(const std::string& text, const std::string& role = PostgresServer::kOwner) const;
  std::string sql_as_superuser(const std::string& text) const {
    return sql(text, PostgresServer::kSuperuser);
  }
  /// Of a new snapshot.
  DatabaseFingerprint fingerprint() const;
  /// Another session, as the owner.
  PgConnection session() const {
    PgConnection connection(parameters_of(test_server().settings(name_)));
    connection.query("RESET search_path");  // the program's own has none
    return connection;
  }
  /// How many sessions are in the database, at last: ends take a moment.
  int sessions_left() const;

 private:
  std::string name_;
};

DatabaseFingerprint fingerprint_of(DatabaseSnapshot& snapshot, const std::stop_token& stop = {});
/// The digests of one table; fails the test if it is not there.
ManifestTable table_in(const DatabaseFingerprint& fingerprint, const std::string& name);
/// The dump of the snapshot, restored by pg_restore into `into`.
void dump_and_restore(DatabaseSnapshot& snapshot, const ErpDatabase& into);

/// Runs the statements one by one as the owner, and fails the test unless each
/// changes the fingerprint (or none does).
struct Statements {
  Statements(const char* one) : list{one} {}
  Statements(std::string one) : list{std::move(one)} {}
  Statements(std::initializer_list<std::string> several) : list(several) {}
  Statements(std::vector<std::string> several) : list(std::move(several)) {}
  std::vector<std::string> list;
};
void expect_seen(const ErpDatabase& database, const Statements& statements);
void expect_unseen(const ErpDatabase& database, const Statements& statements);

/// The Error that `body` throws; fails the test if it throws none.
Error error_of(const std::function<void()>& body);

}  // namespace dolibarr_backup
