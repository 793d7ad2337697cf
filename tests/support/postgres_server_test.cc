#include "support/postgres_server.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

CommandResult psql(const PostgresServer& server, const std::string& role,
                   const std::string& password) {
  return run_command({.argv = {PostgresServer::bin_folder() + "/psql", "-X", "-At", "-w", "-h",
                               server.socket_folder(), "-p", PostgresServer::kPort, "-U", role,
                               "-c", "select current_user", "erp"},
                      .environment = {{"PGPASSWORD", password}}});
}

TEST(PostgresServer, holds_databases_that_survive_a_dump_and_a_restore) {
  PostgresServer server;
  server.create_database("erp");
  server.create_database("copy");
  server.run_sql("erp", "CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'é');");
  const TempDir folder;
  run_or_throw(
      {.argv = {PostgresServer::bin_folder() + "/pg_dump", "-Fc", "-h", server.socket_folder(),
                "-U", PostgresServer::kOwner, "-f", folder / "erp.dump", "erp"}});
  server.restore("copy", folder / "erp.dump");
  EXPECT_EQ(server.run_sql("copy", "SELECT * FROM t"), "1|é\n");
  EXPECT_EQ(server.dump_plain("copy"), server.dump_plain("erp"));
}

TEST(PostgresServer, lets_a_password_role_in_by_its_password_only) {
  PostgresServer server;
  server.create_database("erp");
  server.add_password_role("reader", "it's secret");
  EXPECT_EQ(psql(server, "reader", "it's secret").output, "reader\n");
  const CommandResult refused = psql(server, "reader", "wrong");
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.errors.find("password authentication failed"), std::string::npos)
      << refused.errors;
}

TEST(PostgresServer, keeps_its_data_over_a_restart_and_is_gone_with_its_object) {
  std::string folder;
  {
    PostgresServer server;
    folder = server.socket_folder();
    server.create_database("erp");
    server.run_sql("erp", "CREATE TABLE kept ()");
    server.run_sql("postgres", "CHECKPOINT", PostgresServer::kSuperuser);
    server.restart();
    EXPECT_EQ(server.run_sql("erp", "SELECT count(*) FROM kept"), "0\n");
    server.stop();
    EXPECT_FALSE(server.running());
    EXPECT_THROW(server.run_sql("erp", "SELECT 1"), Error);
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(PostgresServer, reports_the_first_sql_error) {
  PostgresServer server;
  server.create_database("erp");
  EXPECT_THROW(server.run_sql("erp", "SELECT 1/0; SELECT 1;"), Error);
}

TEST(ServerProcess, ends_when_the_process_that_started_it_is_killed) {
  const TempDir folder;
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const ServerProcess server({.argv = {"sleep", "600"}}, folder / "log");
    const pid_t child = server.pid();
    if (::write(channel[1], &child, sizeof child) != sizeof child) ::_exit(1);
    ::raise(SIGKILL);
  }
  pid_t server = -1;
  ASSERT_EQ(::read(channel[0], &server, sizeof server), static_cast<ssize_t>(sizeof server));
  ASSERT_EQ(::waitpid(owner, nullptr, 0), owner);
  // Orphans may stay zombies where nobody reaps: what counts is that it no longer runs.
  bool ended = false;
  for (int tries = 0; tries < 500 && !ended; ++tries) {
    const std::string stat = file_tail("/proc/" + std::to_string(server) + "/stat");
    ended = stat.empty() || stat.find(") Z ") != std::string::npos;
    if (!ended) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(ended);
  ::close(channel[0]);
  ::close(channel[1]);
}

}  // namespace
}  // namespace dolibarr_backup
