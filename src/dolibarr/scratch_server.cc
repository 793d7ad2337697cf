#include "dolibarr/scratch_server.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuperuser = "postgres";
// What a dump defines runs when it is restored and read: as a role that can do nothing else.
constexpr const char* kTrialRole = "trial";
constexpr std::chrono::seconds kStartTimeout{60};
constexpr std::chrono::milliseconds kStartPoll{50};
constexpr uint64_t kOutputLimitBytes = kMiB;

std::string unprivileged_user() {
  for (const char* name : {"postgres", "nobody"})
    if (getpwnam(name)) return name;
  throw Error(Errc::source, "PostgreSQL does not run as root, and there is no user postgres");
}

}  // namespace

ScratchServer::ScratchServer(int major, const std::string& folder)
    : bin_(fmt::format("/usr/lib/postgresql/{}/bin/", major)) {
  if (::access((bin_ + "initdb").c_str(), X_OK) != 0)
    throw Error(Errc::source, fmt::format("no PostgreSQL {} server is installed here", major))
        .with_hint(
            fmt::format("a drill restores into a server of its own: install postgresql-{}", major));
  std::string name = folder + "/server-XXXXXX";
  if (!::mkdtemp(name.data()))
    throw Error(Errc::source, "cannot make a folder in '" + folder + "': " + errno_text(errno));
  folder_ = name;
  if (::geteuid() == 0) {
    user_ = unprivileged_user();
    const passwd* entry = getpwnam(user_.c_str());
    if (::chown(folder_.c_str(), entry->pw_uid, entry->pw_gid) != 0)
      throw Error(Errc::source, "cannot give away '" + folder_ + "': " + errno_text(errno));
  }
  initialize();
  start();
}

ScratchServer::~ScratchServer() {
  server_.reset();
  std::error_code error;
  fs::remove_all(folder_, error);
  if (error) log::warning("'{}' is left behind: {}", folder_, error.message());
}

// setpriv is of util-linux, which every Debian has.
std::vector<std::string> ScratchServer::as_user(std::vector<std::string> argv) const {
  std::vector<std::string> full = {"setpriv", "--pdeathsig", "KILL"};
  if (!user_.empty())
    full.insert(full.end(),
                {"--reuid=" + user_, "--regid=" + std::to_string(getpwnam(user_.c_str())->pw_gid),
                 "--clear-groups"});
  full.insert(full.end(), argv.begin(), argv.end());
  return full;
}

void ScratchServer::initialize() const {
  run_and_read(
      {.argv = as_user({bin_ + "initdb", "--pgdata=" + folder_ + "/data",
                        "--username=" + std::string(kSuperuser), "--auth=trust", "--encoding=UTF8",
                        "--locale=C.UTF-8", "--no-sync", "--no-instructions"}),
       .hidden_variables = "PG"},
      kOutputLimitBytes);
}

void ScratchServer::start() {
  server_ =
      std::make_unique<Process>(ProcessSpec{.argv = as_user({bin_ + "postgres",
                                                             "-D",
                                                             folder_ + "/data",
                                                             "-c",
                                                             "listen_addresses=",
                                                             "-c",
                                                             "unix_socket_directories=" + folder_,
                                                             "-c",
                                                             "port=5432",
                                                             "-c",
                                                             "fsync=off",
                                                             "-c",
                                                             "full_page_writes=off",
                                                             "-c",
                                                             "synchronous_commit=off",
                                                             "-c",
                                                             "autovacuum=off",
                                                             "-c",
                                                             "wal_level=minimal",
                                                             "-c",
                                                             "max_wal_senders=0",
                                                             "-c",
                                                             "maintenance_work_mem=128MB",
                                                             "-c",
                                                             "timezone=UTC"}),
                                            .hidden_variables = "PG"});
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  for (;;) {
    try {
      PgConnection(parameters_of(settings_as(kSuperuser, "postgres")))
          .query(fmt::format("CREATE ROLE {} LOGIN CREATEDB", kTrialRole));
      return;
    } catch (const Error& error) {
      if (std::chrono::steady_clock::now() > deadline)
        throw Error(Errc::source, fmt::format("the trial server does not start: {}; {}",
                                              error.what(), server_->stderr_tail()));
    }
    std::this_thread::sleep_for(kStartPoll);
  }
}

DatabaseSettings ScratchServer::settings(const std::string& database) const {
  return settings_as(kTrialRole, database);
}

DatabaseSettings ScratchServer::settings_as(const std::string& role,
                                            const std::string& database) const {
  DatabaseSettings settings;
  settings.host = folder_;
  settings.port = "5432";
  settings.name = database;
  settings.user = role;
  return settings;
}

}  // namespace dolibarr_backup
