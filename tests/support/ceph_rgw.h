#pragma once

#include <memory>
#include <string>

#include "support/child_process.h"
#include "support/s3_server.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {

/// A private Ceph cluster with its S3 gateway in a temporary folder: one monitor,
/// one OSD that keeps everything in memory, radosgw. It starts in a few seconds
/// and ends with this object or this process. It needs no root. Region "default";
/// `localhost` in place of 127.0.0.1 also serves virtual-host addressing.
/// Construction throws Errc::store with the ends of the logs if it does not come up.
class CephRgw : public S3Server {
 public:
  CephRgw();
  std::string endpoint() const override;
  bool running();
  /// Ends it at once, as a machine that fails would; nothing is kept.
  void stop();

 protected:
  S3Settings access() const override;

 private:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write_configuration(int monitor_port) const;
  void make_cluster(int monitor_port) const;
  std::unique_ptr<ServerProcess> start(const std::string& program, const std::string& name) const;
  void add_osd() const;
  void make_user() const;
  void run_or_give_logs(const Command& command) const;
  std::string logs() const;

  TempDir folder_;
  std::string osd_uuid_;
  int port_ = 0;
  std::unique_ptr<ServerProcess> monitor_, osd_, gateway_;
};

}  // namespace dolibarr_backup
