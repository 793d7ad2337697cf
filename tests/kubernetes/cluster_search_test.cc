#include "kubernetes/cluster_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string list(const std::string& items) {
  return R"({"kind": "List", "items": [)" + items + "]}";
}

std::string workload(const std::string& kind, const std::string& name, const std::string& image,
                     const std::string& path, const std::string& label = "x") {
  return R"({"kind": ")" + kind + R"(", "metadata": {"namespace": "erp", "name": ")" + name +
         R"("}, "spec": {"template": {"metadata": {"labels": {"app.kubernetes.io/name": ")" +
         label + R"("}}, "spec": {"containers": [{"image": ")" + image +
         R"(", "volumeMounts": [{"name": "data", "mountPath": ")" + path +
         R"("}, {"name": "cache", "mountPath": "/cache/documents"}]}], "volumes": [
         {"name": "data", "persistentVolumeClaim": {"claimName": ")" +
         name + R"(-docs"}}, {"name": "cache", "emptyDir": {}}]}}}})";
}

std::string claim(const std::string& name, const std::string& label) {
  return R"({"kind": "PersistentVolumeClaim", "metadata": {"namespace": "erp", "name": ")" + name +
         R"(", "labels": {"app.kubernetes.io/name": ")" + label + R"("}}})";
}

TEST(ClusterSearch, AWorkloadIsKnownByItsImageOrItsLabel) {
  const std::string documents = "/var/www/documents";
  EXPECT_THAT(
      claims_among(list(workload("Deployment", "a", "reg:5000/dolibarr/dolibarr:22", documents) +
                        "," + workload("Deployment", "b", "own/erp:1", documents, "dolibarr") +
                        "," + workload("Deployment", "c", "nginx", documents) + "," +
                        workload("Deployment", "d", "r/dolibarr-backup:1", documents) + "," +
                        workload("Deployment", "e", "dolibarr@sha256:0a", "/var/www/html/custom"))),
      ElementsAre(FoundClaim{"erp", "a-docs", "Deployment a, image reg:5000/dolibarr/dolibarr:22"},
                  FoundClaim{"erp", "b-docs", "Deployment b, label"}));
}

TEST(ClusterSearch, AStatefulSetMakesItsClaim) {
  EXPECT_THAT(claims_among(list(R"({"kind": "StatefulSet", "metadata": {"namespace": "n",
    "name": "erp"}, "spec": {"volumeClaimTemplates": [{"metadata": {"name": "docs"}}],
    "template": {"spec": {"containers": [{"image": "dolibarr", "volumeMounts": [
    {"name": "docs", "mountPath": "/var/www/documents"}]}]}}}})")),
              ElementsAre(FoundClaim{"n", "docs-erp-0", "StatefulSet erp, image dolibarr"}));
}

TEST(ClusterSearch, ALabelledClaimThatNobodyMountsIsNamed) {
  EXPECT_THAT(claims_among(list(claim("old", "dolibarr") + "," + claim("other", "nginx") + "," +
                                claim("e-docs", "dolibarr") + "," +
                                workload("Deployment", "e", "dolibarr", "/var/www/html/custom"))),
              ElementsAre(FoundClaim{"erp", "old", "label, mounted by no workload"}));
}

TEST(ClusterSearch, WhatIsNoListIsAnError) {
  EXPECT_THAT(claims_among(list("")), IsEmpty());
  EXPECT_THAT(claims_among(list(R"({"kind": "Deployment"}, 1, null)")), IsEmpty());
  for (const char* wrong : {"", "{}", "[]", "{\"items\": 1}"})
    EXPECT_THROW(claims_among(wrong), Error) << wrong;
}

}  // namespace
}  // namespace dolibarr_backup
