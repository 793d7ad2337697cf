// A sandbox filled from prod: it has prod's books and acts on nothing outside.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/program.h"
#include "core/object_keys.h"
#include "dolibarr/neutralize.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// What an instance that acts on the outside has: the tables of modules that were activated.
constexpr const char* kOutside = R"(
insert into llx_const(name, entity, value) values
  ('MAIN_DISABLE_ALL_MAILS', 1, '0'), ('MAIN_DISABLE_ALL_MAILS', 2, '0'),
  ('CRON_KEY', 0, 'dolcrypt:x'), ('LDAP_SYNCHRO_ACTIVE', 1, '1'), ('STRIPE_LIVE', 1, '1'),
  ('STRIPE_LIVE_SECRET_KEY', 1, 'sk_live_1'), ('PAYPAL_API_USER', 1, 'paypal'),
  ('MAIN_MAIL_SMTPS_PW', 1, 'dolcrypt:y'), ('FTP_PASSWORD_1', 1, 'ftp'),
  ('ACME_API_TOKEN_PROD', 1, 'of a module that nobody knows'),
  ('PAYMENT_SECURITY_TOKEN', 1, 'token of prod'), ('MAIN_SECURITY_CSRF_WITH_TOKEN', 1, '2'),
  ('MAIN_AGENDA_XCAL_EXPORTKEY', 1, 'export'), ('MAIN_MODULE_LDAP', 0, '1'), ('MAIN_MODULE_EINVOICING', 1, '1'),
  ('BLOCKEDLOG_HMAC_KEY', 0, 'dolcrypt:z'), ('LDAP_FIELD_PASSWORD', 1, 'userPassword'),
  ('SYSLOG_HANDLERS', 0, '["mod_syslog_syslog","mod_syslog_sentry"]'),
  ('SYSLOG_SENTRY_DSN', 0, 'https://k@sentry'), ('FTP_SERVER_1', 1, 'ftp.example.org'),
  ('CLICKTODIAL_URL', 1, 'https://dial'), ('EINVOICING_ACME_CLIENT_ID_PROD', 1, 'us'),
  ('ACME_SECUREKEY', 1, 'x'), ('ACME_SERVERKEY_TEST', 1, 'x'), ('LDAP_ADMIN_PASS', 1, 'x'),
  ('ACME_ADMINPW', 1, 'x'), ('ACME_WEBHOOK_SECRET_2', 1, 'x'), ('MAIN_MAIL_SMTPS_PW_TICKET', 1, 'x'),
  ('TICKET_MESSAGE_MAIL_SIGNATURE', 1, 'Regards'),
  ('MAIN_AGENDA_ACTIONAUTO_USER_NEW_PASSWORD', 1, '1'), ('MAIN_INFO_SOCIETE_NOM', 1, 'Acme')
  on conflict (name, entity) do update set value = excluded.value;
insert into llx_cronjob(label, status, processing) values
  ('reminders', 1, 1), ('archived', 2, 0), ('off', 0, 0);
insert into llx_oauth_token(service, token) values ('Google', 't');
alter table llx_user add column api_key varchar(128) unique;
update llx_user set api_key = 'key of ' || login;
create table llx_webhook_target(rowid serial primary key, status integer not null,
                                trigger_codes text not null, url varchar(255) not null);
insert into llx_webhook_target(status, trigger_codes, url) values
  (1, 'BILL_VALIDATE', 'https://example.org'), (2, 'BILL_PAYED', 'https://example.org');
create table llx_zapier_hook(rowid serial primary key, url varchar(255));
insert into llx_zapier_hook(url) values ('https://example.org');
create table llx_emailcollector_emailcollector(rowid serial primary key, status integer not null,
                                               password varchar(128));
insert into llx_emailcollector_emailcollector(status, password) values (1, 'p'), (0, 'q');
create table llx_mailing(rowid serial primary key, statut smallint default 0);
insert into llx_mailing(statut) values (0), (1), (2), (3);
create table llx_user_clicktodial(fk_user integer, url varchar(255), login varchar(32),
                                  pass varchar(64));
insert into llx_user_clicktodial values (1, 'https://dial', 'me', 'p'), (2, null, '', null);
alter table llx_societe add column webservices_key varchar(128);
update llx_societe set webservices_key = 'k';
)";

class Refresh : public testing::Test {
 protected:
  Refresh() {
    Program::server().create_database(sandbox_);
    program_.sql(kOutside);
    use("sandbox", sandbox_, program_.path("sandbox-documents"));
    EXPECT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  }
  void use(const std::string& name, const std::string& database, const std::string& documents,
           const std::string& more = "", const std::string& host = {}) {
    program_.use_store(
        fmt::format("      directory: {}\n", program_.path("store")),
        fmt::format("  {6}:\n    documents: {0}\n{7}    store:\n      directory: {1}\n"
                    "    database:\n      host: {2}\n      port: {3}\n      name: {4}\n"
                    "      user: {5}\n",
                    documents, program_.path("store"),
                    host.empty() ? Program::server().socket_folder() : host, PostgresServer::kPort,
                    database, PostgresServer::kOwner, name, more));
  }
  CommandResult refresh(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"refresh", "--from", "prod", "--into", "sandbox"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return program_.run(arguments);
  }
  std::string in_sandbox(const std::string& query) {
    return Program::server().run_sql(sandbox_, query);
  }

  Program program_;
  const std::string sandbox_ = "sandbox_of_" + program_.database();
};

TEST_F(Refresh, BringsTheBooksAndActsOnNothing) {
  const std::string before = Program::server().dump_sorted(program_.database());
  const CommandResult done = refresh();
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_THAT(done.output, HasSubstr("no mail and no SMS is sent"));
  EXPECT_THAT(done.output, HasSubstr("restored=2 of=2"));

  EXPECT_EQ(in_sandbox("select count(*) from llx_facture"),
            Program::server().run_sql(program_.database(), "select count(*) from llx_facture"));
  EXPECT_EQ(in_sandbox("select entity, value from llx_const where name = "
                       "'MAIN_DISABLE_ALL_MAILS' order by 1"),
            "0|1\n1|1\n2|1\n");
  EXPECT_EQ(in_sandbox("select name from llx_const where value <> '' and name in ('CRON_KEY', "
                       "'STRIPE_LIVE_SECRET_KEY', 'PAYPAL_API_USER', 'MAIN_MAIL_SMTPS_PW', "
                       "'FTP_PASSWORD_1', 'ACME_API_TOKEN_PROD', 'MAIN_AGENDA_XCAL_EXPORTKEY', "
                       "'SYSLOG_SENTRY_DSN', 'FTP_SERVER_1', 'CLICKTODIAL_URL', "
                       "'EINVOICING_ACME_CLIENT_ID_PROD', 'ACME_SECUREKEY', "
                       "'ACME_SERVERKEY_TEST', 'LDAP_ADMIN_PASS', 'ACME_ADMINPW', "
                       "'ACME_WEBHOOK_SECRET_2', 'MAIN_MAIL_SMTPS_PW_TICKET')"),
            "");
  EXPECT_EQ(in_sandbox("select value from llx_const where name = 'SYSLOG_HANDLERS'"),
            "[\"mod_syslog_file\"]\n");
  EXPECT_EQ(in_sandbox("select count(*) from llx_user_clicktodial where url <> '' or login <> '' "
                       "or pass <> ''"),
            "0\n");
  EXPECT_EQ(in_sandbox("select count(*) from llx_societe where webservices_key <> ''"), "0\n");
  EXPECT_EQ(in_sandbox("select value ~ '^neutralized[0-9a-f]{32}$' from llx_const where name = "
                       "'PAYMENT_SECURITY_TOKEN'"),
            "t\n")
      << "empty, it would open the public pages";
  EXPECT_EQ(in_sandbox("select value from llx_const where name = 'MAIN_SECURITY_CSRF_WITH_TOKEN'"),
            "2\n");
  EXPECT_EQ(in_sandbox("select name from llx_const where value <> '0' and name in ('STRIPE_LIVE', "
                       "'LDAP_SYNCHRO_ACTIVE', 'MAIN_MODULE_LDAP', 'MAIN_MODULE_EINVOICING')"),
            "");
  EXPECT_EQ(in_sandbox("select value from llx_const where name in ('BLOCKEDLOG_HMAC_KEY', "
                       "'LDAP_FIELD_PASSWORD', 'TICKET_MESSAGE_MAIL_SIGNATURE', "
                       "'MAIN_AGENDA_ACTIONAUTO_USER_NEW_PASSWORD', 'MAIN_INFO_SOCIETE_NOM') "
                       "order by name"),
            "dolcrypt:z\nuserPassword\n1\nAcme\nRegards\n");
  EXPECT_EQ(in_sandbox("select distinct status, processing from llx_cronjob order by 1"),
            "0|0\n2|0\n");
  EXPECT_EQ(in_sandbox("select distinct status, trigger_codes from llx_webhook_target"), "0|\n");
  EXPECT_EQ(in_sandbox("select count(*) from llx_zapier_hook"), "0\n");
  EXPECT_EQ(in_sandbox("select distinct status, password from llx_emailcollector_emailcollector"),
            "0|\n");
  EXPECT_EQ(in_sandbox("select statut, count(*) from llx_mailing group by 1 order by 1"),
            "0|3\n3|1\n");
  EXPECT_EQ(in_sandbox("select count(*) from llx_oauth_token"), "0\n");
  EXPECT_EQ(in_sandbox("select count(*) from llx_user where api_key is not null"), "0\n");
  EXPECT_EQ(in_sandbox("select value from llx_const where name = 'MAIN_APPLICATION_TITLE'"),
            "SANDBOX: copy of prod\n");
  EXPECT_TRUE(fs::exists(program_.path("sandbox-documents")));
  EXPECT_EQ(Program::server().dump_sorted(program_.database()), before) << "prod is only read";
}

TEST_F(Refresh, TheSandboxsOwnBackupsGoOn) {
  Program::server().run_sql(sandbox_,
                            "create table llx_const(name text, entity int, value text);"
                            "insert into llx_const values ('MAIN_SECURITY_SALT', 0, 'another')");
  fs::create_directories(program_.path("sandbox-documents"));
  std::ofstream(program_.path("sandbox-documents") + "/old.pdf") << "%PDF";
  const CommandResult first = program_.run({"-e", "sandbox", "backup"});
  ASSERT_EQ(first.status, 0) << first.errors;
  ASSERT_EQ(refresh().status, 0);
  const CommandResult backup = program_.run({"-e", "sandbox", "backup"});
  EXPECT_EQ(backup.status, 0) << backup.errors;
  // A second one finds the copy there, keeps it aside, and changes as much again.
  const CommandResult again = refresh({"--json"});
  EXPECT_EQ(again.status, 0) << again.errors;
  EXPECT_THAT(again.output, HasSubstr("\"neutralized\""));
  EXPECT_EQ(program_.run({"-e", "sandbox", "backup"}).status, 0);
  const std::string own = sandbox_ + "_before_migration";
  Program::server().create_database(own);
  const CommandResult discard =
      program_.run({"-e", "sandbox", "restore", "--discard-old", "--into", "sandbox"});
  EXPECT_EQ(discard.status, 0) << discard.errors;
  EXPECT_THAT(discard.output, HasSubstr("removed database " + sandbox_ + "_before_"));
  EXPECT_EQ(program_.run({"-e", "sandbox", "restore", "--discard-old", "--into", "sandbox"}).output,
            "nothing is left of earlier restores\n");
  EXPECT_EQ(Program::server().run_sql(own, "select 1"), "1\n") << "somebody's own, named alike";
}

TEST_F(Refresh, IsIdempotentAndCanBeExtended) {
  const std::string sql = program_.path("own.sql");
  std::ofstream(sql) << "update llx_user set lastname = 'Doe';\n"
                        "update llx_const set value = '0' where name = 'MAIN_DISABLE_ALL_MAILS'";
  ASSERT_EQ(refresh({"--sql", sql}).status, 0);
  EXPECT_EQ(in_sandbox("select distinct lastname from llx_user"), "Doe\n");
  EXPECT_EQ(in_sandbox("select distinct value from llx_const where name = "
                       "'MAIN_DISABLE_ALL_MAILS'"),
            "0\n")
      << "what the operator wants comes last";
  DatabaseSettings database = Program::server().settings(sandbox_);
  const Neutralization wanted{.title = "SANDBOX: copy of prod"};
  neutralize(database, PostgresServer::kOwner, wanted);
  for (const NeutralizedStep& step : neutralize(database, PostgresServer::kOwner, wanted))
    EXPECT_EQ(step.changed, 0u) << step.name;

  std::ofstream(sql) << "update llx_nowhere set x = 1";
  const CommandResult wrong = refresh({"--sql", sql});
  EXPECT_EQ(wrong.status, 4);
  EXPECT_THAT(wrong.errors, HasSubstr(sql));
  EXPECT_EQ(in_sandbox("select distinct lastname from llx_user"), "Doe\n") << "nothing replaced";
}

// Whichever schema Dolibarr's login looks into.
TEST_F(Refresh, ActsInEachSchemaThatHoldsAnInstance) {
  program_.sql(
      "create schema erp; create table erp.llx_const (like llx_const including all);"
      "insert into erp.llx_const(name, entity, value) values ('STRIPE_LIVE', 1, '1');"
      "create table erp.llx_cronjob (like llx_cronjob including all);"
      "insert into erp.llx_cronjob(label, status, processing) values ('reminders', 1, 0)");
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  ASSERT_EQ(refresh().status, 0);
  for (const std::string schema : {"public", "erp"}) {
    EXPECT_EQ(in_sandbox("select value from " + schema +
                         ".llx_const where name = 'MAIN_DISABLE_ALL_MAILS' and entity = 0"),
              "1\n");
    EXPECT_EQ(in_sandbox("select count(*) from " + schema + ".llx_cronjob where status = 1"),
              "0\n");
    EXPECT_EQ(in_sandbox("select count(*) from " + schema +
                         ".llx_const where name = 'STRIPE_LIVE' and value <> '0'"),
              "0\n");
  }
}

// Whether the sandbox's own records can be written is tried before anything is replaced.
TEST_F(Refresh, LeavesTheSandboxAloneIfItsRecordsCannotBeWritten) {
  const Instant next_year = std::chrono::floor<std::chrono::seconds>(
      std::chrono::system_clock::now() + std::chrono::days(365));
  const std::string record =
      program_.path("store") + "/" + KeySpace("erp/sandbox").run_record(RunId::make(next_year, 1));
  fs::create_directories(fs::path(record).parent_path());
  std::ofstream(record) << "{}";
  const CommandResult result = refresh({"--json"});
  EXPECT_EQ(result.status, 7);
  EXPECT_THAT(result.errors, HasSubstr("the records of 'sandbox'"));
  EXPECT_THAT(result.errors, HasSubstr("clock"));
  EXPECT_EQ(in_sandbox("select count(*) from pg_class where relname = 'llx_facture'"), "0\n");
  EXPECT_FALSE(fs::exists(program_.path("sandbox-documents")));
}

TEST_F(Refresh, NamesNoStepAsDoneThatWasNot) {
  program_.sql("drop table llx_const");
  ASSERT_EQ(program_.run({"-e", "prod", "backup", "--force"}).status, 0);
  const CommandResult result = refresh({"--json"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.errors, HasSubstr("no table llx_const"));
  EXPECT_THAT(result.output, testing::Not(HasSubstr("\"mail\"")));
}

TEST_F(Refresh, ADiscardTakesNothingOfARestoreAlong) {
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--as-of", "yesterday"}, {"--path", "x"}, {"--accept-unproven"}}) {
    std::vector<std::string> arguments = {"-e",     "sandbox", "restore",
                                          "--into", "sandbox", "--discard-old"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(program_.run(arguments).status, 2) << more.front();
  }
}

// Whatever in the copy keeps a step from being done: it is not said to be done.
TEST_F(Refresh, StopsWhereTheCopyHidesWhatIsLeft) {
  const auto fails = [&](const std::string& make, const std::string& undo, const std::string& why) {
    program_.sql(make);
    ASSERT_EQ(program_.run({"-e", "prod", "backup", "--force"}).status, 0);
    const CommandResult result = refresh();
    EXPECT_EQ(result.status, 4) << make << result.output;
    EXPECT_THAT(result.errors, HasSubstr(why)) << make;
    EXPECT_EQ(in_sandbox("select count(*) from pg_class where relname = 'llx_facture'"), "0\n");
    program_.sql(undo);
  };
  fails(
      "create function skip() returns trigger language plpgsql as $$ begin return null; end $$;"
      "create trigger skip before update on llx_cronjob for each row execute function skip()",
      "drop trigger skip on llx_cronjob", "'jobs' does not last");
  fails(
      "create function never(varchar, text) returns boolean language sql as 'select false';"
      "create operator public.~ (leftarg = varchar, rightarg = text, function = never)",
      "drop operator public.~ (varchar, text)", "'jobs' does not last");
  fails(
      "alter table llx_webhook_target rename to llx_webhook_target_hidden;"
      "create view llx_webhook_target as select * from llx_webhook_target_hidden",
      "drop view llx_webhook_target", "is no table");
}

// A server that keeps its identifier to itself is recognised all the same.
TEST_F(Refresh, KnowsAProtectedDatabaseWithoutAnyRight) {
  Program::server().run_sql("postgres",
                            "revoke execute on function pg_control_system() from public",
                            PostgresServer::kSuperuser);
  fs::create_symlink(Program::server().socket_folder(), program_.path("other-way"));
  use("sandbox", program_.database(), program_.path("x"), "", program_.path("other-way"));
  const CommandResult result = refresh();
  Program::server().run_sql("postgres", "grant execute on function pg_control_system() to public",
                            PostgresServer::kSuperuser);
  EXPECT_EQ(result.status, 7) << result.output;
  EXPECT_THAT(result.errors, HasSubstr("which is protected"));
}

// Own SQL cannot leave the transaction, and so neither undo a step in silence nor hang.
TEST_F(Refresh, RefusesOwnSqlThatLeavesItsTransaction) {
  const std::string sql = program_.path("own.sql");
  for (const char* text : {"ROLLBACK", "COMMIT", "ROLLBACK; BEGIN", "BEGIN; SELECT 1; ROLLBACK",
                           "COPY llx_const FROM STDIN", "COPY llx_const TO STDOUT"}) {
    std::ofstream(sql) << text;
    const CommandResult result = refresh({"--sql", sql});
    EXPECT_NE(result.status, 0) << text;
    EXPECT_THAT(result.errors, HasSubstr(sql)) << text;
    EXPECT_EQ(in_sandbox("select count(*) from pg_class where relname = 'llx_facture'"), "0\n");
  }
}

// Something in the copy that undoes a step is no reason to go on.
TEST_F(Refresh, StopsWhereAStepDoesNotLast) {
  program_.sql(
      "create function keep() returns trigger language plpgsql as "
      "$$ begin new.status := 1; return new; end $$;"
      "create trigger keep before update on llx_webhook_target for each row execute function "
      "keep()");
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  const CommandResult result = refresh();
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.errors, HasSubstr("'webhooks' does not last"));
  // One that waits for the commit.
  program_.sql(
      "drop trigger keep on llx_webhook_target;"
      "create function again() returns trigger language plpgsql as $$ begin "
      "update llx_const set value = '0' where name = 'MAIN_DISABLE_ALL_MAILS' and value = '1'; "
      "return null; end $$;"
      "create constraint trigger again after update on llx_const deferrable initially deferred "
      "for each row when (new.value = '1') execute function again()");
  ASSERT_EQ(program_.run({"-e", "prod", "backup"}).status, 0);
  EXPECT_THAT(refresh().errors, HasSubstr("'mail' does not last"));
  EXPECT_EQ(in_sandbox("select count(*) from pg_class where relname = 'llx_facture'"), "0\n");
}

TEST_F(Refresh, IsRefusedWhereItCouldHarm) {
  const auto refused = [&](const std::string& why) {
    const CommandResult result = refresh();
    EXPECT_EQ(result.status, 7) << result.output;
    EXPECT_THAT(result.errors, HasSubstr(why));
  };
  use("sandbox", sandbox_, program_.path("x"), "    protected: true\n");
  refused("protected");
  use("sandbox", program_.database(), program_.path("x"));
  refused("the same database");
  use("sandbox", sandbox_, program_.documents() + "/below");
  refused("the same database, or folders");
  // The same server by another name: its own identifier tells.
  fs::create_symlink(Program::server().socket_folder(), program_.path("other-way"));
  use("sandbox", program_.database(), program_.path("x"), "", program_.path("other-way"));
  refused("which is protected");
  const CommandResult beside = program_.run(
      {"-e", "prod", "restore", "--half", "db", "--into-database",
       fmt::format("postgresql://{}@/{}?host={}&port={}", PostgresServer::kOwner,
                   program_.database(), program_.path("other-way"), PostgresServer::kPort)});
  EXPECT_EQ(beside.status, 7) << beside.output;
  EXPECT_THAT(beside.errors, HasSubstr("--confirm prod"));
  EXPECT_EQ(program_.difference_after_restore(), "");
  EXPECT_EQ(program_.run({"refresh", "--from", "prod"}).status, 2);
}

// Not ours to end: it is named, and nothing is replaced.
TEST(Restore, ASessionOfASuperuserIsNamed) {
  Program program;
  ASSERT_EQ(program.run({"-e", "prod", "backup"}).status, 0);
  const std::vector<std::string> restore = {"-e",   "prod",      "restore", "--into",
                                            "prod", "--confirm", "prod"};
  {
    const ServerProcess session(
        {.argv = {PostgresServer::bin_folder() + "/psql", "--no-psqlrc", "--host",
                  Program::server().socket_folder(), "--username", PostgresServer::kSuperuser,
                  "--dbname", program.database(), "--command", "select pg_sleep(600)"}},
        program.path("session"), SIGINT);
    const std::string sessions = "select count(*) from pg_stat_activity where usename = '" +
                                 std::string(PostgresServer::kSuperuser) + "' and datname = '" +
                                 program.database() + "'";
    while (std::stoi(Program::server().run_sql("postgres", sessions, PostgresServer::kSuperuser)) ==
           0)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const CommandResult refused = program.run(restore);
    EXPECT_EQ(refused.status, 7) << refused.errors;
    EXPECT_THAT(refused.errors, AllOf(HasSubstr("of role 'postgres' cannot be ended by us"),
                                      HasSubstr("hint: stop what opened it")));
  }
  const CommandResult done = program.run(restore);
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(program.difference_after_restore(), "");
}

}  // namespace
}  // namespace dolibarr_backup
