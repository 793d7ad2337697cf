#include "dolibarr/neutralize.h"

#include <fmt/format.h>

#include "base/error.h"
#include "dolibarr/database_facts.h"
#include "dolibarr/pg_login.h"

namespace dolibarr_backup {
namespace {

struct Constant {
  std::string name, value;
};

// Rows of one table: those that `where` finds are set, or deleted; afterwards it finds none.
struct TableChange {
  const char* table;
  std::vector<std::string> columns;  // without all of them there is nothing to do
  const char* set;                   // "" deletes
  const char* where;
};

struct Step {
  std::string name, meaning;
  std::vector<Constant> set;         // in all entities, and there if it was not: absent is no
  std::vector<Constant> changed;     // where it is there: absent is off
  std::vector<std::string> emptied;  // where the name matches the regular expression
  std::vector<TableChange> changes;
};

// What opens something elsewhere, whichever module keeps it; but never the key of the legal
// log, names of LDAP's attributes, switches and texts that end alike.
constexpr const char* kSecretNames =
    "^(?!BLOCKEDLOG_|LDAP_([A-Z]+_)*FIELD_|MAIN_AGENDA_ACTIONAUTO_|MAIN_LOGEVENTS)"
    "(?!.*(_MAIL_SIGNATURE|_DISABLE_SIGNATURE|_CSRF_WITH_TOKEN|_SECURITY_TOKEN)$)"
    ".*_((EXPORT|SECURE|SERVER)?KEY|SECRET|TOKEN|PASS|PASSWORD|(ADMIN)?PW|SIGNATURE)"
    "(_(PROD|TEST|TICKET|EMAILING|[0-9]+))?$";

const std::vector<Step>& default_steps() {
  static const std::vector<Step> steps = {
      // CMailFile and CSMSFile ask these before anything else, for every kind of message.
      {.name = "mail",
       .meaning = "no mail and no SMS is sent",
       .set = {{"MAIN_DISABLE_ALL_MAILS", "1"}, {"MAIN_DISABLE_ALL_SMS", "1"}},
       // Else a crontab's mailing-send.php would mark each address as failed.
       .changes = {{"mailing", {"statut"}, "statut = 0", "statut IN (1, 2)"}}},
      // Without CRON_KEY neither the page nor the script for crontabs starts.
      {.name = "jobs",
       .meaning = "no scheduled job runs",
       .emptied = {"^CRON_KEY$"},
       .changes = {{"cronjob",
                    {"status", "processing"},
                    "status = CASE status WHEN 1 THEN 0 ELSE status END, processing = 0",
                    "status = 1 OR processing <> 0"}}},
      // Up to 17 the status of a webhook, in all versions that of a Zapier hook, is not read.
      {.name = "webhooks",
       .meaning = "no other system is told of what is done",
       .changes = {{"webhook_target",
                    {"status", "trigger_codes"},
                    "status = 0, trigger_codes = ''",
                    "status <> 0 OR trigger_codes <> ''"},
                   {"zapier_hook", {"rowid"}, "", "true"}}},
      // A list in JSON; its other drivers write to the machine's log or to a service.
      {.name = "logs",
       .meaning = "no log goes elsewhere than to a file",
       .changed = {{"SYSLOG_HANDLERS", "[\"mod_syslog_file\"]"}}},
      {.name = "collectors",
       .meaning = "no mailbox is read and emptied",
       .changes = {{"emailcollector_emailcollector",
                    {"status", "password"},
                    "status = 0, password = NULL",
                    "status <> 0 OR password IS NOT NULL"}}},
      {.name = "directory",
       .meaning = "no LDAP directory, mailing list or site is written to",
       .changed = {{"MAIN_MODULE_LDAP", "0"},
                   {"LDAP_SYNCHRO_ACTIVE", "0"},
                   {"LDAP_CONTACT_ACTIVE", "0"},
                   {"LDAP_MEMBER_ACTIVE", "0"},
                   {"LDAP_MEMBER_TYPE_ACTIVE", "0"},
                   {"MAIN_MODULE_MAILMANSPIP", "0"},
                   {"ADHERENT_USE_MAILMAN", "0"},
                   {"ADHERENT_USE_SPIP", "0"}}},
      // The trigger of Stripe changes its customers in test mode too: the keys must go.
      {.name = "payments",
       .meaning = "no money is asked for, no customer of a payment service is changed",
       .set = {{"PAYPAL_API_SANDBOX", "1"}},
       .changed = {{"STRIPE_LIVE", "0"}, {"STRIPECONNECT_LIVE", "0"}},
       .emptied = {"^STRIPE(CONNECT)?_.*_KEY$", "^PAYPAL_API_(USER|PASSWORD|SIGNATURE)$",
                   "^PAYBOX_"}},
      {.name = "invoicing",
       .meaning = "no invoice goes to a platform, a supplier or a printer",
       .changed = {{"MAIN_MODULE_EINVOICING", "0"},
                   {"EINVOICING_LIVE", "0"},
                   {"EINVOICING_DISABLE_SYNC_DOLI_TO_AP", "1"},
                   {"MAIN_MODULE_SYNCSUPPLIERWEBSERVICES", "0"},
                   {"MAIN_MODULE_PRINTING", "0"},
                   {"MAIN_MODULE_RECEIPTPRINTER", "0"},
                   {"AI_API_SERVICE", "-1"}},
       .emptied = {"^PRINTIPP_HOST$", "^TAKEPOS_PRINT_SERVER$", "^EINVOICING_.*_CLIENT_ID"}},
      // '' would break the unique index. Refreshing a copied token may void the original's.
      {.name = "keys",
       .meaning = "no program that knows a key of the original gets in, nor the copy elsewhere",
       .changed = {{"MAIN_MODULE_WEBSERVICES", "0"}},
       .changes = {{"user", {"api_key"}, "api_key = NULL", "api_key IS NOT NULL"},
                   {"oauth_token", {"rowid"}, "", "true"}}},
      {.name = "secrets",
       .meaning = "no password or key of another service is left in the settings",
       .emptied = {kSecretNames, "^FTP_SERVER_[0-9]+$", "^CLICKTODIAL_URL$", "_DSN$"},
       // Empty, these would open public pages to anybody.
       .changes =
           {{"const",
             {"name", "value"},
             "value = 'neutralized' || md5(random()::text || clock_timestamp()::text)",
             "name ~ '_SECURITY_TOKEN$' AND value <> '' AND value !~ '^neutralized[0-9a-f]+$'"},
            {"user_clicktodial", {"url"}, "url = NULL", "url <> ''"},
            {"user_clicktodial", {"login"}, "login = NULL", "login <> ''"},
            {"user_clicktodial", {"pass"}, "pass = NULL", "pass <> ''"},
            {"societe", {"webservices_key"}, "webservices_key = NULL", "webservices_key <> ''"}}},
      // What goes through Dolibarr's getURLContent() ends there, known to us or not.
      {.name = "proxy",
       .meaning = "HTTP requests end at a proxy that does not exist",
       .set = {{"MAIN_PROXY_USE", "1"},
               {"MAIN_PROXY_HOST", "127.0.0.1"},
               {"MAIN_PROXY_PORT", "9"}}},
  };
  return steps;
}

// A change, and how to ask whether anything of it is left to do: what a trigger, a rule or a
// policy of the copy did to the change itself does not tell.
struct Statement {
  std::string change, left;  // both give one number
  PgValues values;
};

// A constant of an entity of its own hides that of entity 0: all are set, and one is there.
Statement set_constant(const std::string& constants, const Constant& constant) {
  return {fmt::format("WITH changed AS (UPDATE {0} SET value = $2 WHERE name = $1 AND value "
                      "IS DISTINCT FROM $2 RETURNING 1), added AS (INSERT INTO {0} (name, "
                      "value, entity, type, visible, note) SELECT $1, $2, 0, 'chaine', 0, "
                      "'refresh' WHERE NOT EXISTS (SELECT FROM {0} WHERE name = $1 AND "
                      "entity = 0) RETURNING 1) "
                      "SELECT (SELECT count(*) FROM changed) + (SELECT count(*) FROM added)",
                      constants),
          fmt::format("SELECT (SELECT count(*) FROM {0} WHERE name = $1 AND value IS DISTINCT "
                      "FROM $2) + (NOT EXISTS (SELECT FROM {0} WHERE name = $1 AND entity = 0))"
                      "::int",
                      constants),
          {constant.name, constant.value}};
}

// `comparison` of the name: "=" or "~".
Statement change_constants(const std::string& constants, const char* comparison,
                           const Constant& constant) {
  const std::string where = fmt::format("name {} $1 AND value <> $2", comparison);
  return {fmt::format("WITH changed AS (UPDATE {} SET value = $2 WHERE {} RETURNING 1) "
                      "SELECT count(*) FROM changed",
                      constants, where),
          fmt::format("SELECT count(*) FROM {} WHERE {}", constants, where),
          {constant.name, constant.value}};
}

Statement change_rows(const std::string& table, const TableChange& change) {
  const std::string act = *change.set ? fmt::format("UPDATE {} SET {}", table, change.set)
                                      : fmt::format("DELETE FROM {}", table);
  return {fmt::format("WITH changed AS ({} WHERE {} RETURNING 1) SELECT count(*) FROM changed", act,
                      change.where),
          fmt::format("SELECT count(*) FROM {} WHERE {}", table, change.where),
          {}};
}

// What has such a name and is no table shows Dolibarr something else than what is changed.
void require_table(PgConnection& connection, const std::string& name) {
  const PgResult others = connection.query(
      "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relname = $1 AND c.relkind IN ('v', 'm', 'f') AND n.nspname !~ '^pg_'",
      {name});
  if (others.rows() > 0)
    throw Error(Errc::source, fmt::format("{} is no table: what is changed is not what is read",
                                          quote_name(others.view(0, 0), name)));
}

// In each schema: which one Dolibarr reads is a matter of its login's search_path.
std::vector<Statement> statements_of(PgConnection& connection, const std::string& prefix,
                                     const std::vector<std::string>& tables_of_constants,
                                     const Step& step) {
  std::vector<Statement> statements;
  for (const std::string& constants : tables_of_constants) {
    for (const Constant& constant : step.set)
      statements.push_back(set_constant(constants, constant));
    for (const Constant& constant : step.changed)
      statements.push_back(change_constants(constants, "=", constant));
    for (const std::string& names : step.emptied)
      statements.push_back(change_constants(constants, "~", {names, ""}));
  }
  for (const TableChange& change : step.changes) {
    require_table(connection, prefix + change.table);
    for (const FoundTable& table : find_tables(connection, prefix + change.table, change.columns))
      if (table.has_columns) statements.push_back(change_rows(table.sql_name, change));
  }
  return statements;
}

std::vector<std::string> find_constants(PgConnection& connection, const std::string& prefix) {
  std::vector<std::string> names;
  for (const FoundTable& table : find_tables(
           connection, prefix + "const", {"name", "value", "entity", "type", "visible", "note"})) {
    if (!table.has_columns)
      throw Error(Errc::source,
                  table.sql_name + " is no table of Dolibarr's: nothing can be switched off");
    names.push_back(table.sql_name);
  }
  if (names.empty())
    throw Error(Errc::source,
                fmt::format("there is no table {}const: nothing can be switched off", prefix));
  return names;
}

std::vector<Step> all_steps(const Neutralization& wanted) {
  std::vector<Step> steps = default_steps();
  steps.push_back({.name = "title",
                   .meaning = "each page says that it is a copy, on a red bar",
                   .set = {{"MAIN_APPLICATION_TITLE", wanted.title},
                           {"THEME_ELDY_TOPMENU_BACK1", "170,30,30"}}});
  return steps;
}

// A policy that hides rows is an error, not a row less. What is done is done as Dolibarr would,
// whose triggers may name tables without a schema; what is looked at is PostgreSQL's own.
enum class Names { dolibarrs, postgresqls };
void begin_as(PgConnection& connection, const std::string& owner, Names names) {
  connection.query("BEGIN");
  if (names == Names::dolibarrs) connection.query("SET LOCAL search_path TO DEFAULT");
  connection.query("SET LOCAL row_security = off");
  connection.query("SET LOCAL ROLE " + quote_name(owner));
}

// What the operator wrote is one transaction, and stays one: a setting local to it tells.
void run_own(PgConnection& connection, const std::string& owner, const OwnSql& own) {
  begin_as(connection, owner, Names::dolibarrs);
  connection.query("SET LOCAL dolibarr_backup.own_sql = 'on'");
  connection.query(own.text);
  if (connection.query("SELECT coalesce(current_setting('dolibarr_backup.own_sql', true), '')")
          .view(0, 0) != "on")
    throw Error(Errc::usage, "it ends its transaction: leave out BEGIN, COMMIT and ROLLBACK");
  connection.query("COMMIT");
}

NeutralizedStep described(const OwnSql& own) {
  return {.name = own.name, .meaning = "your own SQL is done", .changed = 0};
}

}  // namespace

std::vector<NeutralizedStep> neutralize_steps(const Neutralization& wanted) {
  std::vector<NeutralizedStep> described_steps;
  for (const Step& step : all_steps(wanted))
    described_steps.push_back({.name = step.name, .meaning = step.meaning});
  for (const OwnSql& own : wanted.own) described_steps.push_back(described(own));
  return described_steps;
}

std::vector<NeutralizedStep> neutralize(const DatabaseSettings& database, const std::string& owner,
                                        const Neutralization& wanted) {
  PgConnection connection = log_in(database);
  begin_as(connection, owner, Names::dolibarrs);
  const std::vector<std::string> constants = find_constants(connection, database.table_prefix);
  const auto number = [&](const std::string& query, const PgValues& values) {
    return static_cast<uint64_t>(connection.query(query, values).integer(0, 0));
  };
  std::vector<NeutralizedStep> done;
  std::vector<std::vector<Statement>> statements;
  for (const Step& step : all_steps(wanted))
    with_context(fmt::format("step '{}'", step.name), [&] {
      statements.push_back(statements_of(connection, database.table_prefix, constants, step));
      done.push_back({step.name, step.meaning});
      for (const Statement& one : statements.back())
        done.back().changed += number(one.change, one.values);
    });
  // A trigger may put something back as late as the commit.
  connection.query("COMMIT");
  begin_as(connection, owner, Names::postgresqls);
  for (size_t i = 0; i < done.size(); ++i)
    for (const Statement& one : statements[i])
      if (number(one.left, one.values) != 0)
        throw Error(Errc::source, fmt::format("step '{}' does not last: a trigger or rule of the "
                                              "database undoes it",
                                              done[i].name));
  connection.query("COMMIT");
  for (const OwnSql& own : wanted.own)
    with_context("'" + own.name + "'", [&] {
      run_own(connection, owner, own);
      done.push_back(described(own));
    });
  return done;
}

}  // namespace dolibarr_backup
