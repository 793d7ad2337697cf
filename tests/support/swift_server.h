#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/s3_server.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {

/// A private OpenStack Swift with its S3 interface (s3api, tempauth) in a temporary
/// folder: proxy, account, container and object server, memcached; one device, no
/// replicas. A second implementation of S3, and of the check of signatures. The
/// file system of the folder must have user extended attributes. It starts in a few
/// seconds and ends with this object or this process. Region "us-east-1".
/// Construction throws Errc::store with the ends of the logs if it does not come up.
class SwiftServer : public S3Server {
 public:
  SwiftServer();
  std::string endpoint() const override;
  bool running();
  /// Ends it at once; what it stored is not kept.
  void stop() { servers_.clear(); }

 protected:
  S3Settings access() const override;

 private:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write_file(const std::string& name, const std::string& text) const;
  void make_rings(const std::vector<int>& ports) const;
  void start_storage(const std::string& kind, int port);
  void start_proxy(int memcached_port);
  void start(const Command& command, const std::string& name);
  std::string logs() const;

  TempDir folder_;
  int port_ = 0;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<ServerProcess>> servers_;
};

}  // namespace dolibarr_backup
