#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/settings.h"
#include "support/child_process.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {

/// A private PostgreSQL in a temporary folder, C.UTF-8, nothing synced: on a unix socket,
/// and on a loopback address of its own for roles that have a password. It starts in about a second
/// and ends with this object or this process. As root it runs as user postgres or nobody. Failures
/// throw Errc::source with the end of its log. One thread uses it; connections are anybody's.
///
/// Roles: `kSuperuser`, and `kOwner` (plain, CREATEDB), who owns the databases
/// made here; both log in without a password. Roles of add_password_role() need theirs.
class PostgresServer {
 public:
  static constexpr const char* kSuperuser = "postgres";
  static constexpr const char* kOwner = "dolibarr";

  /// `settings`: more of postgresql.conf, as "name=value".
  explicit PostgresServer(const std::vector<std::string>& settings = {});
  ~PostgresServer();

  /// How to reach a database as kOwner.
  DatabaseSettings settings(const std::string& database) const;
  /// The folder with the socket, for PGHOST; the port is kPort.
  std::string socket_folder() const { return folder_.string(); }
  static constexpr const char* kPort = "5432";
  /// The address (127.x.y.z) on which kPort is this server alone; nobody is trusted there.
  const std::string& address() const { return address_; }
  /// The newest installed <bin> folder, with psql, pg_dump and the others.
  static std::string bin_folder();

  /// An empty database that kOwner owns, UTF8.
  void create_database(const std::string& name);
  void drop_database(const std::string& name);
  /// A role that logs in with this password by SCRAM. It owns nothing; grant it what it needs.
  void add_password_role(const std::string& name, const std::string& password);
  /// Runs SQL by psql as `role` and returns what it printed, unaligned, tuples
  /// only. The first error stops it and throws.
  std::string run_sql(const std::string& database, const std::string& text,
                      const std::string& role = kOwner);
  /// pg_restore --no-owner of a custom-format dump, as kOwner.
  void restore(const std::string& database, const std::string& dump_path);
  /// pg_dump as SQL text, without the lines that differ from run to run.
  std::string dump_plain(const std::string& database);
  /// The same with its lines sorted: a table's rows have no order, and a restore may
  /// put them elsewhere.
  std::string dump_sorted(const std::string& database);

  /// Stops and starts it again on the same data.
  void restart();
  void stop();
  bool running() { return server_ && server_->running(); }

 private:
  void initialize();
  void start();
  std::string run_tool(const std::string& tool, const std::vector<std::string>& arguments,
                       const std::string& role, const std::string& input = "") const;

  TempDir folder_;
  std::string address_;
  std::vector<std::string> extra_settings_;
  std::string user_;
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace dolibarr_backup
