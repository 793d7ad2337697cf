#include <gmock/gmock.h>

#include <sstream>

#include "core/settings_input.h"
#include "core/settings_keys.h"

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// ---- stores and places ----------------------------------------------------------

std::string two(const std::string& first, const std::string& second) {
  return "environments:\n  prod: {documents: /a, database: {name: a}, " + first +
         "}\n  sandbox: {documents: /b, database: {name: b}, " + second + "}\n";
}

TEST(SettingsPlaces, RefusesEqualAndNestedPlaces) {
  const auto problems = [](const std::string& first, const std::string& second) {
    return lines(Input(two(first, second), kKeys).load().problems);
  };
  const std::string bucket = "store: {bucket: erp-backups}";
  const auto mixed = ElementsAre(HasSubstr("would mix in one store"));
  EXPECT_THAT(problems("prefix: erp/x, " + bucket, "prefix: erp/x, " + bucket), mixed);
  EXPECT_THAT(problems("prefix: erp, " + bucket, bucket), mixed);
  EXPECT_THAT(problems(bucket, "prefix: erp/prod/test, " + bucket), mixed);
  EXPECT_THAT(problems(bucket, bucket), IsEmpty());
  EXPECT_THAT(problems("prefix: erp/prod, " + bucket, "prefix: erp/prod2, " + bucket), IsEmpty());
  EXPECT_THAT(problems("prefix: x, " + bucket,
                       "prefix: x, store: {bucket: erp-backups, endpoint: 'https://other'}"),
              ElementsAre(HasSubstr("two endpoints may lead to one bucket")));
  EXPECT_THAT(problems("prefix: x, " + bucket, "prefix: x, store: {bucket: another}"), IsEmpty());
  EXPECT_THAT(problems("prefix: x, store: {directory: /mnt/}",
                       "prefix: x, store: {directory: /srv/../mnt}"),
              mixed);
  EXPECT_THAT(problems("prefix: erp/x, store: {directory: /mnt}",
                       "prefix: x/y, store: {directory: /mnt/erp}"),
              mixed);
  EXPECT_THAT(problems("prefix: x, store: {directory: /mnt}", "prefix: x, " + bucket), IsEmpty());
}

TEST(SettingsPlaces, WarnsOfOneDatabaseOrTreeInTwo) {
  const SettingsResult result = Input(R"(environments:
  prod: {documents: /d, database: {name: erp}, store: {directory: /mnt}}
  sandbox: {documents: /d/, database: {name: erp, port: 5432}, store: {directory: /mnt}}
  third: {documents: /e, database: {name: erp, port: 5433}, store: {directory: /mnt}}
)",
                                      {})
                                    .load();
  EXPECT_THAT(lines(result.problems), IsEmpty());
  EXPECT_THAT(lines(result.warnings),
              ElementsAre("settings.yaml:3: 'sandbox' and 'prod' back up the same database",
                          "settings.yaml:3: 'sandbox' and 'prod' back up the same documents"));
}

TEST(SettingsPlaces, RefusesPlainHttpToAnotherMachine) {
  const auto problems = [](const std::string& store) {
    return lines(Input("environments: {prod: {documents: /a, database: {name: a}, store: {bucket: "
                       "erp-backups, " +
                           store + "}}}",
                       kKeys)
                     .load()
                     .problems);
  };
  EXPECT_THAT(problems("endpoint: 'http://store.example'"), ElementsAre(HasSubstr("plain http")));
  EXPECT_THAT(problems("endpoint: 'http://127.0.0.1.evil.example'"),
              ElementsAre(HasSubstr("plain http")));
  EXPECT_THAT(problems("endpoint: 'http://127.0.0.1:9000'"), IsEmpty());
  EXPECT_THAT(problems("endpoint: 'http://localhost:9000'"), IsEmpty());
  EXPECT_THAT(problems("endpoint: 'http://store.example', allow_http: true"), IsEmpty());
}

TEST(SettingsPlaces, EndpointIsThatOfAwsUnlessGiven) {
  Input input(kNoFile);
  EXPECT_EQ(input.load().environments.at(0).store.s3.endpoint,
            "https://s3.us-east-1.amazonaws.com");
  input.variables["AWS_DEFAULT_REGION"] = "eu-west-3";
  EXPECT_EQ(input.load().environments.at(0).store.s3.endpoint,
            "https://s3.eu-west-3.amazonaws.com");
  input.variables["AWS_ENDPOINTS"] = "https://three";
  EXPECT_EQ(input.load().environments.at(0).store.s3.endpoint, "https://three");
  input.variables["AWS_ENDPOINT_URL"] = "https://two";
  EXPECT_EQ(input.load().environments.at(0).store.s3.endpoint, "https://two");
  input.variables["AWS_ENDPOINT_URL_S3"] = "https://one/";
  EXPECT_EQ(input.load().environments.at(0).store.s3.endpoint, "https://one");
  input.flags["endpoint"] = "https://flag";
  const SettingsResult result = input.load();
  EXPECT_EQ(result.environments.at(0).store.s3.endpoint, "https://flag");
  EXPECT_EQ(shown(result, "prod.store.endpoint"), "https://flag <- flag --endpoint");
}

// ---- credentials ------------------------------------------------------------------------

TEST(SettingsCredentials, AreMissed) {
  EXPECT_THAT(lines(Input(kProd, {}).load().problems),
              ElementsAre(HasSubstr("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")));
  EXPECT_THAT(lines(Input(kProd, {{"AWS_ACCESS_KEY_ID", "AKIAEXAMPLEKEY42"}}).load().problems),
              ElementsAre(HasSubstr("store.secret_access_key is missing")));
  EXPECT_THAT(lines(Input(kProd, {{"AWS_SESSION_TOKEN", "s3cr3t-session"}}).load().problems),
              ElementsAre(HasSubstr("store.access_key_id is missing"),
                          HasSubstr("store.secret_access_key is missing")));
}

std::string with_store(const std::string& store) {
  return "environments: {prod: {documents: /a, database: {name: a}, store: {bucket: erp-backups, " +
         store + "}}}";
}

TEST(SettingsCredentials, ComeFromAProfile) {
  Input input(with_store("credentials_file: /etc/keys, profile: backup"), {});
  input.files["/etc/keys"] =
      "# keys\n[default]\naws_access_key_id = AKIADEFAULTKEY00\n"
      "aws_secret_access_key = s3cr3t-default\n\n[ backup ]\n"
      "  AWS_ACCESS_KEY_ID=AKIAEXAMPLEKEY42\r\naws_secret_access_key = s3cr3t=of/store+\n"
      "aws_session_token = s3cr3t-session\n";
  SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  const S3Settings& s3 = result.environments.at(0).store.s3;
  EXPECT_EQ(s3.access_key_id, "AKIAEXAMPLEKEY42");
  EXPECT_EQ(s3.secret_access_key.reveal(), "s3cr3t=of/store+");
  EXPECT_EQ(s3.session_token.reveal(), "s3cr3t-session");
  EXPECT_EQ(shown(result, "prod.store.access_key_id"), "***EY42 <- /etc/keys [backup]");
  input.file_text = with_store("credentials_file: /etc/keys");
  result = input.load();
  EXPECT_EQ(result.environments.at(0).store.s3.access_key_id, "AKIADEFAULTKEY00");
  EXPECT_TRUE(result.environments.at(0).store.s3.session_token.empty());
  input.file_text = with_store("credentials_file: /etc/keys, profile: none");
  EXPECT_THAT(lines(input.load().problems), ElementsAre(HasSubstr("there is no profile 'none'")));
  input.files["/etc/keys"] = "[none]\naws_access_key_id = AKIAEXAMPLEKEY42\n";
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre("/etc/keys [none]: has no aws_secret_access_key"));
}

TEST(SettingsCredentials, VariablesNameAProfile) {
  Input input(kProd, {{"AWS_PROFILE", "backup"}, {"HOME", "/home/me"}});
  input.files["/home/me/.aws/credentials"] =
      "[backup]\naws_access_key_id=AKIAEXAMPLEKEY42\naws_secret_access_key=s3cr3t-of-store\n";
  EXPECT_THAT(lines(input.load().problems), IsEmpty());
  input.variables["AWS_SHARED_CREDENTIALS_FILE"] = "/etc/keys";
  EXPECT_THAT(lines(input.load().problems), ElementsAre(HasSubstr("there is no file '/etc/keys'")));
  input.variables.insert(kKeys.begin(), kKeys.end());
  EXPECT_THAT(lines(input.load().problems), IsEmpty()) << "keys outrank a profile";
}

TEST(SettingsCredentials, AreReplacedAsAWhole) {
  Input input(with_store("access_key_id: AKIAFILEKEY00000, secret_access_key: s3cr3t-in-file, "
                         "session_token: s3cr3t-session"),
              kKeys);
  const SettingsResult result = input.load();
  ASSERT_THAT(lines(result.problems), IsEmpty());
  const S3Settings& s3 = result.environments.at(0).store.s3;
  EXPECT_EQ(s3.access_key_id, "AKIAEXAMPLEKEY42");
  EXPECT_TRUE(s3.session_token.empty()) << "it belongs to the file's key";
  EXPECT_THAT(result.warnings, Not(IsEmpty()));
}

TEST(SettingsCredentials, ComeFromAFileEach) {
  Input input(with_store("access_key_id_file: /run/id, secret_access_key_file: /run/secret"), {});
  input.files = {{"/run/id", "AKIAEXAMPLEKEY42\n"}, {"/run/secret", "s3cr3t-of-store\n"}};
  EXPECT_THAT(lines(input.load().problems), IsEmpty());
  EXPECT_EQ(input.load().environments.at(0).store.s3.secret_access_key.reveal(), "s3cr3t-of-store");
  input.files.erase("/run/secret");
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre("settings.yaml:1: there is no file '/run/secret'"));
}

// ---- what people see -----------------------------------------------------------------------

// Whatever is wrong around them, secrets stay out of sight.
TEST(SettingsSecrets, AreNeverShown) {
  const std::string secret = "hunter2hunter2";
  std::vector<std::string> texts;
  for (const std::string& store : std::vector<std::string>{
           "secret_access_key: " + secret, "session_token: " + secret,
           "secret_access_key: [" + secret + "]", "secret_access_key: {" + secret + ": x}",
           "secret_access_key: \"" + secret + "\\n\"", "secret_acces_key: " + secret,
           "access_key_id: " + secret + ", secret_access_key: \"" + secret + "\\t\"",
           "endpoint: 'https://user:" + secret + "@store.example'", "secret_access_key: *" + secret,
           "secret_access_key: !" + secret + " x", "secret_access_key: @" + secret,
           "secret_access_key: \"" + secret + "\\q\""})
    for (const bool is_private : {true, false}) {
      Input input(with_store(store), {});
      input.file_is_private = is_private;
      texts.push_back(everything(input.load()));
    }
  for (const std::string& database : std::vector<std::string>{
           "password: " + secret, "password: \"" + secret + "\\n\"", "password: |" + secret,
           "name: 'password=" + secret + "'", "host: 'postgres://u:" + secret + "@h/d'",
           "host: 'postgres://u:" + secret + "@h/d'\n      passwd: " + secret}) {
    Input input("environments:\n  prod:\n    database:\n      " + database + "\n", kNoFile);
    input.variables.insert({{"PGPASSWORD", secret},
                            {"PGHOST", "postgres://u:" + secret + "@h/e"},
                            {"AWS_SESSION_TOKEN", secret},
                            {"AWS_ENDPOINTS", "https://" + secret + "@x"}});
    input.variables["AWS_SECRET_ACCESS_KEY"] = secret;
    texts.push_back(everything(input.load()));
    input.variables["AWS_SECRET_ACCESS_KEY_FILE"] = "/run/secret";
    input.variables["DB"] = "postgresql://u:" + secret + "@h/d";
    texts.push_back(everything(input.load()));
    input.file_text.reset();
    texts.push_back(everything(input.load()));
  }
  for (const std::string& text : texts) {
    EXPECT_FALSE(text.empty());
    EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  }
}

TEST(SettingsShown, HidesAllOfAShortKeyId) {
  Input input(kProd, {{"AWS_ACCESS_KEY_ID", "short"}, {"AWS_SECRET_ACCESS_KEY", "s3cr3t"}});
  EXPECT_THAT(shown(input.load(), "prod.store.access_key_id"), testing::StartsWith("*** <-"));
  EXPECT_THAT(shown(input.load(), "prod.store.secret_access_key"), testing::StartsWith("*** <-"));
}

// ---- the template --------------------------------------------------------------------------

TEST(SettingsTemplate, IsAcceptedOnceCredentialsExist) {
  Input input(settings_template(), {});
  input.file_is_private = false;
  EXPECT_THAT(lines(input.load().problems),
              ElementsAre(HasSubstr("there is no file '/etc/dolibarr-backup/s3-credentials'")));
  input.files["/etc/dolibarr-backup/s3-credentials"] =
      "[default]\naws_access_key_id = AKIAEXAMPLEKEY42\naws_secret_access_key = s3cr3t-of-store\n";
  const SettingsResult result = input.load();
  EXPECT_THAT(lines(result.problems), IsEmpty());
  EXPECT_THAT(lines(result.warnings), IsEmpty());
  EXPECT_EQ(result.environments.at(0).name, "prod");
}

TEST(SettingsTemplate, ShowsEverySetting) {
  const std::string text = settings_template();
  for (const SettingKey& key : setting_keys()) {
    const std::string name = key.name.substr(key.name.rfind('.') + 1) + ":";
    EXPECT_THAT(text, HasSubstr(" " + name)) << key.name;
  }
}

TEST(SettingsTemplate, CommentedValuesAreTheDefaults) {
  const EnvironmentSettings fresh;
  std::istringstream all(settings_template());
  int compared = 0;
  for (std::string line; std::getline(all, line);) {
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string::npos || !line.substr(start).starts_with("# ")) continue;
    const size_t colon = line.find(": ", start);
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(start + 2, colon - start - 2);
    std::string value = line.substr(colon + 2);
    value = value.substr(0, value.find(' '));
    for (const char* section : {"", "store.", "database."}) {
      const SettingKey* key = find_setting_key(section + name);
      if (!key || key->is_alternative || key->is_location || value == "\"\"") continue;
      if (name == "protected" || name == "php_time_zone" || name.starts_with("ssl")) continue;
      EXPECT_TRUE(same_meaning(*key, value, key->get(fresh))) << line;
      ++compared;
    }
  }
  EXPECT_GE(compared, 14);
}

}  // namespace
}  // namespace dolibarr_backup
