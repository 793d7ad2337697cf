#include "kubernetes/pod_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;

RunState state_of(const std::string& job_status, const std::string& pod_status = "") {
  std::string items = R"({"kind":"Job","metadata":{"uid":"1"},"status":)" + job_status + "}";
  if (!pod_status.empty())
    items += R"(,{"kind":"Pod","metadata":{"name":"run-1-abcde","ownerReferences":[{"uid":"1"}]},)"
             R"("status":)" +
             pod_status + "}";
  return read_run_state(R"({"kind":"List","items":[)" + items + "]}");
}

std::string container(const std::string& state) {
  return R"({"containerStatuses":[{"name":"dolibarr-backup","state":)" + state + "}]}";
}

TEST(RunOutcome, IsTheContainersExitCode) {
  const auto outcome = outcome_of(state_of("{}", container(R"({"terminated":{"exitCode":8}})")));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 8);
  EXPECT_FALSE(outcome->failure);
}

// A mesh's webhook adds containers of its own; the kubelet lists them in any order.
TEST(RunOutcome, IsNotThatOfAnAddedContainer) {
  const std::string added = R"({"containerStatuses":[
      {"name":"consul-dataplane","state":{"terminated":{"exitCode":0}}},
      {"name":"dolibarr-backup","state":)";
  EXPECT_FALSE(outcome_of(state_of("{}", added + R"({"running":{}}}]})")));
  const auto outcome = outcome_of(state_of("{}", added + R"({"terminated":{"exitCode":4}}}]})"));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 4);
  const RunState waiting = state_of("{}", R"({"containerStatuses":[
      {"name":"consul-dataplane","state":{"running":{}}},
      {"name":"dolibarr-backup","state":{"waiting":{"reason":"PodInitializing"}}}]})");
  EXPECT_FALSE(waiting.has_started());
}

// Whoever may make pods in the namespace may give them our label.
TEST(RunOutcome, IsNotThatOfAStrangersPod) {
  const RunState state = read_run_state(R"({"items":[
      {"kind":"Pod","metadata":{"name":"own","creationTimestamp":"2026-06-30T02:15:00Z",
       "ownerReferences":[{"kind":"Job","uid":"1"}]},"status":{}},
      {"kind":"Pod","metadata":{"name":"stranger","creationTimestamp":"2026-06-30T02:16:00Z"},
       "status":{"containerStatuses":[
         {"name":"dolibarr-backup","state":{"terminated":{"exitCode":0}}}]}},
      {"kind":"Job","metadata":{"uid":"1"},"status":{}}]})");
  EXPECT_EQ(state.pod_name(), "own");
  EXPECT_FALSE(outcome_of(state));
  // Of a Job that was removed and left its pod behind.
  EXPECT_EQ(read_run_state(R"({"items":[{"kind":"Pod","metadata":{"name":"own"}}]})").pod_name(),
            "own");
}

TEST(RunOutcome, IsOpenWhileItRuns) {
  EXPECT_FALSE(outcome_of(state_of("{}")));
  EXPECT_FALSE(outcome_of(state_of("{}", container(R"({"running":{}})"))));
  EXPECT_TRUE(state_of("{}", container(R"({"running":{}})")).has_started());
  EXPECT_FALSE(
      state_of("{}", container(R"({"waiting":{"reason":"ContainerCreating"}})")).has_started());
}

TEST(RunOutcome, SaysWhatAnExitCodeDoesNot) {
  const auto killed = outcome_of(
      state_of("{}", container(R"({"terminated":{"exitCode":137,"reason":"OOMKilled"}})")));
  EXPECT_EQ(killed->exit_code, 137);
  EXPECT_THAT(killed->note, HasSubstr("kubernetes.memory_limit"));
  const auto wrong_image = outcome_of(state_of(
      "{}",
      container(
          R"({"terminated":{"exitCode":128,"reason":"StartError","message":"no such file"}})")));
  ASSERT_TRUE(wrong_image->failure);
  EXPECT_EQ(wrong_image->failure->code(), Errc::cluster);
}

TEST(RunOutcome, DeadlineIsNotTheUsersInterruption) {
  const std::string late =
      R"({"conditions":[{"type":"FailureTarget","status":"True","reason":"DeadlineExceeded"}]})";
  for (const RunState& state :
       {state_of(late), state_of(late, container(R"({"terminated":{"exitCode":130}})"))}) {
    const auto outcome = outcome_of(state);
    ASSERT_TRUE(outcome && outcome->failure);
    EXPECT_THAT(outcome->failure->what(), HasSubstr("deadline"));
  }
}

// A drain, an eviction or a preemption ends our container with a signal, as a user would.
TEST(RunOutcome, WhatTheClusterEndedIsNotTheUsersInterruption) {
  const std::string drained = R"({"conditions":[{"type":"DisruptionTarget","status":"True",
      "reason":"EvictionByEvictionAPI","message":"Eviction API: evicting"}],"containerStatuses":[
      {"name":"dolibarr-backup","state":{"terminated":{"exitCode":)";
  const auto outcome = outcome_of(state_of("{}", drained + "130}}}]}"));
  ASSERT_TRUE(outcome && outcome->failure);
  EXPECT_EQ(outcome->failure->code(), Errc::cluster);
  EXPECT_THAT(outcome->failure->what(), HasSubstr("EvictionByEvictionAPI: Eviction API: evicting"));
  // It was done before it was told to end.
  for (const int code : {0, 7}) {
    const auto done = outcome_of(state_of("{}", drained + std::to_string(code) + "}}}]}"));
    ASSERT_TRUE(done);
    EXPECT_FALSE(done->failure);
    EXPECT_EQ(done->exit_code, code);
  }
  const auto pressed = outcome_of(state_of("{}", R"({"phase":"Failed","reason":"Evicted",
      "message":"The node was low on resource: memory","containerStatuses":[
      {"name":"dolibarr-backup","state":{"terminated":{"exitCode":137}}}]})"));
  ASSERT_TRUE(pressed && pressed->failure);
  EXPECT_THAT(pressed->failure->what(), HasSubstr("low on resource: memory"));
}

TEST(RunOutcome, NamesTheContainerThatFailedBeforeOurs) {
  const auto outcome = outcome_of(state_of("{}", R"({"phase":"Failed","initContainerStatuses":[
      {"name":"mesh-init","state":{"terminated":{"exitCode":1,"message":"no iptables"}}}]})"));
  ASSERT_TRUE(outcome && outcome->failure);
  EXPECT_THAT(outcome->failure->what(), HasSubstr("'mesh-init' failed: no iptables"));
  const auto waits = obstacle_of(state_of("{}", R"({"initContainerStatuses":[{"name":"mesh-init",
      "state":{"waiting":{"reason":"ErrImagePull","message":"i/o timeout"}}}]})"),
                                 "");
  ASSERT_TRUE(waits);
  EXPECT_THAT(waits->text, HasSubstr("'mesh-init': ErrImagePull: i/o timeout"));
  EXPECT_THAT(waits->hint, HasSubstr("webhook"));
}

TEST(RunOutcome, LostPodIsNoSuccess) {
  const auto evicted = outcome_of(
      state_of("{}", R"({"phase":"Failed","reason":"Evicted","message":"low on memory"})"));
  ASSERT_TRUE(evicted && evicted->failure);
  EXPECT_THAT(evicted->failure->what(), HasSubstr("Evicted: low on memory"));
  EXPECT_TRUE(outcome_of(read_run_state(R"({"items":[]})"))->failure);
  EXPECT_TRUE(
      outcome_of(state_of(R"({"conditions":[{"type":"Failed","status":"True","reason":"X"}]})"))
          ->failure);
}

std::string warning(const std::string& reason, const std::string& message) {
  return nlohmann::json{
      {"items", {{{"type", "Warning"}, {"reason", reason}, {"message", message}}}}}
      .dump();
}

TEST(Obstacles, AreExplained) {
  const auto image = obstacle_of(
      state_of("{}",
               container(R"({"waiting":{"reason":"ImagePullBackOff","message":"not found"}})")),
      "");
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->hopeless);
  EXPECT_THAT(image->hint, HasSubstr("kubernetes.image"));

  const auto claim =
      obstacle_of(state_of("{}", R"({"conditions":[{"type":"PodScheduled","status":"False",
        "reason":"Unschedulable","message":"persistentvolumeclaim \"x\" not found"}]})"),
                  "");
  ASSERT_TRUE(claim);
  EXPECT_TRUE(claim->hopeless);
  EXPECT_THAT(claim->hint, HasSubstr("documents_claim"));

  const auto quota = obstacle_of(
      state_of("{}"), warning("FailedCreate", "pods \"a\" is forbidden: exceeded quota"));
  ASSERT_TRUE(quota);
  EXPECT_TRUE(quota->hopeless);
  EXPECT_THAT(quota->hint, HasSubstr("quota"));

  const auto secret =
      obstacle_of(state_of("{}", "{}"), warning("FailedMount", "secret \"vso\" not found"));
  ASSERT_TRUE(secret);
  EXPECT_TRUE(secret->hopeless);
  EXPECT_THAT(secret->hint, HasSubstr("database_secret"));
}

TEST(Obstacles, OfANamespacesRulesAreExplained) {
  const auto hint = [](const std::string& words) {
    const auto found = obstacle_of(state_of("{}"), warning("FailedCreate", words));
    EXPECT_TRUE(found && found->hopeless) << words;
    return found ? found->hint : "";
  };
  EXPECT_THAT(hint(R"(pods "a" is forbidden: failed quota: most: must specify limits.cpu for: )"
                   "dolibarr-backup"),
              HasSubstr("LimitRange"));
  EXPECT_THAT(hint(R"(pods "a" is forbidden: maximum memory usage per Container is 512Mi, but )"
                   "limit is 1Gi"),
              HasSubstr("kubernetes.memory_limit"));
  EXPECT_THAT(hint(R"(pods "a" is forbidden: violates PodSecurity "restricted:latest": x)"),
              HasSubstr("dolibarr-backup meets"));
  EXPECT_THAT(hint(R"(pods "a" is forbidden: pod node label selector conflicts with its namespace )"
                   "node label selector"),
              HasSubstr("kubernetes.node_selector"));
  EXPECT_THAT(hint(R"(admission webhook "policy.example" denied the request: no)"),
              HasSubstr("policy"));
}

TEST(Obstacles, MayPass) {
  const auto full =
      obstacle_of(state_of("{}", R"({"conditions":[{"type":"PodScheduled","status":"False",
        "reason":"Unschedulable","message":"0/3 nodes are available: Insufficient memory"}]})"),
                  "");
  ASSERT_TRUE(full);
  EXPECT_FALSE(full->hopeless);
  EXPECT_FALSE(obstacle_of(state_of("{}", "{}"), R"({"items":[]})"));
  EXPECT_FALSE(obstacle_of(state_of("{}", "{}"), ""));
}

// What a cluster does while it grows, is upgraded or is busy.
TEST(Obstacles, OfAClusterAtWorkMayPass) {
  const auto may_pass = [](const std::optional<Obstacle>& found) {
    return found && !found->hopeless;
  };
  const auto waits = [](const std::string& reason, const std::string& message) {
    const nlohmann::json state = {{"waiting", {{"reason", reason}, {"message", message}}}};
    return obstacle_of(state_of("{}", container(state.dump())), "");
  };
  EXPECT_TRUE(may_pass(waits("ErrImagePull", "pull QPS exceeded")));
  EXPECT_TRUE(may_pass(waits("ErrImagePull", "dial tcp 192.0.2.1:443: i/o timeout")));
  EXPECT_TRUE(may_pass(waits("ImagePullBackOff",
                             "Back-off pulling image \"a\": ErrImagePull: 429 Too Many Requests")));
  EXPECT_TRUE(may_pass(waits("CreateContainerError", "context deadline exceeded")));
  const auto gone = waits("ErrImagePull", "failed to resolve reference \"a\": a: not found");
  EXPECT_TRUE(gone && gone->hopeless);
  const auto denied = waits("ErrImagePull", "pull access denied, authorization failed");
  EXPECT_TRUE(denied && denied->hopeless);

  const auto of_job = [](const std::string& message) {
    return obstacle_of(state_of("{}"), warning("FailedCreate", message));
  };
  EXPECT_TRUE(
      may_pass(of_job("Internal error occurred: failed calling webhook \"mesh\": connect: "
                      "connection refused")));
  EXPECT_TRUE(may_pass(of_job("etcdserver: request timed out")));

  const auto of_pod = [](const std::string& reason, const std::string& message) {
    return obstacle_of(state_of("{}", "{}"), warning(reason, message));
  };
  EXPECT_TRUE(may_pass(of_pod("FailedMount",
                              "MountVolume.MountDevice failed for volume \"pvc-1\" : driver name "
                              "csi.example not found in the list of registered CSI drivers")));
  EXPECT_TRUE(may_pass(
      of_pod("FailedCreatePodSandBox", "plugin \"mesh\" not found in path [/opt/cni/bin]")));
  EXPECT_TRUE(
      may_pass(obstacle_of(state_of("{}", R"({"conditions":[{"type":"PodScheduled","status":"False",
        "reason":"SchedulerError","message":"csinode.storage.k8s.io \"new\" not found"}]})"),
                           "")));
  const auto attached = of_pod("FailedAttachVolume", "Multi-Attach error for volume \"pvc-1\"");
  EXPECT_TRUE(may_pass(attached));
  EXPECT_THAT(attached->hint, HasSubstr("kubernetes.node_selector"));
}

// A node looks at what it missed again after up to two minutes, and says nothing new till then.
TEST(Obstacles, OwnObjectsAreThereSinceTheNodeMissedThem) {
  for (const char* what : {"configmap \"run-1\" not found", "secret \"run-1\" not found"}) {
    const auto found = obstacle_of(
        read_run_state(R"({"items":[{"kind":"Job","metadata":{"name":"run-1","uid":"1"}},
          {"kind":"Pod","metadata":{"name":"run-1-a","ownerReferences":[{"uid":"1"}]}}]})"),
        warning("FailedMount", what));
    ASSERT_TRUE(found) << what;
    EXPECT_FALSE(found->hopeless) << what;
  }
}

TEST(Obstacles, AreOverOnceTheClusterWentOn) {
  const auto events = [](const char* first, const char* second) {
    return nlohmann::json{
        {"items",
         {{{"type", "Warning"}, {"reason", "Failed"}, {"message", "a"}, {"lastTimestamp", first}},
          {{"type", "Normal"}, {"reason", "Pulling"}, {"message", "b"}, {"eventTime", second}}}}}
        .dump();
  };
  EXPECT_FALSE(obstacle_of(state_of("{}", "{}"),
                           events("2026-06-30T02:15:00Z", "2026-06-30T02:15:04.123456Z")));
  EXPECT_TRUE(obstacle_of(state_of("{}", "{}"),
                          events("2026-06-30T02:15:09Z", "2026-06-30T02:15:04.123456Z")));
}

TEST(PodLines, DiagnosticsAreToldFromTheResult) {
  const auto line = read_diagnostic(
      R"({"time":"2026-06-30T02:15:00.000Z","level":"warning","message":"a \"b\""})");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->level, log::Level::warning);
  EXPECT_EQ(line->message, "a \"b\"");
  EXPECT_FALSE(read_diagnostic("env=prod result=success"));
  EXPECT_FALSE(read_diagnostic(R"({"time":"x","level":"info","message":"y","more":1})"));
  EXPECT_FALSE(read_diagnostic(R"({"environments":[]})"));
  EXPECT_FALSE(read_diagnostic(R"({"time":")"));
}

}  // namespace
}  // namespace dolibarr_backup
