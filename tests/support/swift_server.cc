#include "support/swift_server.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAccessKey = "backup:operator";
constexpr const char* kSecretKey = "swift-secret-key";

/// Whom the servers change to when root starts them: the one who owns the folder.
std::string own_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  if (entry == nullptr) throw Error(Errc::store, "this user has no name, which Swift needs");
  return entry->pw_name;
}

constexpr const char* kCommon = R"([DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
workers = 0
swift_dir = {folder}
)";

constexpr const char* kStorage = R"(devices = {folder}/devices
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
)";

// 10,000 parts of an upload, as S3 has them; both limits are 1,000 by default.
constexpr const char* kProxy = R"([pipeline:main]
pipeline = catch_errors gatekeeper cache bulk s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached_port}
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_backup_operator = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 16777216
[filter:dlo]
use = egg:swift#dlo
)";

// One process for three rings: the command-line tool needs nine. Run by the system's
// python3, for whose modules Debian installs Swift, whatever else PATH has.
constexpr const char* kRingScript = R"(
import sys
from swift.common.ring import RingBuilder
folder = sys.argv[1]
for kind, port in zip(("account", "container", "object"), sys.argv[2:]):
    ring = RingBuilder(2, 1, 0)
    address = {"ip": "127.0.0.1", "port": int(port)}
    address.update({"replication_" + name: value for name, value in address.items()})
    ring.add_dev({"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1, "meta": "", **address})
    ring.rebalance()
    ring.get_ring().save(f"{folder}/{kind}.ring.gz")
)";

}  // namespace

SwiftServer::SwiftServer() {
  const std::vector<int> ports = reserve_ports(5);
  port_ = ports[3];
  fs::create_directories(path("devices/d1"));
  // Its salts of hashes and its one storage policy do for a private server too.
  std::error_code error;
  fs::copy_file("/etc/swift/swift.conf", path("swift.conf"), error);
  if (error)
    throw Error(Errc::store, "no /etc/swift/swift.conf: " + error.message())
        .with_hint("apt-get install swift-proxy swift-account swift-container swift-object");
  make_rings(ports);
  start({.argv = {"memcached", "-l", "127.0.0.1", "-p", std::to_string(ports[4]), "-U", "0", "-u",
                  own_name()}},
        "memcached");
  start_storage("account", ports[0]);
  start_storage("container", ports[1]);
  start_storage("object", ports[2]);
  start_proxy(ports[4]);
  const std::string where = "http://127.0.0.1:";
  for (size_t n = 0; n < 4; ++n)
    wait_for_http(
        where + std::to_string(ports[n]), 60, [this] { return running(); },
        [this] { return logs(); });
}

void SwiftServer::write_file(const std::string& name, const std::string& text) const {
  std::ofstream file(path(name));
  file << text;
  if (!file.flush()) throw Error(Errc::store, "cannot write " + path(name));
}

void SwiftServer::make_rings(const std::vector<int>& ports) const {
  Command command{.argv = {"/usr/bin/python3", "-", folder_.string()}, .stdin_text = kRingScript};
  for (size_t n = 0; n < 3; ++n) command.argv.push_back(std::to_string(ports[n]));
  run_or_throw(command);
}

void SwiftServer::start_storage(const std::string& kind, int port) {
  const std::string text = std::string(kCommon) + kStorage;
  write_file(kind + ".conf",
             fmt::format(fmt::runtime(text), fmt::arg("port", port), fmt::arg("user", own_name()),
                         fmt::arg("folder", folder_.string()), fmt::arg("kind", kind)));
  start({.argv = {"swift-" + kind + "-server", path(kind + ".conf"), "--verbose"}}, kind);
}

void SwiftServer::start_proxy(int memcached_port) {
  const std::string text = std::string(kCommon) + kProxy;
  write_file(
      "proxy.conf",
      fmt::format(fmt::runtime(text), fmt::arg("port", port_), fmt::arg("user", own_name()),
                  fmt::arg("folder", folder_.string()), fmt::arg("memcached_port", memcached_port),
                  fmt::arg("secret", kSecretKey)));
  start({.argv = {"swift-proxy-server", path("proxy.conf"), "--verbose"}}, "proxy");
}

void SwiftServer::start(const Command& command, const std::string& name) {
  names_.push_back(name);
  servers_.push_back(std::make_unique<ServerProcess>(command, path(name + ".log"), SIGKILL));
}

std::string SwiftServer::endpoint() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

S3Settings SwiftServer::access() const {
  S3Settings settings;
  settings.endpoint = endpoint();
  settings.region = "us-east-1";
  settings.access_key_id = kAccessKey;
  settings.secret_access_key = Secret(kSecretKey);
  return settings;
}

bool SwiftServer::running() {
  return !servers_.empty() && std::all_of(servers_.begin(), servers_.end(),
                                          [](auto& server) { return server->running(); });
}

std::string SwiftServer::logs() const {
  std::string text;
  for (const std::string& name : names_)
    text += fmt::format("-- {}\n{}", name, file_tail(path(name + ".log")));
  return text;
}

}  // namespace dolibarr_backup
