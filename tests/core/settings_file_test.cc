#include <gmock/gmock.h>

#include <algorithm>

#include "base/units.h"
#include "core/setting_values.h"
#include "core/settings_input.h"

namespace dolibarr_backup {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The problems of kProd with `line` added to prod's own settings.
std::vector<std::string> problems_with(const std::string& line) {
  return lines(Input(std::string(kProd) + line, kKeys).load().problems);
}

TEST(SettingsFile, FillsAnEnvironmentWithItsDefaults) {
  const SettingsResult result = Input(kProd, kKeys).load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  ASSERT_EQ(result.environments.size(), 1u);
  const EnvironmentSettings& prod = result.environments[0];
  EXPECT_EQ(prod.name, "prod");
  EXPECT_EQ(prod.prefix, "erp/prod");
  EXPECT_TRUE(prod.is_protected);
  EXPECT_EQ(prod.documents, "/var/www/documents");
  EXPECT_EQ(prod.store.s3.bucket, "erp-backups");
  EXPECT_EQ(prod.store.s3.endpoint, "https://store.example");
  EXPECT_EQ(prod.store.s3.region, "auto");
  EXPECT_EQ(prod.store.s3.access_key_id, "AKIAEXAMPLEKEY42");
  EXPECT_EQ(prod.store.s3.secret_access_key.reveal(), "s3cr3t-of-store");
  EXPECT_EQ(prod.database.host, "db.internal");
  EXPECT_EQ(prod.retention, RetentionPolicy{});
  EXPECT_EQ(shown(result, "prod.database.host"), "db.internal <- settings.yaml:6");
  EXPECT_EQ(shown(result, "prod.prefix"), "erp/prod <- default");
  EXPECT_EQ(shown(result, "prod.store.access_key_id"),
            "***EY42 <- environment variable AWS_ACCESS_KEY_ID");
}

TEST(SettingsFile, ReadsEverySetting) {
  const SettingsResult result = Input(R"(environments:
  sandbox:
    prefix: erp/test
    protected: true
    documents: /srv/documents
    php_time_zone: Europe/Paris
    conf_key_location: a safe
    time_zone: Europe/Paris
    max_unchanged_days: 7
    pair_attempts: 5
    settle_timeout: 2m
    max_prune_percent: 20
    orphan_grace: 4d
    uploads_older_than: 12h
    max_age: 90m
    proof_max_age: 20d
    metrics:
      textfile: /var/lib/metrics
      pushgateway: https://push.example:9091/base/
      pushgateway_user: backup
      pushgateway_password: s3cr3t-push
    notify:
      ca_file: /etc/notify-ca.pem
      ping:
        backup: https://ping.example/backup
        prune: https://ping.example/prune
        verify: https://ping.example/verify
        drill: https://ping.example/drill
      webhook: {url: "https://hook.example/a?b=c", authorization: Bearer s3cr3t-hook, when: always}
      mail:
        server: smtps://mail.example:465
        user: backup
        password: s3cr3t-mail
        from: backup@example.com
        to: anna@example.com, ben@example.com
        when: always
        allow_plaintext: true
    workers: 3
    upload_memory: 1GiB
    retention: {days: 3, months: 2, years: 1, fiscal_year_end: "06-30"}
    store:
      bucket: erp-backups
      endpoint: http://store.example:9000/
      region: eu-west-3
      addressing: virtual-host
      ca_file: /etc/ca.pem
      allow_http: true
      access_key_id: AKIAEXAMPLEKEY42
      secret_access_key: s3cr3t-of-store
      session_token: s3cr3t-session
      stall_timeout: 90s
      retries: 2
    database:
      host: /run/postgresql
      port: 5433
      name: dolibarr
      user_file: /run/db/user
      password_file: /run/db/password
      sslmode: verify-full
      sslrootcert: system
      service: erp
      table_prefix: doli_
      fingerprint: tms
      connections: 4
      lock_wait: 5s
      pg_dump: /usr/bin/pg_dump
)",
                                      {})
                                    .load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  const EnvironmentSettings& one = result.environments.at(0);
  EXPECT_EQ(one.prefix, "erp/test");
  EXPECT_TRUE(one.is_protected);
  EXPECT_EQ(one.php_time_zone, "Europe/Paris");
  EXPECT_EQ(one.conf_key_location, "a safe");
  EXPECT_EQ(one.time_zone, "Europe/Paris");
  EXPECT_EQ(one.max_unchanged_days, 7);
  EXPECT_EQ(one.pair_attempts, 5);
  EXPECT_EQ(one.settle_timeout, std::chrono::minutes(2));
  EXPECT_EQ(one.max_prune_percent, 20);
  EXPECT_EQ(one.orphan_grace, std::chrono::hours(96));
  EXPECT_EQ(one.uploads_older_than, std::chrono::hours(12));
  EXPECT_EQ(one.max_age, std::chrono::minutes(90));
  EXPECT_EQ(one.proof_max_age, std::chrono::hours(20 * 24));
  EXPECT_EQ(one.metrics.textfile, "/var/lib/metrics");
  EXPECT_EQ(one.metrics.pushgateway, "https://push.example:9091/base");
  EXPECT_EQ(one.metrics.pushgateway_user, "backup");
  EXPECT_EQ(one.metrics.pushgateway_password.reveal(), "s3cr3t-push");
  const NotifySettings& notify = one.notify;
  EXPECT_EQ(notify.ca_file, "/etc/notify-ca.pem");
  EXPECT_EQ(notify.ping.backup.reveal(), "https://ping.example/backup");
  EXPECT_EQ(notify.ping.prune.reveal(), "https://ping.example/prune");
  EXPECT_EQ(notify.ping.verify.reveal(), "https://ping.example/verify");
  EXPECT_EQ(notify.ping.drill.reveal(), "https://ping.example/drill");
  EXPECT_EQ(notify.webhook.url.reveal(), "https://hook.example/a?b=c");
  EXPECT_EQ(notify.webhook.authorization.reveal(), "Bearer s3cr3t-hook");
  EXPECT_EQ(notify.webhook.when, NoticeWhen::always);
  EXPECT_EQ(notify.mail.server, "smtps://mail.example:465");
  EXPECT_EQ(notify.mail.user, "backup");
  EXPECT_EQ(notify.mail.password.reveal(), "s3cr3t-mail");
  EXPECT_EQ(notify.mail.from, "backup@example.com");
  EXPECT_EQ(notify.mail.to, "anna@example.com, ben@example.com");
  EXPECT_EQ(notify.mail.when, NoticeWhen::always);
  EXPECT_TRUE(notify.mail.allow_plaintext);
  EXPECT_EQ(one.workers, 3u);
  EXPECT_EQ(one.upload_memory_bytes, kGiB);
  EXPECT_EQ(one.retention, (RetentionPolicy{3, 2, 1, 6, 30}));
  const S3Settings& s3 = one.store.s3;
  EXPECT_EQ(s3.endpoint, "http://store.example:9000");
  EXPECT_EQ(s3.addressing, S3Settings::Addressing::virtual_host);
  EXPECT_EQ(s3.ca_file, "/etc/ca.pem");
  EXPECT_TRUE(s3.allow_http);
  EXPECT_EQ(s3.session_token.reveal(), "s3cr3t-session");
  EXPECT_EQ(one.store.stall_timeout, std::chrono::seconds(90));
  EXPECT_EQ(one.store.retries, 2);
  const DatabaseSettings& database = one.database;
  EXPECT_EQ(database.port, "5433");
  EXPECT_EQ(database.user_file, "/run/db/user");
  EXPECT_EQ(database.password_file, "/run/db/password");
  EXPECT_EQ(database.sslmode, "verify-full");
  EXPECT_EQ(database.sslrootcert, "system");
  EXPECT_EQ(database.service, "erp");
  EXPECT_EQ(database.table_prefix, "doli_");
  EXPECT_EQ(database.fingerprint, DatabaseSettings::FingerprintMode::tms);
  EXPECT_EQ(database.connections, 4u);
  EXPECT_EQ(database.lock_wait, std::chrono::seconds(5));
  EXPECT_EQ(database.pg_dump, "/usr/bin/pg_dump");
}

TEST(SettingsFile, InheritsFromDefaultsAndFromTheTop) {
  const SettingsResult result = Input(R"(time_zone: Europe/Paris
defaults:
  store: {bucket: erp-backups, profile: main, credentials_file: /etc/keys}
  database: {name: dolibarr, user: reader}
  documents: /srv/documents
environments:
  prod:
    time_zone: Europe/Berlin
    database: {user_file: /run/user}
  sandbox:
    store: {directory: /mnt/backups}
)",
                                      {})
                                    .load();
  ASSERT_EQ(result.environments.size(), 2u);
  const EnvironmentSettings& prod = result.environments[0];
  const EnvironmentSettings& sandbox = result.environments[1];
  EXPECT_EQ(prod.time_zone, "Europe/Berlin");
  EXPECT_EQ(sandbox.time_zone, "Europe/Paris");
  EXPECT_EQ(sandbox.database.name, "dolibarr");
  EXPECT_EQ(prod.database.user, "") << "its own user_file replaces what it inherits";
  EXPECT_EQ(sandbox.store.directory, "/mnt/backups");
  EXPECT_EQ(sandbox.store.s3.bucket, "") << "its own directory replaces the bucket";
  EXPECT_FALSE(sandbox.is_protected);
  EXPECT_EQ(shown(result, "sandbox.time_zone"), "Europe/Paris <- settings.yaml:1");
  EXPECT_THAT(lines(result.problems), ElementsAre("settings.yaml:3: there is no file '/etc/keys'"))
      << "of prod; sandbox needs no credentials";
}

TEST(SettingsFile, NamesUnknownSettingsWithTheLikelyOne) {
  EXPECT_THAT(problems_with("      passwrod: hunter2hunter2\n    storr: {}\n    qqqqqqqq: 1\n"),
              ElementsAre("settings.yaml:9: unknown setting 'passwrod' in 'database'; did you "
                          "mean 'password'?",
                          "settings.yaml:10: unknown setting 'storr' in 'prod'; did you mean "
                          "'store'?",
                          "settings.yaml:11: unknown setting 'qqqqqqqq' in 'prod'"));
  EXPECT_THAT(problems_with("enviroments: {}\n"),
              ElementsAre(HasSubstr("did you mean 'environments'?")));
  EXPECT_THAT(problems_with("    database.port: 5432\n"),
              ElementsAre(HasSubstr("unknown setting 'database.port'")));
}

TEST(SettingsFile, RefusesWhatStandsTwice) {
  EXPECT_THAT(problems_with("      host: other\n"),
              ElementsAre("settings.yaml:9: 'host' stands twice in 'database'; first at "
                          "settings.yaml:6"));
  EXPECT_THAT(problems_with("  prod:\n    documents: /srv\n"),
              ElementsAre(HasSubstr("'prod' stands twice in 'environments'")));
  EXPECT_THAT(problems_with("defaults: {time_zone: UTC}\ntime_zone: Europe/Paris\n"),
              ElementsAre("settings.yaml:9: time_zone is given both here and at settings.yaml:10"));
}

TEST(SettingsFile, RefusesOtherShapes) {
  const auto problems = [](const std::string& text) {
    return lines(Input(text, kKeys).load().problems);
  };
  EXPECT_THAT(problems(""), ElementsAre(HasSubstr("names no environment")));
  EXPECT_THAT(problems("# only a comment\n"), ElementsAre(HasSubstr("names no environment")));
  EXPECT_THAT(problems("- a\n- b\n"), ElementsAre(HasSubstr("must hold 'name: value' lines")));
  EXPECT_THAT(problems("just words"), ElementsAre(HasSubstr("must hold 'name: value' lines")));
  EXPECT_THAT(problems("environments: [prod]\n"),
              ElementsAre("settings.yaml:1: 'environments' must hold 'name: value' lines"));
  EXPECT_THAT(problems("environments: {'../prod': {}}\n"),
              ElementsAre(HasSubstr("must be 1 to 63 letters")));
  EXPECT_THAT(problems(std::string(kProd) + "---\n" + kProd),
              ElementsAre(HasSubstr("several YAML documents")));
  EXPECT_THAT(problems("  time_zone: UTC\n, # a stray comma\n"),
              Contains(HasSubstr("settings.yaml:2: the file holds several YAML documents")));
  EXPECT_THAT(problems("a: [1\n"), ElementsAre(HasSubstr("is no valid YAML")));
  EXPECT_THAT(problems(std::string(2 << 20, '#')), ElementsAre(HasSubstr("larger")));
  EXPECT_THAT(problems_with("      port: [5432]\n"),
              ElementsAre("settings.yaml:9: database.port must be one value"));
  EXPECT_THAT(problems_with("      port:\n"), ElementsAre(HasSubstr("database.port has no value")));
  EXPECT_THAT(problems_with("    ? [a]\n    : b\n"), ElementsAre(HasSubstr("a plain word")));
}

TEST(SettingsFile, AliasesCannotBlowItUp) {
  std::string text = "a0: &a0 {x: y}\n";
  for (int i = 1; i < 40; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {a: " + below +
            ", b: " + below + ", c: " + below + "}\n";
  }
  EXPECT_THAT(lines(Input(text + "environments: *a39\n", {}).load().problems), Not(IsEmpty()));
  std::string many = "defaults: &e {documents: /srv}\nenvironments:\n";
  for (int i = 0; i < 101; ++i) many += "  e" + std::to_string(i) + ": *e\n";
  EXPECT_THAT(lines(Input(many, {}).load().problems),
              ElementsAre(HasSubstr("more environments than can be")));
  EXPECT_THAT(lines(Input(std::string(100'000, '['), {}).load().problems), Not(IsEmpty()));
}

TEST(SettingsFile, JudgesEveryValueAndCollectsAll) {
  const SettingsResult result = Input(R"(environments:
  prod:
    documents: relative/path
    time_zone: Europe/Atlantis
    php_time_zone: Nowhere
    pair_attempts: many
    workers: -1
    max_prune_percent: 101
    settle_timeout: 5 minutes
    orphan_grace: 90m
    upload_memory: 1KiB
    protected: maybe
    prefix: a/../b
    retention: {days: 3.5, fiscal_year_end: "31-12"}
    store: {bucket: "a b", region: "eu west", addressing: dns, retries: 1e3, endpoint: "ftp://x"}
    database: {name: "host=x", port: 70000, sslmode: on, table_prefix: "x; drop", fingerprint: md5}
)",
                                      kKeys)
                                    .load();
  std::vector<std::string> found = lines(result.problems);
  for (const char* expected : {":3: documents must be an absolute path, not 'relative/path'",
                               ":4: time_zone must be",
                               ":5: php_time_zone must be",
                               ":6: pair_attempts must be a whole number from 1 to 20",
                               ":7: workers must be",
                               ":8: max_prune_percent must be",
                               ":9: settle_timeout must be a time",
                               ":10: orphan_grace must be a time",
                               ":11: upload_memory must be a size",
                               ":12: protected must be true or false",
                               ":13: prefix must be",
                               ":14: retention.days must",
                               ":14: retention.fiscal_year_end must be a month and a day",
                               ":15: store.bucket must be",
                               ":15: store.region must be",
                               ":15: store.addressing must be path or virtual-host",
                               ":15: store.retries must be",
                               ":15: store.endpoint must be https://HOST",
                               ":16: database.name must be",
                               ":16: database.port must be a port",
                               ":16: database.sslmode must be",
                               ":16: database.table_prefix must be",
                               ":16: database.fingerprint must be exact or tms"}) {
    const auto hit = std::find_if(found.begin(), found.end(), [&](const std::string& line) {
      return line.starts_with(std::string("settings.yaml") + expected);
    });
    ASSERT_NE(hit, found.end()) << expected;
    found.erase(hit);
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(SettingsFile, JudgesWhereMailGoes) {
  const auto problems = [](const std::string& mail) {
    return lines(
        Input(std::string(kProd) + "    notify: {mail: {" + mail + "}}\n", kKeys).load().problems);
  };
  const std::string good = "server: \"smtp://mail:25\", from: a@example.com, to: b@example.com";
  EXPECT_THAT(problems(good), IsEmpty());
  EXPECT_THAT(problems("server: \"smtp://mail:25\", from: a@example.com"),
              ElementsAre(HasSubstr("has a mail server and no notify.mail.to")));
  EXPECT_THAT(problems("from: a@example.com"), ElementsAre(HasSubstr("no notify.mail.server")));
  for (const char* wrong : {"mail", "http://mail", "smtp://u:p@mail", "smtp://mail/x", "smtp://"})
    EXPECT_NE(check_mail_server(wrong), "") << wrong;
  for (const char* wrong :
       {"a", "@b", "a@", "a b@c", "a@b\r\nBcc: c@d", "<a@b>", "a@b;c", "-a@b", "a@b,", "a@b, "})
    EXPECT_NE(check_mail_addresses(wrong), "") << wrong;
  EXPECT_EQ(check_mail_addresses("anna+erp@example.com,ben@mail.example.com"), "");
}

TEST(SettingsFile, SaysOnceWhatTwoEnvironmentsInherit) {
  const SettingsResult result = Input(R"(defaults: {time_zone: Mars, documents: /srv,
  store: {directory: /mnt}}
environments:
  a: {database: {name: a}}
  b: {database: {name: b}}
)",
                                      {})
                                    .load();
  EXPECT_THAT(lines(result.problems), ElementsAre(HasSubstr("time_zone must be")));
}

TEST(SettingsFile, SaysWhatIsMissing) {
  EXPECT_THAT(lines(Input("environments:\n  prod:\n", {}).load().problems),
              ElementsAre(HasSubstr("settings.yaml:2: 'prod' has no store"),
                          HasSubstr("no documents tree"), HasSubstr("no database")));
}

TEST(SettingsFile, RefusesSecretsThatOthersCanRead) {
  Input input(std::string(kProd) + "      password: s3cr3t-password\n", kKeys);
  input.file_is_private = false;
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre("settings.yaml:9: database.password stands in a file that others can "
                          "read; run `chmod 600` on it, or give database.password_file instead"));
  input.file_is_private = true;
  const SettingsResult result = input.load();
  EXPECT_THAT(lines(result.problems), IsEmpty());
  EXPECT_EQ(result.environments[0].database.password.reveal(), "s3cr3t-password");
}

TEST(SettingsFile, TakesNoTwoAnswersToOneQuestion) {
  EXPECT_THAT(problems_with("      user_file: /run/user\n"),
              ElementsAre("settings.yaml:9: database.user_file and database.user "
                          "(settings.yaml:8) exclude each other; give only one"));
  EXPECT_THAT(lines(Input("environments: {prod: {documents: /d, database: {name: d}, store: "
                          "{directory: /mnt, bucket: erp-backups}}}",
                          kKeys)
                        .load()
                        .problems),
              ElementsAre(HasSubstr("store.bucket and store.directory")));
}

}  // namespace
}  // namespace dolibarr_backup
