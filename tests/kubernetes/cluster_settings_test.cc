#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/settings.h"

namespace dolibarr_backup {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string file_of(const std::string& sandbox, const std::string& more = "") {
  return R"(
store: {bucket: erp-backups}
defaults:
  kubernetes: {context: test, image: "tools/dolibarr-backup:1.0"}
environments:
  prod:
    kubernetes: {namespace: erp-prod, documents_claim: documents}
    database: {host: db, name: dolibarr}
  sandbox:
    kubernetes: )" + sandbox + "\n    database: {host: db, name: dolibarr}\n" + more;
}

SettingsResult load(const std::string& text, std::map<std::string, std::string> variables = {}) {
  SettingsInput input;
  input.file_text = text;
  input.file_name = "settings.yaml";
  input.variables = std::move(variables);
  input.environment = "sandbox";
  return load_settings(input);
}

std::vector<std::string> messages(const std::vector<SettingsProblem>& problems) {
  std::vector<std::string> all;
  for (const SettingsProblem& problem : problems) all.push_back(problem.message);
  return all;
}

constexpr const char* kApart = "{namespace: erp-sandbox, documents_claim: documents}";

TEST(ClusterSettings, NeedNoCredentialsHere) {
  const SettingsResult result = load(file_of(kApart));
  EXPECT_THAT(messages(result.problems), testing::IsEmpty());
  EXPECT_THAT(messages(result.warnings), testing::IsEmpty());
  ASSERT_EQ(result.environments.size(), 2U);
  EXPECT_TRUE(result.environments[1].in_cluster);
  EXPECT_EQ(result.environments[1].documents, "/var/www/documents");
  EXPECT_EQ(result.environments[1].store.s3.endpoint, "");
  EXPECT_EQ(result.environments[1].kubernetes.database_secret, "vso-db-credentials");
}

TEST(ClusterSettings, VariablesOfThisMachineSayNothingToThePod) {
  const SettingsResult result =
      load(file_of(kApart), {{"AWS_ENDPOINT_URL", "https://elsewhere.example"},
                             {"AWS_ACCESS_KEY_ID", "other"},
                             {"PGSSLMODE", "disable"}});
  EXPECT_THAT(messages(result.problems), testing::IsEmpty());
  EXPECT_EQ(result.environments[1].store.s3.endpoint, "");
  EXPECT_EQ(result.environments[1].database.sslmode, "");
}

TEST(ClusterSettings, EnvironmentsNeverCross) {
  EXPECT_THAT(messages(load(file_of("{namespace: erp-prod, documents_claim: documents}")).problems),
              testing::AllOf(Contains(HasSubstr("the same namespace and documents_claim")),
                             Contains(HasSubstr("the same namespace and database_secret")),
                             Contains(HasSubstr("is named after 'prod'"))));
  EXPECT_THAT(
      messages(load(file_of("{namespace: erp-sandbox, documents_claim: prod-files}")).problems),
      Contains(HasSubstr("documents_claim 'prod-files' of 'sandbox' is named after 'prod'")));
  EXPECT_THAT(messages(load(file_of(kApart, "    prefix: erp/other\n")).problems),
              Contains(HasSubstr("does not end with 'sandbox'")));
}

TEST(ClusterSettings, SayWhatIsMissing) {
  EXPECT_THAT(messages(load(file_of("{namespace: erp-sandbox}")).problems),
              testing::ElementsAre("'sandbox' runs in a cluster and has no kubernetes.documents_claim"));
}

TEST(ClusterSettings, BucketOnly) {
  EXPECT_THAT(messages(load(file_of(kApart, "    store: {directory: /srv}\n")).problems),
              Contains(HasSubstr("its store must be a bucket")));
}

}  // namespace
}  // namespace dolibarr_backup
