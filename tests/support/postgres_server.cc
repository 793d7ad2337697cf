#include "support/postgres_server.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

std::string sql_literal(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string sql_name(const std::string& name) {
  return '"' + name + '"';
}

// Of this process and this server alone: a process's number has 22 bits.
std::string own_loopback_address() {
  static std::atomic<int> counter{0};
  const int pid = ::getpid();
  return fmt::format("127.{}.{}.{}", 1 + pid / 65536 + 64 * (counter++ % 3), pid / 256 % 256,
                     pid % 256);
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw Error(Errc::source, "cannot write " + path.string());
}

}  // namespace

std::string PostgresServer::bin_folder() {
  int newest = 0;
  std::string folder;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const std::string name = entry.path().filename();
    int major = 0;
    std::from_chars(name.data(), name.data() + name.size(), major);
    if (major > newest && fs::exists(entry.path() / "bin/initdb")) {
      newest = major;
      folder = entry.path() / "bin";
    }
  }
  if (folder.empty())
    throw Error(Errc::source, "no PostgreSQL server below /usr/lib/postgresql")
        .with_hint("apt-get install postgresql");
  return folder;
}

PostgresServer::PostgresServer(const std::vector<std::string>& settings)
    : address_(own_loopback_address()),
      extra_settings_(settings),
      user_(unprivileged_user({"postgres", "nobody"})) {
  give_to(folder_.string(), user_);
  initialize();
  start();
  // Whoever is in this group needs a password (pg_hba.conf).
  run_sql(
      "postgres",
      "CREATE ROLE password_roles NOLOGIN; CREATE ROLE " + sql_name(kOwner) + " LOGIN CREATEDB;",
      kSuperuser);
}

PostgresServer::~PostgresServer() {
  stop();
}

void PostgresServer::initialize() {
  const std::string data = folder_ / "data";
  run_or_throw(
      {.argv = {bin_folder() + "/initdb", "--pgdata=" + data, "--username=postgres", "--auth=trust",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"},
       .user = user_});
  write_file(folder_ / "data/pg_hba.conf",
             "local all +password_roles scram-sha-256\nlocal all all trust\n"
             "host all all 127.0.0.0/8 scram-sha-256\n");
  std::string conf = "listen_addresses = '" + address_ + "'\nunix_socket_directories = '" +
                     folder_.string() + "'\nport = " + kPort +
                     "\nfsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"
                     "max_connections = 40\nshared_buffers = 32MB\npassword_encryption = "
                     "'scram-sha-256'\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n";
  for (const std::string& line : extra_settings_) conf += line + '\n';
  write_file(folder_ / "data/postgresql.auto.conf", conf);
}

void PostgresServer::start() {
  const std::string log = folder_ / "log";
  // SIGQUIT is the immediate shutdown: nothing here is worth a checkpoint.
  server_ = std::make_unique<ServerProcess>(
      Command{.argv = {bin_folder() + "/postgres", "-D", folder_ / "data"}, .user = user_}, log,
      SIGQUIT);
  const std::string where =
      "host=" + folder_.string() + " port=" + kPort + " dbname=postgres user=" + kSuperuser;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (::PQping(where.c_str()) != PQPING_OK) {
    if (!server_->running() || std::chrono::steady_clock::now() > deadline)
      throw Error(Errc::source, "the private PostgreSQL did not start:\n" + file_tail(log));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void PostgresServer::stop() {
  server_.reset();
}

std::string PostgresServer::dump_sorted(const std::string& database) {
  std::istringstream text(dump_plain(database));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(std::move(line));
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

void PostgresServer::restart() {
  stop();
  start();
}

DatabaseSettings PostgresServer::settings(const std::string& database) const {
  DatabaseSettings settings;
  settings.host = folder_.string();
  settings.port = kPort;
  settings.name = database;
  settings.user = kOwner;
  return settings;
}

void PostgresServer::create_database(const std::string& name) {
  run_sql("postgres", "CREATE DATABASE " + sql_name(name) + ";");
}

void PostgresServer::drop_database(const std::string& name) {
  run_sql("postgres", "DROP DATABASE " + sql_name(name) + " WITH (FORCE);");
}

void PostgresServer::add_password_role(const std::string& name, const std::string& password) {
  run_sql("postgres",
          "CREATE ROLE " + sql_name(name) + " LOGIN PASSWORD " + sql_literal(password) +
              " IN ROLE password_roles;",
          kSuperuser);
}

std::string PostgresServer::run_tool(const std::string& tool,
                                     const std::vector<std::string>& arguments,
                                     const std::string& role, const std::string& input) const {
  Command command{.argv = {bin_folder() + "/" + tool, "--host=" + folder_.string(),
                           std::string("--port=") + kPort, "--username=" + role, "--no-password"},
                  .environment = {{"PGOPTIONS", ""}, {"PGTZ", "UTC"}},
                  .stdin_text = input};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return run_or_throw(command);
}

std::string PostgresServer::run_sql(const std::string& database, const std::string& text,
                                    const std::string& role) {
  return run_tool("psql",
                  {"--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1",
                   "--dbname=" + database, "--file=-"},
                  role, text);
}

void PostgresServer::restore(const std::string& database, const std::string& dump_path) {
  run_tool("pg_restore", {"--no-owner", "--exit-on-error", "--dbname=" + database, dump_path},
           kOwner);
}

std::string PostgresServer::dump_plain(const std::string& database) {
  std::istringstream dump(run_tool("pg_dump", {"--dbname=" + database}, kOwner));
  std::string kept;
  for (std::string line; std::getline(dump, line);) {
    // \restrict and \unrestrict carry a random word since PostgreSQL 15.14.
    if (!line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict ")) kept += line + '\n';
  }
  return kept;
}

}  // namespace dolibarr_backup
