#include "core/setting_values.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>
#include <stdexcept>

#include "base/units.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

struct Unit {
  std::string_view name;
  int64_t factor;
};
// Largest last.
constexpr std::array<Unit, 4> kTimeUnits{{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
constexpr std::array<Unit, 4> kSizeUnits{{{"B", 1}, {"KiB", kKiB}, {"MiB", kMiB}, {"GiB", kGiB}}};

bool made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kDigits.find(c) != std::string_view::npos ||
           kLetters.find(c) != std::string_view::npos || others.find(c) != std::string_view::npos;
  });
}

template <size_t N>
std::optional<int64_t> read_with_unit(std::string_view text, const std::array<Unit, N>& units) {
  const size_t end = std::min(text.find_first_not_of(kDigits), text.size());
  const std::optional<int64_t> number = read_whole_number(text.substr(0, end));
  if (!number) return std::nullopt;
  if (*number == 0 && end == text.size()) return 0;
  for (const Unit& unit : units) {
    if (text.substr(end) != unit.name) continue;
    if (*number > INT64_MAX / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

template <size_t N>
std::string text_with_unit(int64_t value, const std::array<Unit, N>& units) {
  const auto unit = std::find_if(units.rbegin(), units.rend(), [&](const Unit& one) {
    return value >= one.factor && value % one.factor == 0;
  });
  if (unit == units.rend()) return fmt::format("{}{}", value, units.front().name);
  return fmt::format("{}{}", value / unit->factor, unit->name);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_port(std::string_view text) {
  const std::optional<int64_t> number = read_whole_number(text);
  return number && *number >= 1 && *number <= 65535;
}

// Splits "host:port" or "[::1]:port".
bool split_authority(std::string_view text, Endpoint& endpoint) {
  const bool bracketed = text.starts_with('[');
  const size_t host_end = bracketed ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  if (host_end == 0) return false;
  endpoint.host = lower(text.substr(0, host_end));
  const std::string_view rest = text.substr(host_end);
  const std::string_view bare = bracketed ? text.substr(1, host_end - 2) : text.substr(0, host_end);
  if (bare.empty() || !made_of(bare, bracketed ? ":." : ".-_")) return false;
  if (rest.empty()) return true;
  if (rest[0] != ':' || !is_port(rest.substr(1))) return false;
  endpoint.port = rest.substr(1);
  return true;
}

}  // namespace

std::optional<int64_t> read_whole_number(std::string_view text) {
  if (text.empty() || text.find_first_not_of(kDigits) != std::string_view::npos)
    return std::nullopt;
  int64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
    return std::nullopt;
  return number;
}

std::optional<std::chrono::seconds> read_duration(std::string_view text) {
  const std::optional<int64_t> seconds = read_with_unit(text, kTimeUnits);
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

std::string duration_text(std::chrono::seconds duration) {
  return text_with_unit(duration.count(), kTimeUnits);
}

std::optional<uint64_t> read_size(std::string_view text) {
  const std::optional<int64_t> bytes = read_with_unit(text, kSizeUnits);
  if (!bytes) return std::nullopt;
  return static_cast<uint64_t>(*bytes);
}

std::string size_text(uint64_t bytes) {
  return text_with_unit(static_cast<int64_t>(bytes), kSizeUnits);
}

std::optional<bool> read_boolean(std::string_view text) {
  if (text == "true" || text == "yes") return true;
  if (text == "false" || text == "no") return false;
  return std::nullopt;
}

std::optional<MonthDay> read_month_day(std::string_view text) {
  if (text.size() != 5 || text[2] != '-') return std::nullopt;
  const std::optional<int64_t> month = read_whole_number(text.substr(0, 2));
  const std::optional<int64_t> day = read_whole_number(text.substr(3));
  if (!month || !day) return std::nullopt;
  const MonthDay date{static_cast<unsigned>(*month), static_cast<unsigned>(*day)};
  const std::chrono::month_day checked{std::chrono::month(date.month), std::chrono::day(date.day)};
  if (!checked.ok()) return std::nullopt;
  return date;
}

std::string month_day_text(const MonthDay& date) {
  return fmt::format("{:02}-{:02}", date.month, date.day);
}

std::string Endpoint::text() const {
  return scheme + "://" + host + (port.empty() ? "" : ":" + port);
}

bool Endpoint::is_loopback() const {
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

std::optional<Endpoint> read_endpoint(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos) return std::nullopt;
  Endpoint endpoint{.scheme = lower(text.substr(0, mark)), .host = {}, .port = {}};
  if (endpoint.scheme != "https" && endpoint.scheme != "http") return std::nullopt;
  if (!split_authority(text.substr(mark + 3), endpoint)) return std::nullopt;
  if (endpoint.port == (endpoint.scheme == "https" ? "443" : "80")) endpoint.port.clear();
  return endpoint;
}

std::string check_plain_text(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  return plain ? "" : "must be one line without control characters";
}

std::string check_time_zone(std::string_view text) {
  try {
    date::locate_zone(std::string(text));
    return "";
  } catch (const std::runtime_error&) {
    return "must be a time zone such as Europe/Paris or UTC that this system knows (package "
           "tzdata)";
  }
}

std::string check_absolute_path(std::string_view text) {
  if (std::string complaint = check_plain_text(text); !complaint.empty()) return complaint;
  return text.starts_with('/') ? "" : "must be an absolute path";
}

std::string check_web_address(std::string_view text) {
  const size_t mark = text.find("://");
  const size_t path = mark == std::string_view::npos ? mark : text.find('/', mark + 3);
  const bool good = check_plain_text(text).empty() && read_endpoint(text.substr(0, path)) &&
                    text.find_first_of(" @?#") == std::string_view::npos;
  return good ? "" : "must be http://HOST:PORT or https://HOST:PORT/PATH, without a login";
}

std::string check_webhook_address(std::string_view text) {
  const std::string_view address = text.substr(0, text.find('?'));
  const bool good = check_plain_text(text).empty() && check_web_address(address).empty() &&
                    text.find_first_of(" #") == std::string_view::npos;
  return good ? "" : "must be https://HOST/PATH or http://HOST/PATH, without a login";
}

std::optional<Endpoint> read_mail_server(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos) return std::nullopt;
  Endpoint server{.scheme = std::string(text.substr(0, mark)), .host = {}, .port = {}};
  const bool known = server.scheme == "smtp" || server.scheme == "smtps";
  if (!known || !split_authority(text.substr(mark + 3), server)) return std::nullopt;
  return server;
}

std::string check_mail_server(std::string_view text) {
  return read_mail_server(text) ? "" : "must be smtp://HOST:PORT or smtps://HOST:PORT";
}

std::string check_mail_address(std::string_view text) {
  const size_t at = text.find('@');
  const std::string_view name = text.substr(0, at);
  const std::string_view host = at == std::string_view::npos ? "" : text.substr(at + 1);
  const bool good = text.size() <= 254 && !name.empty() && !host.empty() && name[0] != '-' &&
                    made_of(name, ".!#$%&'*+/=?^_`{|}~-") && made_of(host, ".-");
  return good ? "" : "must be an address such as backup@example.com";
}

std::vector<std::string> mail_addresses(std::string_view text) {
  std::vector<std::string> addresses;
  for (;;) {
    const size_t comma = std::min(text.find(','), text.size());
    addresses.emplace_back(trim(text.substr(0, comma)));
    if (comma == text.size()) return addresses;
    text.remove_prefix(comma + 1);
  }
}

std::string check_mail_addresses(std::string_view text) {
  for (const std::string& address : mail_addresses(text))
    if (!check_mail_address(address).empty())
      return "must be addresses such as anna@example.com, ben@example.com";
  return "";
}

std::string check_bucket(std::string_view text) {
  const bool good = text.size() >= 3 && text.size() <= 222 && made_of(text, ".-_");
  return good ? "" : "must be a bucket's name: 3 to 222 letters, digits, '.', '-', '_'";
}

std::string check_prefix(std::string_view text) {
  static constexpr std::string_view kRule =
      "must be names of letters, digits and . - _ + = @ joined by '/', such as erp/prod";
  std::string_view rest = text;
  while (true) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || !made_of(name, ".-_+=@"))
      return std::string(kRule);
    if (slash == rest.size()) return text.size() <= 512 ? "" : "must be 512 characters at most";
    rest.remove_prefix(slash + 1);
  }
}

std::string check_environment_name(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 63 && made_of(text, "-_") && text[0] != '-';
  return good ? "" : "must be 1 to 63 letters, digits, '-' or '_'";
}

std::string check_database_name(std::string_view text) {
  if (std::string complaint = check_plain_text(text); !complaint.empty()) return complaint;
  const bool connection =
      text.find('=') != std::string_view::npos || text.find("://") != std::string_view::npos;
  return connection ? "must be the bare name of a database, not a whole connection" : "";
}

std::string check_database_host(std::string_view text) {
  if (std::string complaint = check_plain_text(text); !complaint.empty()) return complaint;
  const bool url = text.find("://") != std::string_view::npos;
  return url ? "must be a host name, an address or a socket's folder, not a URL" : "";
}

std::string check_region(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 64 && made_of(text, "-_");
  return good ? "" : "must be letters, digits, '-' and '_', such as eu-west-3 or auto";
}

std::string check_ports(std::string_view text) {
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    if (!is_port(text.substr(0, comma))) return "must be a port from 1 to 65535";
    if (comma == text.size()) return "";
    text.remove_prefix(comma + 1);
  }
}

std::string check_sslmode(std::string_view text) {
  constexpr std::array<std::string_view, 6> kModes{"disable", "allow",     "prefer",
                                                   "require", "verify-ca", "verify-full"};
  return std::find(kModes.begin(), kModes.end(), text) != kModes.end()
             ? ""
             : "must be disable, allow, prefer, require, verify-ca or verify-full";
}

std::string check_table_prefix(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 32 && made_of(text, "_") && text == lower(text);
  return good ? "" : "must be lower-case letters, digits and '_', such as llx_";
}

std::string check_object_name(std::string_view text) {
  static const std::regex form("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  const bool good = text.size() <= 253 && std::regex_match(std::string(text), form);
  return good ? "" : "must be an object's name: lower-case letters, digits, '-' and '.'";
}

std::string check_labels(std::string_view text) {
  static const std::string name = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
  static const std::string label = "([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?" + name + "=(" + name + ")?";
  static const std::regex form(label + "(," + label + ")*");
  const bool good = text.size() <= 4096 && std::regex_match(std::string(text), form);
  return good ? "" : "must be labels such as pool=backup,kubernetes.io/arch=amd64";
}

std::string check_tolerations(std::string_view text) {
  static const std::string name = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
  static const std::string one = "([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?" + name + "(=" + name +
                                 ")?(:(NoSchedule|PreferNoSchedule|NoExecute))?";
  static const std::regex form(one + "(," + one + ")*");
  const bool good = text.size() <= 4096 && std::regex_match(std::string(text), form);
  return good ? "" : "must be taints such as pool=backup:NoSchedule,dedicated:NoExecute";
}

std::string check_quantity(std::string_view text) {
  static const std::regex form("[0-9]{1,15}(\\.[0-9]{1,9})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?");
  return std::regex_match(std::string(text), form) ? "" : "must be a quantity such as 250m or 1Gi";
}

std::string check_image(std::string_view text) {
  const bool good = text.size() <= 1024 && made_of(text, "./:@-_") &&
                    text.find_first_of(":@") != std::string_view::npos;
  return good ? "" : "must be an image with its tag or digest, such as REGISTRY/NAME:1.0";
}

std::string check_sub_path(std::string_view text) {
  const bool climbs = ("/" + std::string(text) + "/").find("/../") != std::string::npos;
  const bool good = check_plain_text(text).empty() && !text.starts_with('/') && !climbs;
  return good ? "" : "must be a path inside the volume, without '..'";
}

std::string check_pull_policy(std::string_view text) {
  const bool good = text == "IfNotPresent" || text == "Always" || text == "Never";
  return good ? "" : "must be IfNotPresent, Always or Never";
}

}  // namespace dolibarr_backup
