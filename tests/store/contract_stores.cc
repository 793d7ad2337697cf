#include "store/contract_stores.h"

#include <fmt/format.h>

#include <atomic>
#include <random>

#include "support/ceph_rgw.h"
#include "support/gcs_server.h"
#include "support/swift_server.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

CephRgw& ceph() {
  static CephRgw server;
  return server;
}

GcsServer& gcs() {
  static GcsServer server;
  return server;
}

SwiftServer& swift() {
  static SwiftServer server;
  return server;
}

std::string fresh_name() {
  static std::atomic<int> counter{0};
  return fmt::format("contract-{}", ++counter);
}

StoreSettings fresh_directory() {
  static TempDir folder;
  StoreSettings settings;
  settings.directory = (folder / fresh_name()).string();
  return settings;
}

StoreSettings fresh_ceph_bucket() {
  StoreSettings settings;
  settings.s3 = ceph().make_bucket(fresh_name());
  return settings;
}

StoreSettings fresh_swift_bucket() {
  StoreSettings settings;
  settings.s3 = swift().make_bucket(fresh_name());
  return settings;
}

StoreSettings fresh_gcs_bucket() {
  StoreSettings settings;
  settings.s3 = gcs().make_bucket(fresh_name());
  return settings;
}

StoreSettings fresh_virtual_host_bucket() {
  StoreSettings settings = fresh_ceph_bucket();
  std::string& endpoint = settings.s3.endpoint;
  endpoint.replace(endpoint.find("127.0.0.1"), 9, "localhost");
  settings.s3.addressing = S3Settings::Addressing::virtual_host;
  return settings;
}

}  // namespace

const std::vector<StoreKind>& store_kinds() {
  static const std::vector<StoreKind> kinds = {
      {"directory", fresh_directory},
      {"ceph", fresh_ceph_bucket},
      {"ceph_virtual_host", fresh_virtual_host_bucket},
      {"swift", fresh_swift_bucket},
      {"gcs", fresh_gcs_bucket, false},
  };
  return kinds;
}

std::string random_text(size_t size, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::string text(size + 8, '\0');
  for (size_t at = 0; at < size; at += 8) {
    const uint64_t word = generator();
    text.replace(at, 8, reinterpret_cast<const char*>(&word), 8);
  }
  text.resize(size);
  return text;
}

}  // namespace dolibarr_backup
