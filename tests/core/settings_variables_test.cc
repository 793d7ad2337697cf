#include <gmock/gmock.h>

#include "base/error.h"
#include "core/settings_input.h"

namespace dolibarr_backup {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(SettingsVariables, DefineAnEnvironment) {
  Input input(kNoFile);
  input.variables.insert({{"PGHOST", "db"},
                          {"PGPORT", "5433"},
                          {"PGUSER", "reader"},
                          {"PGPASSWORD", "s3cr3t-password"},
                          {"PGSSLMODE", "require"},
                          {"PGSSLROOTCERT", "/ca.pem"},
                          {"PGSERVICE", "erp"},
                          {"AWS_SESSION_TOKEN", "s3cr3t-session"},
                          {"AWS_CA_BUNDLE", "/s3.pem"}});
  const SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  const EnvironmentSettings& prod = result.environments.at(0);
  EXPECT_EQ(prod.name, "prod") << "the last part of PREFIX";
  EXPECT_TRUE(prod.is_protected);
  EXPECT_EQ(prod.prefix, "erp/prod");
  EXPECT_EQ(prod.store.s3.bucket, "erp-backups");
  EXPECT_EQ(prod.store.s3.ca_file, "/s3.pem");
  EXPECT_EQ(prod.store.s3.session_token.reveal(), "s3cr3t-session");
  EXPECT_EQ(prod.documents, "/var/www/documents");
  EXPECT_EQ(prod.database.name, "dolibarr");
  EXPECT_EQ(prod.database.host, "db");
  EXPECT_EQ(prod.database.port, "5433");
  EXPECT_EQ(prod.database.user, "reader");
  EXPECT_EQ(prod.database.password.reveal(), "s3cr3t-password");
  EXPECT_EQ(prod.database.sslmode, "require");
  EXPECT_EQ(prod.database.sslrootcert, "/ca.pem");
  EXPECT_EQ(prod.database.service, "erp");
  EXPECT_EQ(shown(result, "prod.documents"),
            "/var/www/documents <- environment variable DOCUMENTS");
}

TEST(SettingsVariables, SayWhereMetricsGo) {
  Input input(kProd, kKeys);
  input.variables.insert({{"DOLIBARR_BACKUP_TEXTFILE", "/metrics"},
                          {"DOLIBARR_BACKUP_PUSHGATEWAY", "http://push:9091"},
                          {"DOLIBARR_BACKUP_PUSHGATEWAY_USER", "backup"},
                          {"DOLIBARR_BACKUP_PUSHGATEWAY_PASSWORD_FILE", "/run/push"}});
  input.files["/run/push"] = "s3cr3t-push\n";
  const SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  const MetricsSettings& metrics = result.environments.at(0).metrics;
  EXPECT_EQ(metrics.textfile, "/metrics");
  EXPECT_EQ(metrics.pushgateway, "http://push:9091");
  EXPECT_EQ(metrics.pushgateway_user, "backup");
  EXPECT_EQ(metrics.pushgateway_password.reveal(), "s3cr3t-push");
  EXPECT_THAT(everything(result), Not(HasSubstr("s3cr3t-push")));
}

TEST(SettingsVariables, APushgatewaysPasswordMayStandInAFile) {
  Input input(std::string(kProd) +
                  "    metrics: {pushgateway: 'http://push:9091', pushgateway_user: backup,"
                  " pushgateway_password_file: /run/push}\n",
              kKeys);
  const SettingsResult without = input.load();
  EXPECT_THAT(lines(without.problems), IsEmpty()) << "metrics keep no backup from being made";
  EXPECT_THAT(lines(without.warnings), ElementsAre(AllOf(HasSubstr("there is no file '/run/push'"),
                                                         HasSubstr("nobody is told that way"))));
  input.files["/run/push"] = "s3cr3t-push\n";
  const SettingsResult with = input.load();
  EXPECT_THAT(lines(with.warnings), IsEmpty());
  EXPECT_EQ(with.environments.at(0).metrics.pushgateway_password.reveal(), "s3cr3t-push");
  EXPECT_THAT(everything(with), Not(HasSubstr("s3cr3t-push")));
}

TEST(SettingsVariables, APushgatewaysAddressHoldsNoLogin) {
  for (const char* wrong : {"http://backup:s3cr3t-push@push:9091", "push:9091", "ftp://push",
                            "http://push/a?b", "http://push/a b"}) {
    Input input(kProd, kKeys);
    input.variables["DOLIBARR_BACKUP_PUSHGATEWAY"] = wrong;
    const std::vector<std::string> problems = lines(input.load().problems);
    ASSERT_THAT(problems, ElementsAre(HasSubstr("without a login"))) << wrong;
    EXPECT_THAT(problems.front(), Not(HasSubstr("s3cr3t-push")));
  }
}

TEST(SettingsVariables, SayWhoIsToldOfRuns) {
  Input input(kProd, kKeys);
  input.variables.insert({{"DOLIBARR_BACKUP_PING_BACKUP", "https://ping.example/backup"},
                          {"DOLIBARR_BACKUP_PING_DRILL_FILE", "/run/drill"},
                          {"DOLIBARR_BACKUP_WEBHOOK_FILE", "/run/absent"},
                          {"DOLIBARR_BACKUP_WEBHOOK_AUTHORIZATION", "Bearer s3cr3t-hook"}});
  input.files["/run/drill"] = "https://ping.example/s3cr3t-drill\n";
  const SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty()) << "no notice keeps a backup from being made";
  EXPECT_THAT(lines(result.warnings),
              ElementsAre("environment variable DOLIBARR_BACKUP_WEBHOOK_FILE: there is no file "
                          "'/run/absent': nobody is told that way"));
  const NotifySettings& notify = result.environments.at(0).notify;
  EXPECT_EQ(notify.ping.backup.reveal(), "https://ping.example/backup");
  EXPECT_EQ(notify.ping.drill.reveal(), "https://ping.example/s3cr3t-drill");
  EXPECT_TRUE(notify.ping.verify.empty());
  EXPECT_TRUE(notify.webhook.url.empty());
  EXPECT_EQ(notify.webhook.authorization.reveal(), "Bearer s3cr3t-hook");
  EXPECT_THAT(everything(result), Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(everything(result), Not(HasSubstr("ping.example")));
}

TEST(SettingsVariables, AValueAndItsFileAreNotMixed) {
  Input input(std::string(kProd) + "    notify: {ping: {backup_file: /run/other}}\n", kKeys);
  input.variables["DOLIBARR_BACKUP_PING_BACKUP"] = "https://ping.example/backup";
  const SettingsResult result = input.load();
  EXPECT_THAT(lines(result.problems), IsEmpty());
  EXPECT_EQ(result.environments.at(0).notify.ping.backup.reveal(), "https://ping.example/backup");
}

TEST(SettingsVariables, AddressesOfNoticesHoldNoLoginAndAreNeverQuoted) {
  for (const char* wrong : {"http://backup:s3cr3t-ping@ping", "ftp://ping/s3cr3t-ping",
                            "https://ping/s3cr3t-ping?create=1", "s3cr3t-ping"}) {
    Input input(kProd, kKeys);
    input.variables["DOLIBARR_BACKUP_PING_BACKUP"] = wrong;
    const std::vector<std::string> problems = lines(input.load().problems);
    ASSERT_EQ(problems.size(), 1u) << wrong;
    EXPECT_THAT(problems.front(), Not(HasSubstr("s3cr3t-ping")));
  }
}

TEST(SettingsVariables, FlagsWin) {
  Input input(kNoFile);
  input.flags = {{"bucket", "other"}, {"prefix", "erp/sandbox"},
                 {"documents", "/d"}, {"database", "d"},
                 {"host", "h"},       {"port", "1"},
                 {"user", "u"},       {"region", "auto"}};
  input.variables.insert({{"PGHOST", "db"}, {"PGUSER_FILE", "/run/user"}, {"AWS_REGION", "x"}});
  const SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  const EnvironmentSettings& one = result.environments.at(0);
  EXPECT_EQ(one.name, "sandbox");
  EXPECT_FALSE(one.is_protected);
  EXPECT_EQ(one.store.s3.bucket, "other");
  EXPECT_EQ(one.store.s3.region, "auto");
  EXPECT_EQ(one.documents, "/d");
  EXPECT_EQ(one.database.name, "d");
  EXPECT_EQ(one.database.host, "h");
  EXPECT_EQ(one.database.port, "1");
  EXPECT_EQ(one.database.user, "u");
  EXPECT_EQ(one.database.user_file, "");
  input.flags = {{"directory", "/mnt"}};
  EXPECT_EQ(input.load().environments.at(0).store.directory, "/mnt");
  EXPECT_THAT(lines(input.load().problems), IsEmpty()) << "--directory replaces BUCKET";
  input.flags["bucket"] = "other";
  EXPECT_THAT(lines(input.load().problems), ElementsAre(HasSubstr("exclude each other")));
}

TEST(SettingsVariables, BucketMayBeAUrl) {
  Input input(kNoFile);
  input.variables["BUCKET"] = "s3://erp-backups/";
  EXPECT_EQ(input.load().environments.at(0).store.s3.bucket, "erp-backups");
  EXPECT_THAT(lines(input.load().problems), IsEmpty());
}

TEST(SettingsVariables, NameComesFromEnvOrPrefix) {
  Input input(kNoFile);
  input.environment = "staging";
  SettingsResult result = input.load();
  EXPECT_EQ(result.environments.at(0).name, "staging");
  EXPECT_THAT(lines(result.warnings),
              ElementsAre("environment variable PREFIX: ends with 'prod' but the environment is "
                          "'staging'"));
  input.variables.erase("PREFIX");
  result = input.load();
  EXPECT_EQ(result.environments.at(0).prefix, "erp/staging");
  input.environment.clear();
  result = input.load();
  EXPECT_THAT(result.environments, testing::SizeIs(0));
  EXPECT_THAT(lines(result.problems), testing::Contains(HasSubstr("of which environment?")));
  input.environment = "no/name";
  EXPECT_THAT(lines(input.load().problems), testing::Contains(HasSubstr("1 to 63 letters")));
  const SettingsResult nothing =
      Input(std::map<std::string, std::string>{{"PGHOST", "left-over"}}).load();
  EXPECT_THAT(everything(nothing), IsEmpty());
  EXPECT_THAT(nothing.environments, testing::SizeIs(0));
}

TEST(SettingsVariables, MayNameFiles) {
  Input input({{"BUCKET_FILE", "/run/bucket"},
               {"PREFIX", "erp/prod"},
               {"DB_FILE", "/run/db"},
               {"DOCUMENTS", "/d"},
               {"PGUSER_FILE", "/run/user"},
               {"PGPASSWORD_FILE", "/run/password"},
               {"AWS_ENDPOINTS_FILE", "/run/endpoint"},
               {"AWS_ACCESS_KEY_ID_FILE", "/run/id"},
               {"AWS_SECRET_ACCESS_KEY_FILE", "/run/secret"}});
  input.files = {{"/run/bucket", "erp-backups\n"},
                 {"/run/db", "dolibarr\r\n"},
                 {"/run/endpoint", "https://store.example"},
                 {"/run/id", "AKIAEXAMPLEKEY42\n"},
                 {"/run/secret", "s3cr3t-of-store\n"}};
  const SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  const EnvironmentSettings& prod = result.environments.at(0);
  EXPECT_EQ(prod.store.s3.bucket, "erp-backups");
  EXPECT_EQ(prod.store.s3.endpoint, "https://store.example");
  EXPECT_EQ(prod.store.s3.access_key_id, "AKIAEXAMPLEKEY42");
  EXPECT_EQ(prod.store.s3.secret_access_key.reveal(), "s3cr3t-of-store");
  EXPECT_EQ(prod.database.name, "dolibarr");
  EXPECT_EQ(prod.database.user_file, "/run/user");
  EXPECT_EQ(prod.database.password_file, "/run/password");
  EXPECT_THAT(input.reads, Not(testing::Contains("/run/password"))) << "read at the login";
  EXPECT_EQ(shown(result, "prod.store.bucket"),
            "erp-backups <- environment variable BUCKET_FILE (/run/bucket)");
}

TEST(SettingsVariables, TheirFilesMustBeReadable) {
  Input input(kNoFile);
  input.variables.erase("DB");
  input.variables["DB_FILE"] = "/run/missing";
  EXPECT_THAT(lines(input.load().problems),
              testing::Contains("environment variable DB_FILE: there is no file '/run/missing'"));
  input.files["/run/missing"] = "\n";
  EXPECT_THAT(lines(input.load().problems), testing::Contains(HasSubstr("is empty")));
  input.read_file = [](const std::string&) -> std::optional<std::string> {
    throw Error(Errc::config, "'/run/missing' cannot be read: Permission denied");
  };
  EXPECT_THAT(lines(input.load().problems), testing::Contains(HasSubstr("Permission denied")));
}

TEST(SettingsVariables, NameAndNameFileExcludeEachOther) {
  Input input(kNoFile);
  input.variables["AWS_SECRET_ACCESS_KEY_FILE"] = "/run/secret";
  EXPECT_THAT(lines(input.load().problems),
              testing::Contains("environment variable AWS_SECRET_ACCESS_KEY: is set and "
                                "AWS_SECRET_ACCESS_KEY_FILE too; unset one of them"));
}

TEST(SettingsVariables, MustNotLeadElsewhereThanTheFile) {
  const std::map<std::string, std::string> elsewhere = {
      {"BUCKET", "other"},
      {"PREFIX", "erp/other"},
      {"DB", "other"},
      {"DOCUMENTS", "/other"},
      {"PGHOST", "other"},
      {"PGPORT", "1"},
      {"PGUSER", "other"},
      {"PGSERVICE", "other"},
      {"PGHOSTADDR", "10.0.0.1"},
      {"PGOPTIONS", "-crole=x"},
      {"PGDATABASE", "other"},
      {"AWS_ENDPOINT_URL", "https://other.example"}};
  for (const auto& [name, value] : elsewhere) {
    Input input(kProd, kKeys);
    input.variables[name] = value;
    const SettingsResult result = input.load();
    EXPECT_THAT(lines(result.problems),
                ElementsAre(testing::StartsWith("environment variable " + name + ": ")))
        << name;
    EXPECT_EQ(result.environments.at(0).database.host, "db.internal");
  }
  Input input(kProd, kKeys);
  input.variables["PGHOST"] = "sandbox-db";
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre("environment variable PGHOST: says 'sandbox-db' but settings.yaml:6 says "
                          "'db.internal': 'prod' must not lead elsewhere than its file; unset it "
                          "or change database.host"));
  input.variables = kKeys;
  input.variables["PGPORT"] = "5432";
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre("environment variable PGPORT: says '5432' but settings.yaml gives 'prod' "
                          "no database.port; unset it or set database.port"));
}

TEST(SettingsVariables, MaySayWhatTheFileSays) {
  Input input(kProd, kKeys);
  input.variables.insert({{"BUCKET", "s3://erp-backups"},
                          {"PREFIX", "erp/prod"},
                          {"DB", "dolibarr"},
                          {"PGDATABASE", "dolibarr"},
                          {"DOCUMENTS", "/var/www/documents"},
                          {"PGHOST", "db.internal"},
                          {"PGUSER", "reader"},
                          {"AWS_ENDPOINTS", "https://store.example:443/"}});
  const SettingsResult result = input.load();
  EXPECT_THAT(lines(result.problems), IsEmpty());
  EXPECT_THAT(lines(result.warnings), IsEmpty());
}

TEST(SettingsVariables, AnEmptyOneSaysNothing) {
  Input input(kProd, kKeys);
  input.variables.insert({{"PGHOST", ""}, {"PGPORT", ""}, {"PGHOSTADDR", ""}, {"BUCKET_FILE", ""}});
  EXPECT_THAT(lines(input.load().problems), IsEmpty());
}

TEST(SettingsVariables, FlagsOverrideTheFileAndTheVariables) {
  Input input(kProd, kKeys);
  input.variables["PGHOST"] = "left-over";
  input.flags = {{"host", "chosen"}, {"directory", "/mnt"}};
  input.variables["BUCKET"] = "left-over";
  const SettingsResult result = input.load();
  EXPECT_THAT(lines(result.problems), IsEmpty());
  EXPECT_EQ(result.environments.at(0).database.host, "chosen");
  EXPECT_EQ(result.environments.at(0).store.directory, "/mnt");
  input.variables["PGHOSTADDR"] = "10.0.0.1";
  EXPECT_THAT(lines(input.load().problems), ElementsAre(HasSubstr("PGHOSTADDR")))
      << "libpq would follow it past the flag";
}

TEST(SettingsVariables, OtherOnesReplaceTheFilesWithAWarning) {
  Input input(std::string(kProd) + "      password_file: /run/password\n      sslmode: require\n",
              kKeys);
  input.variables.insert(
      {{"PGPASSWORD", "s3cr3t-password"}, {"PGSSLMODE", "verify-full"}, {"AWS_REGION", "auto"}});
  const SettingsResult result = input.load();
  EXPECT_THAT(lines(result.problems), IsEmpty());
  EXPECT_EQ(result.environments.at(0).database.password.reveal(), "s3cr3t-password");
  EXPECT_EQ(result.environments.at(0).database.password_file, "");
  EXPECT_EQ(result.environments.at(0).database.sslmode, "verify-full");
  EXPECT_THAT(lines(result.warnings),
              ElementsAre("environment variable PGPASSWORD: is used instead of "
                          "database.password_file of settings.yaml:9",
                          "environment variable PGSSLMODE: is used instead of database.sslmode of "
                          "settings.yaml:10"));
}

TEST(SettingsVariables, AServiceFileIsWorthAWarning) {
  Input input(std::string(kProd) + "      service: erp\n", kKeys);
  input.variables["PGSERVICEFILE"] = "/home/me/services";
  EXPECT_THAT(lines(input.load().warnings), ElementsAre(HasSubstr("PGSERVICEFILE")));
}

TEST(SettingsVariables, TouchOnlyTheNamedEnvironment) {
  const std::string text = R"(defaults: {store: {bucket: erp-backups}}
environments:
  prod: {documents: /a, database: {name: a, host: prod-db}}
  sandbox: {documents: /b, database: {name: b, host: sandbox-db}}
)";
  Input input(text, kKeys);
  input.environment = "sandbox";
  input.variables["PGHOST"] = "sandbox-db";
  input.flags["documents"] = "/elsewhere";
  const SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  ASSERT_EQ(result.environments.size(), 2u);
  EXPECT_EQ(result.environments[0].documents, "/a");
  EXPECT_EQ(result.environments[1].documents, "/elsewhere");
  EXPECT_TRUE(result.environments[0].store.s3.access_key_id.empty());
  EXPECT_FALSE(result.environments[1].store.s3.access_key_id.empty());
  EXPECT_THAT(everything(result), Not(HasSubstr("environments.prod.")));
  input.environment.clear();
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre("flag --documents: the file names several environments; say which one is "
                          "meant: --env NAME",
                          HasSubstr("'prod' must not lead elsewhere")));
}

TEST(SettingsVariables, TheNamedEnvironmentMustBeInTheFile) {
  Input input(kProd, kKeys);
  input.environment = "prd";
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre("flag --env: no environment 'prd' is defined in settings.yaml, which "
                          "names prod; did you mean 'prod'?"));
}

}  // namespace
}  // namespace dolibarr_backup
