#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "base/error.h"
#include "base/unique_fd.h"
#include "support/child_process.h"

namespace dolibarr_backup {
namespace {

bool port_is_free(int port) {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Locks the port's file for as long as this process lives; false if another holds it.
bool claim(int port) {
  const std::string path = std::filesystem::temp_directory_path() /
                           ("dolibarr-backup-port-" + std::to_string(port) + ".lock");
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return false;
  lock.release();  // kept open on purpose: the kernel drops the lock when we end
  return true;
}

}  // namespace

std::vector<int> reserve_ports(size_t count) {
  // The kernel hands out 32768 and up; what lies below is only taken on purpose.
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  std::uniform_int_distribution<int> pick(20000, 32000);
  std::vector<int> ports;
  for (int tries = 0; ports.size() < count; ++tries) {
    if (tries > 10000) throw Error(Errc::source, "no free TCP ports on 127.0.0.1");
    const int port = pick(random);
    if (claim(port) && port_is_free(port)) ports.push_back(port);
  }
  return ports;
}

}  // namespace dolibarr_backup
