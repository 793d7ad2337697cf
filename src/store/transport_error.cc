#include "store/transport_error.h"

#include <curl/curl.h>

namespace dolibarr_backup {
namespace {

struct Explanation {
  bool transient;
  const char* hint;
};

Explanation explain(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {true,
              "look at the host name in the setting 'endpoint', and whether this machine's network "
              "and its DNS work"};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {true, "look at the proxy in the environment variables https_proxy and http_proxy"};
    case CURLE_COULDNT_CONNECT:
      return {true,
              "look at the port in the setting 'endpoint', and whether a firewall or a "
              "network policy lets this machine reach it"};
    case CURLE_OPERATION_TIMEDOUT:
      return {true,
              "the network or the store is too slow or hangs; 'stall_timeout' says how long "
              "to wait"};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {false,
              "its certificate is not trusted, has expired, or names another host; if a "
              "private CA issued it, give that CA's PEM file as 'ca_file'"};
    case CURLE_SSL_CACERT_BADFILE:
      return {false, "the setting 'ca_file' must name a readable PEM file of CA certificates"};
    case CURLE_SSL_CONNECT_ERROR:
      return {true, "the TLS handshake failed; look whether the endpoint is 'https' or 'http'"};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {false, "the setting 'endpoint' must look like https://host or https://host:port"};
    default:
      return {true, "the network broke off; if this lasts, look at proxies and firewalls between"};
  }
}

}  // namespace

std::string origin_of(const std::string& url) {
  const size_t host = url.find("://");
  return url.substr(0, url.find('/', host == std::string::npos ? 0 : host + 3));
}

Error transport_error(int curl_code, const std::string& detail, const std::string& url) {
  const CURLcode code = static_cast<CURLcode>(curl_code);
  const Explanation explanation = explain(code);
  // A body shorter than announced is how a truncated object shows itself.
  const Errc errc = code == CURLE_PARTIAL_FILE ? Errc::corrupt : Errc::store;
  Error error(errc, origin_of(url) + ": " + (detail.empty() ? curl_easy_strerror(code) : detail));
  error.with_hint(explanation.hint);
  if (explanation.transient) error.mark_transient();
  return error;
}

}  // namespace dolibarr_backup
