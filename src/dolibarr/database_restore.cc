#include "dolibarr/database_restore.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/log.h"
#include "base/stop.h"
#include "base/units.h"
#include "dolibarr/pg_connection.h"
#include "dolibarr/pg_dump_finder.h"
#include "dolibarr/pg_login.h"
#include "dolibarr/restore_mark.h"
#include "stream/digest.h"
#include "stream/process.h"
#include "stream/unlinked_file.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kMaxNameBytes = 63;  // PostgreSQL's NAMEDATALEN - 1
constexpr std::string_view kHalfDone = "_restore_";
constexpr std::string_view kKeptAside = "_before_";
constexpr size_t kBlockBytes = 256 * kKiB;
constexpr uint64_t kWorthFile = 32 * kMiB;  // below, it fits into memory
constexpr uint64_t kRoomLeft = 256 * kMiB;  // for others
constexpr std::chrono::seconds kSessionsEnd{10};
constexpr std::chrono::milliseconds kSessionsPoll{50};

// Databases are created and renamed from another one.
PgConnection maintenance(const DatabaseSettings& target) {
  DatabaseSettings elsewhere = target;
  for (const char* name : {"postgres", "template1"}) {
    if (target.name == name) continue;
    elsewhere.name = name;
    try {
      return log_in(elsewhere);
    } catch (const PgError& error) {
      if (error.sqlstate != "3D000" && error.sqlstate != "42501") throw;
      log::debug("restore: {}", error.what());
    }
  }
  throw Error(Errc::source, "no database to work from: neither 'postgres' nor 'template1'")
      .with_hint("let the role connect to the database 'postgres'");
}

// A name too long for what is added is cut between characters, with a digest of the whole: two
// that begin alike share nothing.
std::string named_after(const std::string& name, std::string_view word, const std::string& mark) {
  const size_t room = kMaxNameBytes - word.size() - mark.size();
  if (name.size() <= room) return name + std::string(word) + mark;
  constexpr size_t kDigest = 8;
  size_t kept = room - kDigest - 1;
  while (kept > 0 && (static_cast<unsigned char>(name[kept]) & 0xc0) == 0x80) --kept;
  return name.substr(0, kept) + "_" + sha256_hex(name).substr(0, kDigest) + std::string(word) +
         mark;
}

bool left_by_restore(const std::string& name, const std::string& target) {
  for (const std::string_view word : {kHalfDone, kKeptAside}) {
    const size_t at = name.rfind(word);
    if (at == std::string::npos) continue;
    const std::string mark = name.substr(at + word.size());
    if (is_restore_mark(mark) && named_after(target, word, mark) == name) return true;
  }
  return false;
}

std::string name_of_target(const DatabaseSettings& target) {
  if (!target.name.empty()) return target.name;
  const char* variable = std::getenv("PGDATABASE");
  return variable ? variable : "";
}

// A session that holds the lock on restores of the target; it is free once the session ends,
// also of a process that was killed, which the server may notice a moment later.
PgConnection lock_target(const DatabaseSettings& target) {
  PgConnection connection = maintenance(target);
  const std::string name = name_of_target(target);
  connection.query("SET lock_timeout = '2s'");
  try {
    connection.query("SELECT pg_advisory_lock(hashtext($1))",
                     {"dolibarr-backup restore of " + name});
  } catch (const PgError& error) {
    if (error.sqlstate != "55P03") throw;
    throw Error(Errc::refused, "another restore of database '" + name + "' is at work");
  }
  return connection;
}

// "" if the role may not know it.
std::string system_identifier_of(PgConnection& connection) {
  try {
    return connection.query("SELECT system_identifier FROM pg_control_system()").text(0, 0);
  } catch (const PgError& error) {
    log::debug("restore: not told: {}", error.what());
    return "";
  }
}

// Where pg_dump is, pg_restore is too.
std::string pg_restore_beside(const DatabaseSettings& settings, int server_version) {
  const char* path = std::getenv("PATH");
  const PgDumpChoice choice =
      find_pg_dump({.program = settings.pg_dump, .path = path ? path : ""}, server_version / 10000);
  return std::filesystem::path(choice.program.path).replace_filename("pg_restore");
}

class NullSink : public Sink {
 public:
  using Sink::write;
  void write(Bytes) override {}
};

}  // namespace

DatabaseTarget inspect_database_target(const DatabaseSettings& settings) {
  DatabaseTarget target;
  target.name = name_of_target(settings);
  if (target.name.empty())
    throw Error(Errc::usage, "the target database has no name").with_hint("say which one");
  PgConnection connection = maintenance(settings);
  target.server = connection.describe();
  target.server_version = connection.server_version();
  target.system_identifier = system_identifier_of(connection);
  const PgResult role = connection.query(
      "SELECT current_user, rolcreatedb OR rolsuper, rolsuper FROM pg_roles "
      "WHERE rolname = current_user");
  target.owner = role.text(0, 0);
  target.superuser = role.boolean(0, 2);
  const PgResult found = connection.query(
      "SELECT pg_get_userbyid(datdba), pg_has_role(datdba, 'MEMBER') FROM pg_database "
      "WHERE datname = $1",
      {target.name});
  if (!role.boolean(0, 1))
    throw Error(Errc::refused, fmt::format("role '{}' may not create databases on {}", target.owner,
                                           target.server))
        .with_hint(fmt::format(
            "a restore fills a new database first; as superuser: ALTER ROLE {} CREATEDB",
            quote_name(target.owner)));
  if (found.rows() == 0) return target;
  target.exists = true;
  if (!found.boolean(0, 1))
    throw Error(Errc::refused, fmt::format("role '{}' is no member of '{}', who owns database '{}'",
                                           target.owner, found.view(0, 0), target.name))
        .with_hint("restore as the owner, a member of it, or a superuser");
  target.owner = found.text(0, 0);
  target.sessions = static_cast<uint64_t>(
      connection
          .query("SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND pid <> "
                 "pg_backend_pid()",
                 {target.name})
          .integer(0, 0));
  return target;
}

bool same_database(const DatabaseSettings& a, const DatabaseSettings& b) {
  const std::string name = name_of_target(a);
  if (name != name_of_target(b)) return false;
  // Neither needs a right; a copy of a server's files was not started in the same microsecond.
  const auto server_of = [&](PgConnection& connection) {
    return connection
        .query(
            "SELECT pg_postmaster_start_time()::pg_catalog.timestamptz AT TIME ZONE 'UTC' || "
            "' ' || (SELECT oid FROM pg_database WHERE datname = $1)",
            {name})
        .text(0, 0);
  };
  try {
    PgConnection one = maintenance(a), other = maintenance(b);
    const std::string server = server_of(one);
    return !server.empty() && server == server_of(other);
  } catch (const Error& error) {
    log::warning("whether database '{}' is another one than '{}' on {} could not be asked: {}",
                 name, name, b.host.empty() ? "this machine" : b.host, error.what());
    return false;
  }
}

DatabaseRestore::DatabaseRestore(const DatabaseSettings& target, const NewDatabase& facts,
                                 const std::string& mark)
    : target_settings_(target),
      staged_(target),
      target_(inspect_database_target(target)),
      lock_(std::make_unique<PgConnection>(lock_target(target))) {
  staged_.name = named_after(target_.name, kHalfDone, mark);
  old_name_ = named_after(target_.name, kKeptAside, mark);
  with_context("while creating database '" + staged_.name + "'", [&] { create(facts); });
}

DatabaseRestore::~DatabaseRestore() {
  if (!created_) return;
  try {
    maintenance(target_settings_).query("DROP DATABASE IF EXISTS " + quote_name(staged_.name));
  } catch (const std::exception& error) {
    log::warning("database '{}' is left behind, drop it: {}", staged_.name, error.what());
  }
}

void DatabaseRestore::create(const NewDatabase& facts) {
  PgConnection connection = maintenance(target_settings_);
  NewDatabase made = facts;
  if (target_.exists) {
    const PgResult row = connection.query(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database "
        "WHERE datname = $1",
        {target_.name});
    made = {row.text(0, 0), row.text(0, 1), row.text(0, 2)};
  }
  std::string statement = fmt::format("CREATE DATABASE {} TEMPLATE template0 OWNER {}",
                                      quote_name(staged_.name), quote_name(target_.owner));
  if (!made.encoding.empty()) statement += " ENCODING " + quote_literal(made.encoding);
  if (!made.collation.empty()) statement += " LC_COLLATE " + quote_literal(made.collation);
  if (!made.ctype.empty()) statement += " LC_CTYPE " + quote_literal(made.ctype);
  connection.query(statement);
  created_ = true;
}

// A file, if there is room for one: pg_restore fills tables side by side only from there.
std::unique_ptr<UnlinkedFile> DatabaseRestore::spool(const Dump& dump,
                                                     const std::stop_token& stop) const {
  struct statvfs room {};
  if (::access(dump.work_folder.c_str(), W_OK) != 0 ||
      ::statvfs(dump.work_folder.c_str(), &room) != 0 ||
      static_cast<uint64_t>(room.f_bavail) * room.f_frsize < dump.size + kRoomLeft) {
    log::info("no room in '{}' for the dump's {}: it is read twice, and restored table by table",
              dump.work_folder, format_bytes(dump.size));
    return nullptr;
  }
  auto file = std::make_unique<UnlinkedFile>(dump.work_folder);
  pump(*dump.open(), *file, stop);
  return file;
}

// What a dump says is run: it is read to its proven end before the first of it is.
void DatabaseRestore::fill(const Dump& dump, const std::stop_token& stop) {
  std::string small;
  std::unique_ptr<UnlinkedFile> file;
  if (dump.size < kWorthFile)
    small = read_all(*dump.open(), kWorthFile);
  else
    file = spool(dump, stop);
  if (small.empty() && !file) {
    NullSink nothing;
    pump(*dump.open(), nothing, stop);
  }
  PgParameters parameters = log_in(staged_, stop).resolved();
  parameters.options.erase("client_encoding");
  ProcessSpec spec;
  spec.argv = {pg_restore_beside(target_settings_, target_.server_version),
               "--exit-on-error",
               "--no-owner",
               "--no-privileges",
               "--role=" + target_.owner,
               "--no-password",
               "--dbname=" + connection_string(parameters)};
  spec.hidden_variables = "PG";
  if (file)
    spec.argv.insert(spec.argv.end(),
                     {"--jobs=" + std::to_string(target_settings_.connections), file->path()});
  spec.pipe_stdin = !file;
  if (!parameters.password.empty()) spec.environment["PGPASSWORD"] = parameters.password.reveal();
  Process pg_restore(spec);
  std::string block(kBlockBytes, '\0');
  const MutableBytes buffer = std::as_writable_bytes(std::span(block));
  if (!file) {
    MemorySource memory{std::string_view(small)};
    const std::unique_ptr<Source> stored = small.empty() ? dump.open() : nullptr;
    Source& source = stored ? *stored : memory;
    while (const size_t got = source.read(buffer)) {
      throw_if_stopped(stop);
      pg_restore.write(buffer.first(got));
    }
  }
  pg_restore.close_stdin();
  while (pg_restore.read(buffer, stop) > 0) continue;
  const ExitStatus status = pg_restore.wait();
  if (!status.success())
    throw Error(Errc::source,
                fmt::format("pg_restore {}: {}", status.describe(), pg_restore.stderr_tail()));
}

std::optional<std::string> DatabaseRestore::exchange() {
  if (target_.exists) copy_database_settings();
  PgConnection connection = maintenance(target_settings_);
  const std::string target = quote_name(target_.name);
  if (!target_.exists) {
    connection.query(
        fmt::format("ALTER DATABASE {} RENAME TO {}", quote_name(staged_.name), target));
    created_ = false;
    return std::nullopt;
  }
  connection.query(fmt::format("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", target));
  try {
    end_sessions();
    connection.query("BEGIN");
    connection.query(fmt::format("ALTER DATABASE {} RENAME TO {}", target, quote_name(old_name_)));
    connection.query(
        fmt::format("ALTER DATABASE {} RENAME TO {}", quote_name(staged_.name), target));
    connection.query("COMMIT");
  } catch (...) {
    try {
      maintenance(target_settings_)
          .query(fmt::format("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", target));
    } catch (const std::exception& error) {
      log::error("database '{}' still refuses connections: {}", target_.name, error.what());
    }
    throw;
  }
  created_ = false;
  return old_name_;
}

void DatabaseRestore::copy_database_settings() {
  PgConnection connection = maintenance(target_settings_);
  const std::string staged = quote_name(staged_.name);
  // Values of list settings are kept quoted as SET wants them; single ones are not.
  const PgResult settings = connection.query(
      "SELECT format('ALTER %s SET %I TO %s', CASE s.setrole WHEN 0 THEN format('DATABASE %I', "
      "$2::text) ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(s.setrole), $2::text) END, "
      "split_part(c, '=', 1), CASE WHEN split_part(c, '=', 1) IN ('search_path', "
      "'DateStyle', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces') "
      "THEN substr(c, strpos(c, '=') + 1) ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END) "
      "FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, "
      "unnest(s.setconfig) c WHERE d.datname = $1",
      {target_.name, staged_.name});
  for (int row = 0; row < settings.rows(); ++row) connection.query(settings.text(row, 0));
  const PgResult grants = connection.query(
      "SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text, CASE a.grantee "
      "WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, "
      "CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) "
      "FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $1 AND a.grantee <> d.datdba",
      {target_.name, staged_.name});
  const PgResult limits = connection.query(
      "SELECT datacl IS NOT NULL, datconnlimit FROM pg_database WHERE datname = $1",
      {target_.name});
  if (limits.boolean(0, 0)) {
    connection.query("REVOKE ALL ON DATABASE " + staged + " FROM PUBLIC");
    for (int row = 0; row < grants.rows(); ++row) connection.query(grants.text(row, 0));
  }
  connection.query(
      fmt::format("ALTER DATABASE {} WITH CONNECTION LIMIT {}", staged, limits.integer(0, 1)));
}

namespace {

// One that has ended meanwhile is no error. A superuser's ends by a superuser only
// (PostgreSQL documentation, "Server Signaling Functions").
void end_session(PgConnection& connection, const PgResult& sessions, int row) {
  try {
    connection.query("SELECT pg_terminate_backend($1)", {std::string(sessions.view(row, 0))});
  } catch (const Error& error) {
    if (error.code() != Errc::source) throw;
    throw Error(Errc::refused,
                fmt::format("session {} of role '{}' cannot be ended by us: {}",
                            sessions.view(row, 0), sessions.view(row, 1), error.message()))
        .with_hint("stop what opened it (an application, a monitor, psql) and try again");
  }
}

}  // namespace

void DatabaseRestore::end_sessions() {
  PgConnection connection = maintenance(target_settings_);
  const auto deadline = std::chrono::steady_clock::now() + kSessionsEnd;
  for (;;) {
    // An autovacuum worker has no user; RENAME itself ends it.
    const PgResult left = connection.query(
        "SELECT pid, usename FROM pg_stat_activity WHERE datname IN ($1, $2) "
        "AND pid <> pg_backend_pid() AND usesysid IS NOT NULL",
        {target_.name, staged_.name});
    for (int row = 0; row < left.rows(); ++row) end_session(connection, left, row);
    if (left.rows() == 0) return;
    if (std::chrono::steady_clock::now() > deadline)
      throw Error(Errc::refused,
                  fmt::format("{} session(s) of database '{}' do not end, e.g. pid {}", left.rows(),
                              target_.name, left.view(0, 0)))
          .with_hint("stop the application and try again");
    std::this_thread::sleep_for(kSessionsPoll);
  }
}

std::vector<std::string> database_leftovers(const DatabaseSettings& target) {
  PgConnection connection = maintenance(target);
  const PgResult rows = connection.query("SELECT datname FROM pg_database ORDER BY 1");
  std::vector<std::string> names;
  for (int row = 0; row < rows.rows(); ++row)
    if (left_by_restore(rows.text(row, 0), name_of_target(target)))
      names.push_back(rows.text(row, 0));
  return names;
}

DatabaseDiscard::DatabaseDiscard(const DatabaseSettings& target)
    : lock_(std::make_unique<PgConnection>(lock_target(target))) {
  if (!inspect_database_target(target).exists)
    throw Error(Errc::refused, "database '" + name_of_target(target) +
                                   "' is not there: what is kept aside may be all that is left");
  names_ = database_leftovers(target);
}

DatabaseDiscard::~DatabaseDiscard() = default;

void DatabaseDiscard::run(std::vector<std::string>& removed) {
  for (const std::string& name : names_) {
    with_context("database '" + name + "'",
                 [&] { lock_->query("DROP DATABASE " + quote_name(name)); });
    removed.push_back(name);
  }
}

}  // namespace dolibarr_backup
