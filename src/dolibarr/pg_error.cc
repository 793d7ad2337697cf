#include <array>

#include "base/units.h"
#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {
namespace {

struct StateHint {
  std::string_view prefix;  ///< of the SQLSTATE (PostgreSQL manual, appendix A)
  std::string_view hint;
  bool transient = false;
};

// The first row whose prefix fits counts.
constexpr std::array<StateHint, 17> kStateHints = {{
    {"28P01", "the password is wrong or has expired: check password, password_file and user_file"},
    {"28", "the role may not log in here: check the user, and pg_hba.conf on the server"},
    {"3D000", "check the database's name; psql -l lists those there are"},
    {"53300",
     "the server has no connection left: lower `connections`, raise max_connections, or "
     "give the role some of its own",
     true},
    {"53", "the server ran out of disk or memory; see its log"},
    {"57P03", "the server is starting up or shutting down; try again in a moment", true},
    {"57P01", "the server shut down, or an administrator or an expired lease ended the session",
     true},
    {"57P02", "the server crashed and restarts; see its log", true},
    {"57014", "the statement was cancelled, by a person or by a time limit of the server"},
    {"42501",
     "let the role read everything: GRANT pg_read_all_data TO <role> (PostgreSQL 14 or "
     "later), or SELECT on each table and sequence and USAGE on each schema"},
    {"55P03",
     "another session holds an exclusive lock, most likely a schema change; find it in "
     "pg_locks, or raise `lock_wait`",
     true},
    {"40001",
     "a standby cancelled the query: raise max_standby_streaming_delay, set "
     "hot_standby_feedback, or back up from the primary",
     true},
    {"40P01", "a deadlock with another session; try again", true},
    {"42P01", "the table went away while it was read, or the schema changes; try again", true},
    {"XX00", "the server found its own data damaged: keep all earlier backups, and see its log"},
    {"58", "the server could not read its files; see its log and its disk"},
    {"08", "the connection broke; see the network and the server's log", true},
}};

void add_hint(PgError& error, const std::string& message) {
  for (const StateHint& row : kStateHints) {
    if (error.sqlstate.empty() || !error.sqlstate.starts_with(row.prefix)) continue;
    error.with_hint(std::string(row.hint));
    if (row.transient) error.mark_transient();
    return;
  }
  if (!error.sqlstate.empty()) return;
  // The words after the colon may be in any language.
  if (message.find("fe_sendauth:") != std::string::npos) {
    error.with_hint(
        "the server asks for a password and none is given: set password_file, or PGPASSWORD or "
        "PGPASSFILE, or let pg_hba.conf trust another proof");
    return;
  }
  // Without SQLSTATE the failure is libpq's own: on the way to the server.
  error.mark_transient();
  if (message.find("SSL") != std::string::npos || message.find("certificate") != std::string::npos)
    error.with_hint("check sslmode and sslrootcert against the server's certificate");
  else
    error.with_hint("check host and port, and that the server runs and can be reached from here");
}

}  // namespace

PgError::PgError(std::string sqlstate_text, std::string message)
    : Error(Errc::source, std::string(trim(message))), sqlstate(std::move(sqlstate_text)) {
  add_hint(*this, message);
}

}  // namespace dolibarr_backup
