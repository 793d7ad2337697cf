#pragma once

#include <memory>
#include <string>

#include "core/settings.h"
#include "stream/process.h"

namespace dolibarr_backup {

/// A PostgreSQL server of our own in a temporary folder, for a trial restore: unix socket
/// only, nothing synced, gone with this object, and with this process however it ends. As
/// root it runs as user postgres or nobody. One thread uses it; connections are anybody's.
class ScratchServer {
 public:
  /// `major`: the server's, e.g. 15; `folder`: an existing one of ours, in which a new one is
  /// made. Throws Errc::source, with a hint, if that server is not installed or does not start.
  ScratchServer(int major, const std::string& folder);
  ~ScratchServer();
  ScratchServer(const ScratchServer&) = delete;
  ScratchServer& operator=(const ScratchServer&) = delete;

  /// How to reach a database of it, as a role that may create databases and nothing more.
  DatabaseSettings settings(const std::string& database) const;

 private:
  DatabaseSettings settings_as(const std::string& role, const std::string& database) const;
  void initialize() const;
  void start();
  std::vector<std::string> as_user(std::vector<std::string> argv) const;

  std::string bin_, folder_;
  std::string user_;  ///< "" if we are not root
  std::unique_ptr<Process> server_;
};

}  // namespace dolibarr_backup
