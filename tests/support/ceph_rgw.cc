#include "support/ceph_rgw.h"

#include <fmt/format.h>
#include <chrono>
#include <thread>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

constexpr const char* kAccessKey = "ceph-access-key";
constexpr const char* kSecretKey = "ceph-secret-key";

std::string new_uuid() {
  std::ifstream file("/proc/sys/kernel/random/uuid");
  std::string uuid;
  if (!std::getline(file, uuid)) throw Error(Errc::store, "the kernel gives no UUID");
  return uuid;
}

// Nobody but the loopback can reach it, so there are no keys between the daemons.
// The monitor batches its decisions for a second by default: every pool would wait.
constexpr const char* kConfiguration = R"([global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor_port}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
keyring = /dev/null
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
admin socket =
pid file =
run dir = {folder}
log file =
log to stderr = true
mon cluster log file = /dev/null
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd class update on start = false
osd crush update on start = false
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 1
paxos propose interval = 0.05
paxos min wait = 0.01
mon client hunt interval = 0.3
mon client hunt interval backoff = 1
mon data = {folder}/mon
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 17179869184
[client.rgw]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dns name = localhost
)";

}  // namespace

CephRgw::CephRgw() : osd_uuid_(new_uuid()) {
  const std::vector<int> ports = reserve_ports(2);
  port_ = ports[1];
  for (const char* name : {"mon", "osd", "rgw"}) std::filesystem::create_directory(path(name));
  write_configuration(ports[0]);
  make_cluster(ports[0]);
  monitor_ = start("ceph-mon", "mon.a");
  add_osd();
  osd_ = start("ceph-osd", "osd.0");
  gateway_ = start("radosgw", "client.rgw");
  make_user();
  wait_for_http(
      endpoint(), 60, [this] { return running(); }, [this] { return logs(); });
}

void CephRgw::write_configuration(int monitor_port) const {
  std::ofstream file(path("ceph.conf"));
  file << fmt::format(fmt::runtime(kConfiguration), fmt::arg("fsid", new_uuid()),
                      fmt::arg("monitor_port", monitor_port), fmt::arg("port", port_),
                      fmt::arg("folder", folder_.string()));
  if (!file.flush()) throw Error(Errc::store, "cannot write " + path("ceph.conf"));
}

// Before the daemons are up; the OSD's part needs no monitor.
void CephRgw::make_cluster(int monitor_port) const {
  const std::string configuration = "--conf=" + path("ceph.conf");
  run_or_throw({.argv = {"monmaptool", configuration, "--create", "--addv", "a",
                         fmt::format("[v1:127.0.0.1:{}/0]", monitor_port), path("monmap")}});
  run_or_throw(
      {.argv = {"ceph-mon", configuration, "--id=a", "--mkfs", "--monmap", path("monmap")}});
  run_or_throw({.argv = {"ceph-osd", configuration, "--id=0", "--mkfs", "--no-mon-config",
                         "--monmap", path("monmap"), "--osd-uuid", osd_uuid_}});
}

std::unique_ptr<ServerProcess> CephRgw::start(const std::string& program,
                                              const std::string& name) const {
  // SIGKILL: what it would save in peace is in a folder that goes away.
  return std::make_unique<ServerProcess>(
      Command{.argv = {program, "--conf=" + path("ceph.conf"), "--name=" + name, "--foreground"}},
      path(name + ".log"), SIGKILL);
}

// An OSD that adds itself may ask before it knows the cluster's id, and give up.
void CephRgw::add_osd() const {
  run_or_give_logs({.argv = {"timeout", "60", "ceph", "--conf=" + path("ceph.conf")},
                    .stdin_text = fmt::format("osd new {} 0\n"
                                              "osd crush add osd.0 1.0 root=default host=local\n",
                                              osd_uuid_)});
}

void CephRgw::make_user() const {
  run_or_give_logs({.argv = {"timeout", "60", "radosgw-admin", "--conf=" + path("ceph.conf"),
                             "--name=client.rgw", "user", "create", "--uid=backup",
                             "--display-name=backup", std::string("--access-key=") + kAccessKey,
                             std::string("--secret-key=") + kSecretKey}});
}

// The tools would wait for ever for daemons that are not there; hence their timeout. A monitor
// that has just become the leader refuses them for a moment, before they did anything.
void CephRgw::run_or_give_logs(const Command& command) const {
  CommandResult result = run_command(command);
  for (int again = 0; again < 50 && result.status != 0 &&
                      result.errors.find("getting command descriptions") != std::string::npos;
       ++again) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    result = run_command(command);
  }
  if (result.status != 0)
    throw Error(Errc::store, fmt::format("{} failed with status {}:\n{}{}{}", command.argv.at(2),
                                         result.status, result.output, result.errors, logs()));
}

std::string CephRgw::endpoint() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

S3Settings CephRgw::access() const {
  S3Settings settings;
  settings.endpoint = endpoint();
  settings.region = "default";
  settings.access_key_id = kAccessKey;
  settings.secret_access_key = Secret(kSecretKey);
  return settings;
}

bool CephRgw::running() {
  return monitor_ && monitor_->running() && osd_->running() && gateway_->running();
}

void CephRgw::stop() {
  gateway_.reset();
  osd_.reset();
  monitor_.reset();
}

std::string CephRgw::logs() const {
  std::string text;
  for (const char* name : {"mon.a.log", "osd.0.log", "client.rgw.log"})
    text += fmt::format("-- {}\n{}", name, file_tail(path(name)));
  return text;
}

}  // namespace dolibarr_backup
