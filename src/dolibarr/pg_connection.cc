#include "dolibarr/pg_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <new>
#include <regex>
#include <sstream>

#include "base/log.h"
#include "base/stop.h"
#include "base/units.h"

namespace dolibarr_backup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kStopPollMs = 100;
constexpr seconds kConnectTimeout{30};
constexpr seconds kCancelGrace{5};  ///< for the server to answer a cancelled query

/// Waits for `events`; false if `timeout_ms` passed (-1: never).
bool wait_for_socket(int socket, short events, int timeout_ms) {
  pollfd polled = {socket, events, 0};
  for (;;) {
    const int ready = ::poll(&polled, 1, timeout_ms);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR)
      throw Error(Errc::source, "cannot wait for the database: " + errno_text(errno));
  }
}

/// libpq tells the SQLSTATE of a refused connection only inside the verbose text,
/// "FATAL:  28P01: password ...", whose words may be in any language. FATAL itself is
/// five capitals too: a SQLSTATE has a digit.
PgError connect_error(const std::string& verbose_text) {
  static const std::regex state_pattern(":\\s+(?=[A-Z]*[0-9])([0-9A-Z]{5}): ");
  static const std::regex location_pattern("\\.[ch]:[0-9]+\\s*$");
  std::string message, state;
  std::istringstream lines(verbose_text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_search(line, location_pattern)) continue;
    if (std::regex_search(line, found, state_pattern)) {
      state = found[1];
      line = found.prefix().str() + ": " + found.suffix().str();
    }
    if (!message.empty()) message += "; ";
    message += trim(line);
  }
  return {state, mask_secrets(message)};
}

PgError query_error(const PGconn* connection, const PGresult* result) {
  const char* state = result ? ::PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  const char* primary = result ? ::PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
  // A session that broke gives no fields, only libpq's words.
  if (!primary) return {state ? state : "08006", ::PQerrorMessage(connection)};
  std::string message = primary;
  if (const char* detail = ::PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL))
    message += std::string(" (") + detail + ")";
  return {state ? state : "", message};
}

void log_notice(void*, const char* message) {
  log::debug("postgres: {}", trim(message));
}

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { ::PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

Options options_of(PGconn* connection) {
  Options options(::PQconninfo(connection));
  if (!options) throw std::bad_alloc();
  return options;
}

std::string option_value(PGconn* connection, std::string_view keyword) {
  const Options options = options_of(connection);
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option)
    if (option->keyword == keyword) return option->val ? option->val : "";
  return "";
}

/// connect_timeout of whatever source libpq has it from, for each host of a list.
milliseconds connect_timeout_of(PGconn* connection) {
  const std::string text = option_value(connection, "connect_timeout");
  const std::string hosts = option_value(connection, "host");
  int configured = 0;
  std::from_chars(text.data(), text.data() + text.size(), configured);
  const seconds each = configured > 0 ? seconds(configured) : kConnectTimeout;
  return each * (1 + std::count(hosts.begin(), hosts.end(), ','));
}

/// Whether a collected option should be handed on: set, not a default, no secret.
bool worth_handing_on(const PQconninfoOption& option) {
  const std::string_view keyword = option.keyword;
  if (!option.val || !*option.val) return false;
  if (option.compiled && std::string_view(option.val) == option.compiled) return false;
  if (std::string_view(option.dispchar).starts_with('*')) return false;
  return keyword != "service" && keyword != "passfile" && keyword != "fallback_application_name";
}

}  // namespace

int PgResult::rows() const {
  return ::PQntuples(result_.get());
}

bool PgResult::is_null(int row, int column) const {
  return ::PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view PgResult::view(int row, int column) const {
  return {::PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(::PQgetlength(result_.get(), row, column))};
}

int64_t PgResult::integer(int row, int column) const {
  const std::string_view value = view(row, column);
  int64_t number = 0;
  const std::from_chars_result parsed =
      std::from_chars(value.data(), value.data() + value.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size())
    throw Error(Errc::bug, "not a whole number from the database: '" + text(row, column) + "'");
  return number;
}

void PgResult::Free::operator()(pg_result* result) const {
  ::PQclear(result);
}
void PgConnection::Close::operator()(pg_conn* connection) const {
  ::PQfinish(connection);
}

PgConnection::PgConnection(const PgParameters& parameters, const std::stop_token& stop) {
  connect(parameters, stop);
  ::PQsetErrorVerbosity(connection_.get(), PQERRORS_DEFAULT);
  ::PQsetNoticeProcessor(connection_.get(), log_notice, nullptr);
  // Else who may create functions or operators in the database has ours run his.
  query("SELECT pg_catalog.set_config('search_path', '', false)");
}

void PgConnection::connect(const PgParameters& parameters, const std::stop_token& stop) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : parameters.options) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  if (!parameters.password.empty()) {
    keywords.push_back("password");
    values.push_back(parameters.password.reveal().c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  // Step by step, because only a connection that is still to be made can be told to
  // give its errors with their SQLSTATE.
  connection_.reset(::PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!connection_) throw std::bad_alloc();
  PGconn* connection = connection_.get();
  ::PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  if (::PQstatus(connection) == CONNECTION_BAD) throw connect_error(::PQerrorMessage(connection));
  refuse_redirection(parameters);

  const steady_clock::time_point deadline = steady_clock::now() + connect_timeout_of(connection);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    throw_if_stopped(stop);
    if (state == PGRES_POLLING_FAILED) throw connect_error(::PQerrorMessage(connection));
    if (steady_clock::now() > deadline)
      throw PgError("", "no answer from the database server (" + describe() + ") in time");
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (wait_for_socket(::PQsocket(connection), events, kStopPollMs))
      state = ::PQconnectPoll(connection);
  }
}

void PgConnection::refuse_redirection(const PgParameters& parameters) const {
  if (!parameters.options.contains("host") || parameters.options.contains("hostaddr") ||
      parameters.options.contains("service"))
    return;
  const std::string address = option_value(connection_.get(), "hostaddr");
  if (address.empty()) return;
  throw Error(Errc::config, "the settings name the database host '" +
                                parameters.options.at("host") +
                                "', but the environment sends the connection to " + address)
      .with_hint("unset PGHOSTADDR and PGSERVICE");
}

PgResult PgConnection::query(const std::string& sql, const PgValues& values,
                             const std::stop_token& stop) {
  send(sql, values);
  wait_for_answer(stop);
  PGresult* last = nullptr;
  std::optional<PgError> failure;
  while (PGresult* result = ::PQgetResult(connection_.get())) {
    ::PQclear(last);
    last = result;
    const ExecStatusType status = ::PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)
      failure = query_error(connection_.get(), result);
    if (::PQstatus(connection_.get()) == CONNECTION_BAD) break;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      ::PQclear(result);
      connection_.reset();  // else libpq hands out the same state for ever
      throw PgError("0A000", "COPY from or to the client is not possible here");
    }
  }
  PgResult result(last);
  // A cancelled query answers with an error: that it was asked for comes first.
  throw_if_stopped(stop);
  if (failure) throw *failure;
  if (!last) throw query_error(connection_.get(), nullptr);
  return result;
}

void PgConnection::send(const std::string& sql, const PgValues& values) {
  int sent = 0;
  if (values.empty()) {
    sent = ::PQsendQuery(connection_.get(), sql.c_str());
  } else {
    std::vector<const char*> pointers;
    for (const std::optional<std::string>& value : values)
      pointers.push_back(value ? value->c_str() : nullptr);
    sent = ::PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                               nullptr, pointers.data(), nullptr, nullptr, 0);
  }
  if (!sent) throw query_error(connection_.get(), nullptr);
}

void PgConnection::wait_for_answer(const std::stop_token& stop) {
  std::optional<steady_clock::time_point> cancelled;
  while (::PQisBusy(connection_.get())) {
    if (!cancelled && stop.stop_requested()) {
      cancel();
      cancelled = steady_clock::now();
    }
    if (cancelled && steady_clock::now() - *cancelled > kCancelGrace) throw_if_stopped(stop);
    const int timeout_ms = stop.stop_possible() ? kStopPollMs : -1;
    if (!wait_for_socket(::PQsocket(connection_.get()), POLLIN, timeout_ms)) continue;
    if (!::PQconsumeInput(connection_.get())) throw query_error(connection_.get(), nullptr);
  }
}

void PgConnection::cancel() {
  std::unique_ptr<PGcancel, decltype(&::PQfreeCancel)> request(::PQgetCancel(connection_.get()),
                                                               &::PQfreeCancel);
  char reason[256] = "";
  if (!request || !::PQcancel(request.get(), reason, sizeof reason))
    throw Error(Errc::interrupted,
                "interrupted; the query could not be cancelled: " + std::string(trim(reason)));
}

PgParameters PgConnection::resolved() const {
  PGconn* connection = connection_.get();
  PgParameters resolved;
  const Options options = options_of(connection);
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option)
    if (worth_handing_on(*option)) resolved.options[option->keyword] = option->val;
  resolved.options["host"] = ::PQhost(connection);
  resolved.options["port"] = ::PQport(connection);
  resolved.options["dbname"] = ::PQdb(connection);
  resolved.options["user"] = ::PQuser(connection);
  // A name behind which several servers stand must not lead to another one. The
  // name stays beside the address, for the certificate.
  if (const char* address = ::PQhostaddr(connection); address && *address)
    resolved.options["hostaddr"] = address;
  if (const char* password = ::PQpass(connection); password && *password)
    resolved.password = Secret(password);
  return resolved;
}

int PgConnection::server_version() const {
  return ::PQserverVersion(connection_.get());
}

std::string PgConnection::describe() const {
  const std::string port = ::PQport(connection_.get());
  return std::string(::PQdb(connection_.get())) + " on " + ::PQhost(connection_.get()) + ":" + port;
}

std::string quote_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + '"';
}

std::string quote_name(std::string_view schema, std::string_view name) {
  return quote_name(schema) + "." + quote_name(name);
}

std::string quote_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace dolibarr_backup
