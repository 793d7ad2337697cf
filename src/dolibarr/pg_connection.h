#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "core/settings.h"

struct pg_conn;
struct pg_result;

namespace dolibarr_backup {

/// What libpq or the server refused, with the server's SQLSTATE ("" if there is none).
struct PgError : Error {
  PgError(std::string sqlstate_text, std::string message);
  std::string sqlstate;
  /// The login was refused: password, role, or pg_hba.conf.
  bool login_refused() const { return sqlstate.starts_with("28"); }
};

/// What libpq is told: its option names and values, and the password apart.
struct PgParameters {
  std::map<std::string, std::string> options;
  Secret password;
};

/// From the settings; password_file and user_file are read now. Empty settings are
/// left to libpq's own rules (PG* variables, service file, .pgpass).
PgParameters parameters_of(const DatabaseSettings& settings);

/// Where `uri` leads ("postgresql://user@host:5432/name", or "host=... dbname=..."), with
/// `others`' rules for all that is not about reaching it. Errc::usage for a text that
/// libpq does not understand, without a database name, or with a password: a command line
/// is no secret.
DatabaseSettings settings_of_uri(const std::string& uri, const DatabaseSettings& others);
/// Whether a text is such a URI or connection string rather than a name.
bool is_connection_string(std::string_view text);

/// The options as one connection string for argv: without the password.
std::string connection_string(const PgParameters& parameters);

/// Rows of text that a query returned. Views live as long as the result.
class PgResult {
 public:
  explicit PgResult(pg_result* result) : result_(result) {}
  int rows() const;
  bool is_null(int row, int column) const;
  std::string_view view(int row, int column) const;
  std::string text(int row, int column) const { return std::string(view(row, column)); }
  bool boolean(int row, int column) const { return view(row, column) == "t"; }
  /// Throws Errc::bug unless the value is a whole number that fits.
  int64_t integer(int row, int column) const;

 private:
  struct Free {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Free> result_;
};

using PgValues = std::vector<std::optional<std::string>>;

/// One session of a PostgreSQL server. Not thread-safe; movable.
class PgConnection {
 public:
  /// Connects. Throws PgError with a hint that tells wrong password, no such
  /// database, no room, a server on its way up or down, and TLS apart; Errc::config
  /// if the environment would send a connection to another address than the
  /// settings' host (PGHOSTADDR).
  explicit PgConnection(const PgParameters& parameters, const std::stop_token& stop = {});

  /// Runs one statement (or, without values, several separated by ';') and returns
  /// the last one's rows. $1... are `values`. When stopped, the query is cancelled
  /// at the server and Errc::interrupted thrown.
  PgResult query(const std::string& sql, const PgValues& values = {},
                 const std::stop_token& stop = {});

  /// What reaches this very server again: the host, address and port it was found
  /// at, and all else that libpq gathered from settings, variables and files.
  PgParameters resolved() const;
  /// PQserverVersion, e.g. 150018.
  int server_version() const;
  /// "dolibarr on db.example.org:5432", for messages.
  std::string describe() const;

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  void connect(const PgParameters& parameters, const std::stop_token& stop);
  void refuse_redirection(const PgParameters& parameters) const;
  void send(const std::string& sql, const PgValues& values);
  void wait_for_answer(const std::stop_token& stop);
  void cancel();
  std::unique_ptr<pg_conn, Close> connection_;
};

/// An identifier in double quotes.
std::string quote_name(std::string_view name);
/// schema.name, both quoted.
std::string quote_name(std::string_view schema, std::string_view name);
/// A string literal; needs standard_conforming_strings=on.
std::string quote_literal(std::string_view text);

}  // namespace dolibarr_backup
