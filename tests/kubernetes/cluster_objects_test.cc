#include "kubernetes/cluster_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "kubernetes/cluster_environment.h"
#include "kubernetes/kubectl.h"
#include "kubernetes/pod_settings.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = ClusterObject;

const PodCommand kBackup{"backup", {"backup"}, true};
const PodCommand kList{"list", {"list"}, false};
constexpr const char* kKeyId = "QUtJQWtleWlkMTIzNA==";
constexpr const char* kSecretKey = "c2VjcmV0LWFjY2Vzcy1rZXk=";

StoreCredentials credentials() {
  return {Secret(kKeyId), Secret(kSecretKey), Secret("aHR0cHM6Ly9zdG9yZS5leGFtcGxl")};
}

Json pod_spec(const PodCommand& command,
              const EnvironmentSettings& environment = cluster_environment()) {
  return job_object(environment, command, "run-1")["spec"]["template"]["spec"];
}

const Json* named(const Json& list, const std::string& name) {
  for (const Json& one : list)
    if (one["name"] == name) return &one;
  return nullptr;
}

TEST(ClusterObjects, JobEndsByItself) {
  const Json spec = job_object(cluster_environment(), kBackup, "run-1")["spec"];
  EXPECT_EQ(spec["activeDeadlineSeconds"], 21600);
  EXPECT_EQ(spec["ttlSecondsAfterFinished"], 600);
  EXPECT_EQ(spec["backoffLimit"], 0);
  EXPECT_FALSE(spec.contains("suspend"));  // a suspended Job has neither
}

TEST(ClusterObjects, NoAutoscalerMovesThePod) {
  const Json pod = job_object(cluster_environment(), kBackup, "run-1")["spec"]["template"];
  EXPECT_EQ(pod["metadata"]["annotations"],
            Json::parse(R"({"cluster-autoscaler.kubernetes.io/safe-to-evict":"false",
                            "karpenter.sh/do-not-disrupt":"true"})"));
}

TEST(ClusterObjects, PodIsRestricted) {
  const Json spec = pod_spec(kBackup);
  EXPECT_EQ(spec["securityContext"], Json::parse(R"({"runAsNonRoot":true,"runAsUser":33,
      "runAsGroup":33,"seccompProfile":{"type":"RuntimeDefault"}})"));  // never fsGroup
  EXPECT_EQ(spec["containers"][0]["securityContext"],
            Json::parse(R"({"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,
      "capabilities":{"drop":["ALL"]}})"));
  EXPECT_EQ(spec["automountServiceAccountToken"], false);
  EXPECT_EQ(spec["restartPolicy"], "Never");
}

TEST(ClusterObjects, DocumentsCannotBeWritten) {
  const Json spec = pod_spec(kBackup);
  EXPECT_EQ((*named(spec["volumes"], "documents"))["persistentVolumeClaim"],
            Json::parse(R"({"claimName":"erp-documents","readOnly":true})"));
  EXPECT_EQ((*named(spec["containers"][0]["volumeMounts"], "documents"))["readOnly"], true);
}

TEST(ClusterObjects, ARestoreWritesThem) {
  PodCommand restore{"restore", {"restore"}, true};
  restore.writes_documents = true;
  const Json spec = pod_spec(restore);
  EXPECT_EQ((*named(spec["volumes"], "documents"))["persistentVolumeClaim"],
            Json::parse(R"({"claimName":"erp-documents"})"));
  EXPECT_FALSE((*named(spec["containers"][0]["volumeMounts"], "documents")).contains("readOnly"));
}

TEST(ClusterObjects, WhatSpoolsHasTheRoomOfTheNode) {
  for (const char* component : {"restore", "refresh", "drill"})
    EXPECT_EQ((*named(pod_spec({component, {component}, true})["volumes"], "tmp"))["emptyDir"],
              Json::object())
        << component;
  EXPECT_EQ((*named(pod_spec(kBackup)["volumes"], "tmp"))["emptyDir"]["sizeLimit"], "64Mi");
}

TEST(ClusterObjects, ACopyHasBothStoresAndOneDatabase) {
  EnvironmentSettings sandbox = cluster_environment();
  sandbox.name = "sandbox";
  sandbox.prefix = "erp/sandbox";
  sandbox.is_protected = false;
  sandbox.kubernetes.namespace_ = "erp-sandbox";
  const EnvironmentSettings prod = cluster_environment();
  PodCommand refresh{"refresh", {"refresh"}, true};
  refresh.source = &prod;
  EXPECT_EQ(named(pod_spec(refresh, sandbox)["volumes"], "source-store-ca"), nullptr);
  const Json container = pod_spec(refresh, sandbox)["containers"][0];
  EXPECT_EQ(container["args"][1], "--env=prod");
  EXPECT_EQ(container["env"], Json::parse(R"([{"name":"TMPDIR","value":"/tmp"}])"));
  EXPECT_NE(named(container["volumeMounts"], "source-store"), nullptr);
  const StoreCredentials source{Secret("c291cmNl"), Secret("c2VjcmV0"), {}};
  const auto owned = owned_objects(sandbox, refresh, "run-1", "uid-1", credentials(), source);
  EXPECT_EQ(owned.at(1)["data"]["SOURCE_AWS_ACCESS_KEY_ID"], "c291cmNl");
  EXPECT_EQ(owned.at(1)["data"]["AWS_ACCESS_KEY_ID"], kKeyId);
  const Json file = Json::parse(owned.at(0)["data"]["settings.yaml"].get<std::string>());
  const Json& of_source = file["environments"]["prod"];
  EXPECT_EQ(of_source["database"]["host"], "erp-db.erp.svc");
  EXPECT_FALSE(of_source["database"].contains("password_file"));
  EXPECT_EQ(of_source["store"]["access_key_id_file"],
            "/run/secrets/dolibarr-backup/source-store/access_key_id");
  EXPECT_EQ(file["environments"]["sandbox"]["store"]["access_key_id_file"],
            "/run/secrets/dolibarr-backup/store/access_key_id");
}

TEST(ClusterObjects, TheCallersSqlLiesInTheSecretAlone) {
  PodCommand refresh{"refresh", {"refresh"}, true};
  refresh.sql = {{"1-mask.sql", "c3Fs"}};
  const Json spec = pod_spec(refresh);
  EXPECT_EQ((*named(spec["volumes"], "sql"))["secret"]["items"],
            Json::parse(R"([{"key":"SQL_1","path":"1-mask.sql"}])"));
  EXPECT_EQ((*named(spec["containers"][0]["volumeMounts"], "sql"))["mountPath"],
            "/run/secrets/dolibarr-backup/sql");
  const auto owned = owned_objects(cluster_environment(), refresh, "run-1", "uid-1", credentials());
  EXPECT_EQ(owned.at(1)["data"]["SQL_1"], "c3Fs");
  EXPECT_EQ(owned.at(0).dump().find("c3Fs"), std::string::npos);
  EXPECT_EQ(masked_objects(cluster_environment(), refresh, "run-1").find("c3Fs"),
            std::string::npos);
}

TEST(ClusterObjects, EachStoreHasItsOwnAuthority) {
  EnvironmentSettings prod = cluster_environment(), sandbox = prod;
  sandbox.name = "sandbox";
  sandbox.kubernetes.store_ca_secret = "own-authority";
  PodCommand refresh{"refresh", {"refresh"}, true};
  refresh.source = &prod;
  Json file = Json::parse(pod_settings(sandbox, &prod))["environments"];
  EXPECT_EQ(file["sandbox"]["store"]["ca_file"], "/run/secrets/dolibarr-backup/store-ca/ca.crt");
  EXPECT_FALSE(file["prod"]["store"].contains("ca_file"));
  prod.kubernetes.store_ca_config_map = "authority";
  file = Json::parse(pod_settings(sandbox, &prod))["environments"];
  EXPECT_EQ(file["prod"]["store"]["ca_file"],
            "/run/secrets/dolibarr-backup/source-store-ca/ca.crt");
  const Json volumes = pod_spec(refresh, sandbox)["volumes"];
  EXPECT_EQ((*named(volumes, "source-store-ca"))["configMap"]["name"], "authority");
  EXPECT_EQ((*named(volumes, "store-ca"))["secret"]["secretName"], "own-authority");
}

TEST(ClusterObjects, ThePushgatewaysPasswordIsInTheSecretAlone) {
  EnvironmentSettings environment = cluster_environment();
  environment.metrics.pushgateway = "http://pushgateway:9091";
  environment.metrics.pushgateway_user = "backup";
  environment.metrics.pushgateway_password = Secret("push-word");
  const Json spec = pod_spec(kBackup, environment);
  const Json* volume = named(spec["volumes"], "metrics");
  ASSERT_NE(volume, nullptr);
  EXPECT_EQ((*volume)["secret"]["secretName"], "run-1");
  EXPECT_EQ((*volume)["secret"]["items"],
            Json::parse(R"([{"key":"PUSHGATEWAY_PASSWORD","path":"pushgateway_password"}])"));
  const Json* mounted = named(spec["containers"][0]["volumeMounts"], "metrics");
  ASSERT_NE(mounted, nullptr);
  EXPECT_EQ(Json::parse(pod_settings(
                environment))["environments"]["prod"]["metrics"]["pushgateway_password_file"],
            (*mounted)["mountPath"].get<std::string>() + "/pushgateway_password");
  const auto owned = owned_objects(environment, kBackup, "run-1", "uid-1", credentials());
  EXPECT_THAT(owned.at(0).dump(), Not(HasSubstr("push-word")));
  EXPECT_EQ(owned.at(1)["stringData"]["PUSHGATEWAY_PASSWORD"], "push-word");
  EXPECT_THAT(
      masked_objects(environment, kBackup, "run-1"),
      testing::AllOf(Not(HasSubstr("push-word")), HasSubstr(R"("PUSHGATEWAY_PASSWORD": "***")")));
  // A restore from another environment tells no metrics.
  const EnvironmentSettings source = cluster_environment();
  PodCommand refresh{"refresh", {"refresh"}, true};
  refresh.source = &source;
  EXPECT_THAT(pod_spec(refresh, environment).dump(), Not(HasSubstr("pushgateway")));
  EXPECT_THAT(pod_settings(environment, &source), Not(HasSubstr("pushgateway_password")));
  EXPECT_FALSE(owned_objects(environment, refresh, "run-1", "uid-1", credentials())
                   .at(1)
                   .contains("stringData"));
}

TEST(ClusterObjects, TolerationsAreTaintsAsKubectlWritesThem) {
  EnvironmentSettings environment = cluster_environment();
  environment.kubernetes.tolerations = "pool=backup:NoSchedule,dedicated:NoExecute,any";
  environment.kubernetes.priority_class = "high";
  const Json spec = pod_spec(kList, environment);
  EXPECT_EQ(spec["tolerations"], Json::parse(R"([
      {"key":"pool","operator":"Equal","value":"backup","effect":"NoSchedule"},
      {"key":"dedicated","operator":"Exists","effect":"NoExecute"},
      {"key":"any","operator":"Exists"}])"));
  EXPECT_EQ(spec["priorityClassName"], "high");
}

TEST(ClusterObjects, AnAuthorityMayLieInASecret) {
  EnvironmentSettings environment = cluster_environment();
  environment.kubernetes.store_ca_secret = "authority";
  EXPECT_EQ((*named(pod_spec(kList, environment)["volumes"], "store-ca"))["secret"]["secretName"],
            "authority");
  EXPECT_THAT(pod_settings(environment), HasSubstr("/store-ca/ca.crt"));
}

TEST(ClusterObjects, WhoReadsNoSourceHasNoWayToIt) {
  const Json spec = pod_spec(kList);
  for (const char* name : {"documents", "database"}) {
    EXPECT_EQ(named(spec["volumes"], name), nullptr);
    EXPECT_EQ(named(spec["containers"][0]["volumeMounts"], name), nullptr);
  }
}

TEST(ClusterObjects, SecretAndSettingsBelongToTheJob) {
  for (const Json& object :
       owned_objects(cluster_environment(), kBackup, "run-1", "uid-1", credentials())) {
    EXPECT_EQ(object["metadata"]["ownerReferences"],
              Json::parse(R"([{"apiVersion":"batch/v1","kind":"Job","name":"run-1","uid":"uid-1",
        "controller":false,"blockOwnerDeletion":false}])"));
    EXPECT_EQ(object["metadata"]["namespace"], "erp");
  }
}

TEST(ClusterObjects, OnlyTheSecretHasTheValues) {
  EXPECT_THAT(job_object(cluster_environment(), kBackup, "run-1").dump(), Not(HasSubstr(kKeyId)));
  const auto owned = owned_objects(cluster_environment(), kBackup, "run-1", "uid-1", credentials());
  EXPECT_THAT(owned.at(0).dump(), Not(HasSubstr(kSecretKey)));
  EXPECT_EQ(owned.at(1)["data"]["AWS_SECRET_ACCESS_KEY"], kSecretKey);
  EXPECT_EQ(owned.at(1)["data"]["AWS_ACCESS_KEY_ID"], kKeyId);
}

TEST(ClusterObjects, DryRunMasksThem) {
  const Json list = Json::parse(masked_objects(cluster_environment(), kBackup, "run-1"));
  ASSERT_EQ(list["items"].size(), 3U);
  EXPECT_EQ(list["items"][2]["data"], Json::parse(R"({"AWS_ACCESS_KEY_ID":"***",
      "AWS_SECRET_ACCESS_KEY":"***","AWS_ENDPOINTS":"***"})"));
}

TEST(ClusterObjects, EndpointOfTheSettingsIsNotCopied) {
  EnvironmentSettings environment = cluster_environment();
  environment.store.s3.endpoint = "https://storage.googleapis.com";
  const std::string text = R"({"kind":"Secret","data":{"AWS_ACCESS_KEY_ID":"YWFhYQ==",
      "AWS_SECRET_ACCESS_KEY":"YmJiYg==","AWS_ENDPOINTS":"Y2NjYw=="}})";
  const auto owned = owned_objects(environment, kBackup, "run-1", "uid-1",
                                   read_store_credentials(text, environment));
  EXPECT_FALSE(owned.at(1)["data"].contains("AWS_ENDPOINTS"));
  EXPECT_THAT(pod_spec(kBackup, environment).dump(), Not(HasSubstr("AWS_ENDPOINTS")));
}

TEST(ClusterObjects, MissingKeyIsNamedAndNothingQuoted) {
  try {
    read_store_credentials(R"({"kind":"Secret","data":{"AWS_ACCESS_KEY_ID":"YWFhYQ=="}})",
                           cluster_environment());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::config);
    EXPECT_THAT(error.what(), HasSubstr("AWS_SECRET_ACCESS_KEY"));
    EXPECT_THAT(error.what(), HasSubstr("longhorn-gcs-backup-credentials"));
    EXPECT_THAT(error.what(), Not(HasSubstr("YWFhYQ")));
  }
}

TEST(ClusterObjects, NamesFitALabel) {
  EnvironmentSettings environment = cluster_environment();
  environment.name = "Prod_" + std::string(58, 'x');
  const std::string name = run_name(environment, "abc234");
  EXPECT_LE(name.size(), 63U);
  EXPECT_THAT(name, testing::MatchesRegex("dolibarr-backup-prod-x+-abc234"));
}

TEST(ClusterObjects, KubectlIsToldWhichCluster) {
  const EnvironmentSettings environment = cluster_environment();
  EXPECT_THAT(Kubectl(environment.kubernetes).argv({"get", "pods"}),
              testing::ElementsAre("kubectl", "--context=test", "--namespace=erp", "get", "pods"));
}

TEST(ClusterObjects, KubectlsWordsAreCutDown) {
  EXPECT_EQ(kubectl_words("E1126 13:00:09.605585 19523 memcache.go:265] \"x\"\n"
                          "The connection was refused\nThe connection was refused\nbye\n"),
            "The connection was refused; bye");
  EXPECT_EQ(kubectl_words("E1126 only\n"), "E1126 only");
}

TEST(ClusterObjects, KubectlsFailuresHaveHints) {
  const auto hint = [](const std::string& words) { return kubectl_hint(words, "prod-cluster"); };
  EXPECT_THAT(hint("error: context \"a\" does not exist"), HasSubstr("get-contexts"));
  EXPECT_THAT(
      hint(R"(Error from server (Forbidden): secrets "a" is forbidden: User "u" cannot get)"),
      HasSubstr("ask for that right"));
  EXPECT_THAT(hint(R"(Error from server (Forbidden): secrets "a" is forbidden: exceeded quota: q)"),
              HasSubstr("raise the quota"));
  EXPECT_THAT(
      hint(R"(Error from server (Forbidden): admission webhook "p" denied the request: no)"),
      HasSubstr("a policy of the cluster"));
  for (const char* words :
       {"error: You must be logged in to the server (Unauthorized)",
        "Unable to connect to the server: getting credentials: exec: executable login not found"})
    EXPECT_EQ(hint(words), "log in to the cluster first: kubectl --context=prod-cluster get pods");
}

TEST(PodSettings, OneDatabaseByWhateverNameTheClusterHas) {
  EnvironmentSettings prod = cluster_environment(), sandbox = prod;
  sandbox.kubernetes.namespace_ = "erp-sandbox";
  EXPECT_FALSE(name_one_database(prod, sandbox));  // each has an erp-db
  for (const char* host : {"erp-db.erp", "erp-db.erp.svc", "ERP-db.erp.svc.cluster.local."}) {
    sandbox.database.host = host;
    EXPECT_TRUE(name_one_database(prod, sandbox)) << host;
  }
  sandbox.database.port = "5432";
  EXPECT_TRUE(name_one_database(prod, sandbox));
  sandbox.database.port = "5433";
  EXPECT_FALSE(name_one_database(prod, sandbox));
  sandbox.database.port = "";
  sandbox.kubernetes.context = "other";
  EXPECT_FALSE(name_one_database(prod, sandbox));  // a Service of another cluster
  prod.database.host = sandbox.database.host = "db.company.example";
  EXPECT_TRUE(name_one_database(prod, sandbox));
  sandbox.database.name = "copy";
  EXPECT_FALSE(name_one_database(prod, sandbox));
}

TEST(PodSettings, AreReadByTheProgram) {
  SettingsInput input;
  input.file_text = pod_settings(cluster_environment());
  input.file_name = "settings.yaml";
  input.file_is_private = false;
  input.environment = "prod";
  input.variables = {{"BUCKET", "erp-backups"},
                     {"PREFIX", "erp/prod"},
                     {"DB", "dolibarr"},
                     {"PGHOST", "erp-db"},
                     {"AWS_ENDPOINTS_FILE", "/endpoint"}};
  input.read_file = [](const std::string& path) -> std::optional<std::string> {
    return path == "/endpoint" ? "https://store.example" : "value";
  };
  const SettingsResult result = load_settings(input);
  for (const SettingsProblem& problem : result.problems) ADD_FAILURE() << problem.message;
  ASSERT_EQ(result.environments.size(), 1U);
  EXPECT_FALSE(result.environments[0].in_cluster);
  EXPECT_EQ(result.environments[0].store.s3.endpoint, "https://store.example");
  EXPECT_EQ(result.environments[0].workers, 2U);
  EXPECT_TRUE(result.environments[0].is_protected);
}

}  // namespace
}  // namespace dolibarr_backup
