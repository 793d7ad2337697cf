#include "kubernetes/cluster_store.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/error.h"
#include "base/units.h"
#include "core/base64.h"
#include "core/setting_values.h"
#include "core/settings_keys.h"
#include "kubernetes/kubectl.h"

namespace dolibarr_backup {
namespace {

constexpr const char* kRequestTimeout = "--request-timeout=30s";

std::string decoded(const Secret& base64, const KubernetesSettings& cluster) {
  const std::optional<std::string> text = decode_base64(base64.reveal());
  if (!text)
    throw Error(Errc::cluster, fmt::format("Secret '{}' holds no base64", cluster.store_secret));
  return std::string(trim(*text));
}

// As the settings would take it.
void put_endpoint(EnvironmentSettings& environment, const std::string& text) {
  const std::string where =
      fmt::format("AWS_ENDPOINTS of Secret '{}' ", environment.kubernetes.store_secret);
  if (const std::string complaint = find_setting_key("store.endpoint")->put(environment, text);
      !complaint.empty())
    throw Error(Errc::config, where + complaint);
  const S3Settings& s3 = environment.store.s3;
  const std::optional<Endpoint> endpoint = read_endpoint(s3.endpoint);
  if (endpoint && endpoint->scheme == "http" && !endpoint->is_loopback() && !s3.allow_http)
    throw Error(Errc::config, where + "is plain http, which would show the backups to the network")
        .with_hint("use https, or set store.allow_http: true");
}

// The PEM text of the key ca.crt; a file that has no name and that nobody else can open.
UniqueFd fetch_authority(const KubernetesSettings& cluster, const std::stop_token& stop) {
  const bool is_secret = cluster.store_ca_config_map.empty();
  const std::string name =
      is_secret ? "secret/" + cluster.store_ca_secret : "configmap/" + cluster.store_ca_config_map;
  std::string pem = Kubectl(cluster).run(
      {"get", name, R"(--output=jsonpath={.data.ca\.crt})", kRequestTimeout}, "", stop);
  if (is_secret) pem = decode_base64(pem).value_or("");
  if (pem.empty()) throw Error(Errc::config, name + " has no ca.crt");
  UniqueFd file(::memfd_create("ca.crt", MFD_CLOEXEC));
  if (!file || ::write(file.get(), pem.data(), pem.size()) != static_cast<ssize_t>(pem.size()))
    throw Error(Errc::bug, "the store's authority cannot be kept: " + errno_text(errno));
  return file;
}

}  // namespace

StoreCredentials fetch_store_credentials(const EnvironmentSettings& environment,
                                         const std::stop_token& stop) {
  const KubernetesSettings& cluster = environment.kubernetes;
  return read_store_credentials(with_context("while reading the store's credentials",
                                             [&] {
                                               return Kubectl(cluster).run(
                                                   {"get", "secret", cluster.store_secret,
                                                    "--namespace=" + cluster.store_secret_namespace,
                                                    "--output=json", kRequestTimeout},
                                                   "", stop);
                                             }),
                                environment);
}

StoreFromHere fetch_store(const EnvironmentSettings& environment, const std::stop_token& stop) {
  const KubernetesSettings& cluster = environment.kubernetes;
  const StoreCredentials credentials = fetch_store_credentials(environment, stop);
  EnvironmentSettings resolved = environment;
  S3Settings& s3 = resolved.store.s3;
  s3.access_key_id = decoded(credentials.access_key_id, cluster);
  s3.secret_access_key = Secret(decoded(credentials.secret_access_key, cluster));
  if (!credentials.endpoint.empty()) put_endpoint(resolved, decoded(credentials.endpoint, cluster));
  StoreFromHere store;
  if (!cluster.store_ca_config_map.empty() || !cluster.store_ca_secret.empty()) {
    store.authority = fetch_authority(cluster, stop);
    s3.ca_file = fmt::format("/proc/self/fd/{}", store.authority.get());
  }
  store.settings = std::move(resolved.store);
  return store;
}

}  // namespace dolibarr_backup
