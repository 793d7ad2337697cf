#include "kubernetes/workloads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using Json = nlohmann::json;

Json pod(const std::string& name, const std::string& claim, const std::string& phase = "Running") {
  return {
      {"metadata", {{"name", name}, {"labels", Json::object()}}},
      {"spec", {{"volumes", {{{"name", "d"}, {"persistentVolumeClaim", {{"claimName", claim}}}}}}}},
      {"status", {{"phase", phase}}}};
}

std::vector<MountingPod> mounting(const std::vector<Json>& pods) {
  return pods_that_mount(Json{{"items", pods}}.dump(), "documents");
}

TEST(Workloads, PodsThatUseTheClaimAndHaveNotEnded) {
  const auto found = mounting({pod("a", "documents"), pod("b", "other"),
                               pod("c", "documents", "Succeeded"), pod("d", "documents", "Pending"),
                               Json{{"metadata", {{"name", "bare"}}}, {"spec", Json::object()}}});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "a");
  EXPECT_EQ(found[0].controller.kind, "");
  EXPECT_EQ(found[0].run, "");
  EXPECT_EQ(found[1].name, "d");
}

TEST(Workloads, OurOwnPodsAreKnown) {
  Json backup = pod("backup-x", "documents"), restore = pod("restore-x", "documents");
  backup["metadata"]["labels"] = {{"app.kubernetes.io/name", "dolibarr-backup"}};
  restore["metadata"]["labels"] = {{"app.kubernetes.io/name", "dolibarr-backup"},
                                   {"app.kubernetes.io/component", "restore"},
                                   {"dolibarr-backup/run", "run-1"}};
  const auto found = mounting({backup, restore});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].run, "backup-x");
  EXPECT_EQ(found[1].run, "run-1");
}

Json job(const std::string& component, const std::string& claim, const Json& conditions = {}) {
  Json made = {{"kind", "Job"},
               {"metadata", {{"name", "run-1"}}},
               {"spec", {{"template", {{"spec", pod("x", claim)["spec"]}}}}},
               {"status", {{"conditions", conditions}}}};
  made["metadata"]["labels"] = {{"app.kubernetes.io/name", "dolibarr-backup"},
                                {"app.kubernetes.io/component", component},
                                {"dolibarr-backup/run", "run-1"}};
  return made;
}

TEST(Workloads, ARestoreIsUnderWayFromItsJobToTheEndOfItsPod) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  const auto runs = [](const std::vector<Json>& objects) {
    std::vector<std::string> names;
    for (const RestoreUnderWay& one :
         restores_under_way(Json{{"items", objects}}.dump(), "documents"))
      names.push_back(one.run + (one.has_started ? " started" : ""));
    return names;
  };
  const auto condition = [](const char* type, const char* status) {
    return Json::array({{{"type", type}, {"status", status}}});
  };
  EXPECT_THAT(runs({job("restore", "documents")}), ElementsAre("run-1"));  // no pod yet
  EXPECT_THAT(runs({job("refresh", "documents", condition("Complete", "False"))}),
              ElementsAre("run-1"));
  EXPECT_THAT(runs({job("restore", "documents", condition("Complete", "True")),
                    job("restore", "documents", condition("Failed", "True")),
                    job("restore", "other"), job("backup", "documents")}),
              IsEmpty());
  Json at_work = pod("run-1-x", "documents"), ended = pod("run-1-y", "documents", "Failed");
  at_work["metadata"]["labels"] = ended["metadata"]["labels"] =
      job("restore", "")["metadata"]["labels"];
  EXPECT_THAT(runs({job("restore", "documents"), at_work}), ElementsAre("run-1"));
  EXPECT_THAT(runs({job("restore", "documents", condition("Failed", "True")), at_work}),
              ElementsAre("run-1"));
  at_work["status"]["containerStatuses"] = Json::parse(R"([{"state": {"waiting": {}}}])");
  EXPECT_THAT(runs({at_work}), ElementsAre("run-1"));
  at_work["status"]["containerStatuses"] = Json::parse(R"([{"state": {"running": {}}}])");
  EXPECT_THAT(runs({job("restore", "documents"), at_work}), ElementsAre("run-1 started"));
  EXPECT_THAT(runs({ended}), IsEmpty());
}

TEST(Workloads, TheControllerIsTheOneOwnerThatSaysSo) {
  Json owned = pod("a", "documents");
  owned["metadata"]["ownerReferences"] = {
      {{"kind", "Other"}, {"name", "x"}},
      {{"kind", "ReplicaSet"}, {"name", "erp-1"}, {"controller", true}}};
  const auto found = mounting({owned});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].controller.kind, "ReplicaSet");
  EXPECT_EQ(found[0].controller.name, "erp-1");
}

Json deployment(int replicas, const Json& annotations = {}) {
  return {{"kind", "Deployment"},
          {"metadata", {{"name", "erp"}, {"resourceVersion", "7"}, {"annotations", annotations}}},
          {"spec", {{"replicas", replicas}}}};
}

TEST(Workloads, TheFormerCountIsWrittenWithTheScaling) {
  const Workload erp = read_workload(deployment(2).dump());
  EXPECT_EQ(erp.reference(), "deployment/erp");
  EXPECT_EQ(erp.former_replicas, -1);
  EXPECT_EQ(Json::parse(scale_down_patch(erp, "run-1", "documents")), Json::parse(R"({"metadata":{
      "resourceVersion":"7","annotations":{"dolibarr-backup/replicas":"2",
      "dolibarr-backup/run":"run-1","dolibarr-backup/claim":"documents"}},"spec":{"replicas":0}})"));
}

TEST(Workloads, TheWayBackTakesTheNoteAway) {
  const Json note = {{kFormerReplicas, "2"}, {kScaledBy, "run-1"}};
  const Json gone = Json::parse(R"({"resourceVersion":"7","annotations":
      {"dolibarr-backup/replicas":null,"dolibarr-backup/run":null,"dolibarr-backup/claim":null}})");
  const Json patch = Json::parse(put_back_patch(read_workload(deployment(0, note).dump())));
  EXPECT_EQ(patch, (Json{{"metadata", gone}, {"spec", {{"replicas", 2}}}}));
  // Somebody put it back by hand, perhaps to another number.
  EXPECT_EQ(Json::parse(put_back_patch(read_workload(deployment(3, note).dump()))),
            (Json{{"metadata", gone}}));
}

TEST(Workloads, OnlyThoseWithANoteForTheClaimWereScaledByItsRestores) {
  const auto note = [](const char* former, const char* claim) {
    return Json{{kFormerReplicas, former}, {kScaledBy, "run-1"}, {kScaledFor, claim}};
  };
  const Json list = {
      {"items",
       {deployment(0), deployment(0, note("4", "documents")), deployment(0, note("4", "other")),
        deployment(0, note("many", "documents"))}}};
  const std::vector<Workload> found = scaled_workloads(list.dump(), "documents");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].former_replicas, 4);
  EXPECT_EQ(found[0].scaled_by, "run-1");
  EXPECT_EQ(found[1].former_replicas, 1);  // at least one ran
}

// The name stands in a command that somebody pastes, and whoever may patch the workload wrote it.
TEST(Workloads, ANoteNamesARunOrNobody) {
  for (const char* text : {"x; id", "a b", "$(id)", "Run", ""}) {
    const Json note = {{kFormerReplicas, "2"}, {kScaledBy, text}};
    EXPECT_EQ(read_workload(deployment(0, note).dump()).scaled_by, "unknown") << text;
  }
}

TEST(Workloads, WhatIsNoObjectIsAnError) {
  EXPECT_THROW(pods_that_mount("nonsense", "documents"), Error);
  EXPECT_TRUE(pods_that_mount("{}", "documents").empty());
}

}  // namespace
}  // namespace dolibarr_backup
