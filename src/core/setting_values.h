#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What one setting's text may be: readers return nullopt for what they cannot
/// read, checks return "" or what the text must be. Pure, but that the time zone
/// database is data of the system.
namespace dolibarr_backup {

/// A whole number without sign or blanks.
std::optional<int64_t> read_whole_number(std::string_view text);
/// "60s", "15m", "2h", "3d"; "0".
std::optional<std::chrono::seconds> read_duration(std::string_view text);
/// The shortest text that read_duration() reads back.
std::string duration_text(std::chrono::seconds duration);
/// "24MiB", "1GiB", "512KiB", "1048576B".
std::optional<uint64_t> read_size(std::string_view text);
std::string size_text(uint64_t bytes);
/// "true" or "false", "yes" or "no".
std::optional<bool> read_boolean(std::string_view text);

struct MonthDay {
  unsigned month = 12, day = 31;
};
/// "12-31"; 29 February is a day.
std::optional<MonthDay> read_month_day(std::string_view text);
std::string month_day_text(const MonthDay& date);

/// Scheme, host and port of "https://host:port", in lower case, without a slash at
/// the end; nullopt for anything else, a user name or a path included.
struct Endpoint {
  std::string scheme, host, port;  ///< port "" is the scheme's own
  std::string text() const;
  bool is_loopback() const;
};
std::optional<Endpoint> read_endpoint(std::string_view text);

/// "https://HOST:PORT/PATH", without a login, a query or a fragment.
std::string check_web_address(std::string_view text);
/// The same with a path, and a query if need be.
std::string check_webhook_address(std::string_view text);
/// "smtp://HOST:PORT" or "smtps://HOST:PORT", without a login.
std::string check_mail_server(std::string_view text);
/// Host and port of such a server.
std::optional<Endpoint> read_mail_server(std::string_view text);
/// "name@host", ASCII.
std::string check_mail_address(std::string_view text);
/// Several, with commas between.
std::string check_mail_addresses(std::string_view text);
/// They, one by one.
std::vector<std::string> mail_addresses(std::string_view text);

std::string check_plain_text(std::string_view text);
std::string check_time_zone(std::string_view text);
std::string check_absolute_path(std::string_view text);
std::string check_bucket(std::string_view text);
std::string check_prefix(std::string_view text);
std::string check_environment_name(std::string_view text);
/// libpq's programs expand a name with '=' or "://" into a whole connection.
std::string check_database_name(std::string_view text);
std::string check_database_host(std::string_view text);
/// One port for all hosts, or one for each, as libpq takes them.
std::string check_ports(std::string_view text);
std::string check_sslmode(std::string_view text);
std::string check_table_prefix(std::string_view text);
std::string check_region(std::string_view text);

/// The name of an object in a cluster (RFC 1123 subdomain).
std::string check_object_name(std::string_view text);
/// "key=value,key=value", each as a label of a cluster's object can be.
std::string check_labels(std::string_view text);
/// Taints that are borne, as `kubectl taint` writes them: "key=value:NoSchedule,key:NoExecute,key".
std::string check_tolerations(std::string_view text);
/// A cluster's quantity: 250m, 1Gi.
std::string check_quantity(std::string_view text);
/// A container image with its tag or digest.
std::string check_image(std::string_view text);
/// A relative path without "..".
std::string check_sub_path(std::string_view text);
std::string check_pull_policy(std::string_view text);

}  // namespace dolibarr_backup
