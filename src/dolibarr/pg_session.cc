#include "dolibarr/pg_session.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace dolibarr_backup {
namespace {

struct Pin {
  std::string_view name, value;
  int since = 0;  ///< server version that knows it
};

// What pg_dump pins, and what else the text of a value depends on.
constexpr std::array<Pin, 18> kPins = {{
    {"statement_timeout", "0"},
    {"idle_in_transaction_session_timeout", "0"},
    {"transaction_timeout", "0", 170000},
    {"standard_conforming_strings", "on"},
    {"search_path", "''"},
    {"row_security", "off"},  // a policy that applies is an error, never fewer rows
    {"datestyle", "'ISO, YMD'"},
    {"intervalstyle", "'postgres'"},
    {"timezone", "'UTC'"},
    {"extra_float_digits", "3"},
    {"bytea_output", "'hex'"},
    {"lc_monetary", "'C'"},
    {"lc_numeric", "'C'"},
    {"xmlbinary", "'base64'"},
    {"quote_all_identifiers", "off"},
    {"transform_null_equals", "off"},
    {"jit", "off", 110000},
    // One core per connection: their number is a setting of ours.
    {"max_parallel_workers_per_gather", "0"},
}};

}  // namespace

void begin_pinned(PgConnection& connection, const std::string& snapshot,
                  std::chrono::milliseconds lock_wait) {
  connection.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!snapshot.empty()) connection.query("SET TRANSACTION SNAPSHOT " + quote_literal(snapshot));
  std::string pins = fmt::format("SET LOCAL lock_timeout = {}", lock_wait.count());
  for (const Pin& pin : kPins)
    if (connection.server_version() >= pin.since)
      pins += fmt::format("; SET LOCAL {} = {}", pin.name, pin.value);
  connection.query(pins);
  // A database without an encoding holds bytes that are no UTF-8: take them as they are.
  connection.query(
      "SELECT set_config('client_encoding', 'SQL_ASCII', true) "
      "WHERE getdatabaseencoding() = 'SQL_ASCII'");
}

std::string_view dumped_objects() {
  return R"(
WITH space AS (
  SELECT n.* FROM pg_catalog.pg_namespace n
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), member AS (
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
), relation AS (
  SELECT c.*, c.oid AS id, n.nspname, pg_catalog.format('%I.%I', n.nspname, c.relname) AS title
  FROM pg_catalog.pg_class c JOIN space n ON n.oid = c.relnamespace
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.objid = c.oid
                    AND m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
), routine AS (
  SELECT p.*, p.oid AS id, n.nspname
  FROM pg_catalog.pg_proc p JOIN space n ON n.oid = p.pronamespace
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.objid = p.oid
                    AND m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)
)
)";
}

}  // namespace dolibarr_backup
