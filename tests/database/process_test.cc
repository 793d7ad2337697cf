#include "stream/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdlib>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;

ProcessSpec shell(std::string script) {
  return {.argv = {"/bin/sh", "-c", std::move(script)}};
}

Error error_of_reading(const ProcessSpec& spec) {
  try {
    ProcessSource source(spec, {});
    read_all(source, 1 << 20);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {Errc::bug, ""};
}

TEST(Process, DeliversStdoutWholeAndProvesTheEnd) {
  ProcessSource source(shell("head -c 300000 /dev/zero; echo end"), {});
  const std::string text = read_all(source, 1 << 20);
  EXPECT_EQ(text.size(), 300004u);
  EXPECT_TRUE(text.ends_with("end\n"));
}

TEST(Process, TheEndOfOutputIsNoSuccessIfTheChildFails) {
  const Error error = error_of_reading(shell("echo partial; echo why >&2; exit 3"));
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), HasSubstr("/bin/sh exited with status 3: why"));
}

TEST(Process, TheEndOfOutputIsNoSuccessIfTheChildIsKilled) {
  EXPECT_THAT(error_of_reading(shell("echo partial; kill -9 $$")).what(),
              HasSubstr("was killed by signal 9"));
}

TEST(Process, FailingAfterClosingStdoutIsStillAFailure) {
  EXPECT_THAT(error_of_reading(shell("exec >&-; exit 5")).what(), HasSubstr("status 5"));
}

TEST(Process, AMissingProgramIsNamed) {
  const Error error = error_of_reading({.argv = {"no-such-program-here"}});
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), HasSubstr("no-such-program-here"));
  EXPECT_FALSE(error.hint().empty());
}

TEST(Process, KeepsTheLastFourKibibytesOfStderrAndNeverBlocksOnIt) {
  Process process(shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo last >&2"));
  std::array<std::byte, 16> buffer;
  EXPECT_EQ(process.read(buffer), 0u);
  EXPECT_TRUE(process.wait().success());
  EXPECT_EQ(process.stderr_tail().size(), 4096u);
  EXPECT_TRUE(process.stderr_tail().ends_with("xlast\n"));
}

TEST(Process, FeedsStdinToItsEnd) {
  ProcessSpec spec = shell("wc -c");
  spec.pipe_stdin = true;
  Process process(spec);
  process.write(as_bytes(std::string(200000, 'x')));
  process.close_stdin();
  std::array<std::byte, 64> buffer;
  const size_t got = process.read(buffer);
  EXPECT_EQ(as_text(Bytes(buffer).first(got)), "200000\n");
  EXPECT_TRUE(process.wait().success());
}

TEST(Process, WritingToAChildThatGaveUpTellsItsLastWords) {
  ::signal(SIGPIPE, SIG_IGN);
  ProcessSpec spec = shell("echo disk full >&2; exit 7");
  spec.pipe_stdin = true;
  Process process(spec);
  try {
    for (int i = 0; i < 1000; ++i) process.write(as_bytes(std::string(100000, 'x')));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("exited with status 7: disk full"));
  }
}

TEST(Process, StdinIsEmptyUnlessAskedFor) {
  EXPECT_EQ(run_and_read(shell("cat"), 100), "");
}

TEST(Process, AddsVariablesAndHidesThoseWithThePrefix) {
  ::setenv("HIDDENHOST", "elsewhere", 1);
  ::setenv("SHOWN", "yes", 1);
  ProcessSpec spec = shell("echo \"$SHOWN ${HIDDENHOST-unset} $HIDDENPORT\"");
  spec.hidden_variables = "HIDDEN";
  spec.environment = {{"HIDDENPORT", "5"}};
  EXPECT_EQ(run_and_read(spec, 100), "yes unset 5\n");
}

TEST(Process, TheChildDoesNotInheritIgnoredSignals) {
  ::signal(SIGPIPE, SIG_IGN);
  const Error error = error_of_reading(shell("kill -PIPE $$; exit 0"));
  EXPECT_THAT(error.what(), HasSubstr("was killed by signal 13"));
}

TEST(Process, DestructionEndsAndReapsARunningChild) {
  pid_t pid = 0;
  {
    Process process(shell("exec sleep 1000"));
    pid = process.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Process, DestructionKillsAChildThatIgnoresSigterm) {
  pid_t pid = 0;
  {
    Process process(shell("trap '' TERM; echo ready; while :; do sleep 0.1; done"));
    std::array<std::byte, 16> buffer;
    process.read(buffer);
    pid = process.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Process, AStopEndsAReadThatWaitsForASilentChild) {
  std::stop_source stop;
  ProcessSource source(shell("exec sleep 1000"), stop.get_token());
  std::thread stopper([&] { stop.request_stop(); });
  std::array<std::byte, 16> buffer;
  try {
    source.read(buffer);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::interrupted);
  }
  stopper.join();
}

TEST(Process, AGrandchildThatKeepsStderrOpenDoesNotHoldUs) {
  const auto begin = steady_clock::now();
  Process process(shell("sleep 30 >/dev/null & echo started $! >&2"));
  std::array<std::byte, 16> buffer;
  EXPECT_EQ(process.read(buffer), 0u);
  EXPECT_TRUE(process.wait().success());
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
  const std::string tail = process.stderr_tail();
  ASSERT_THAT(tail, HasSubstr("started "));
  ::kill(std::stoi(tail.substr(8)), SIGKILL);
}

TEST(Process, DescriptorsOfOursDoNotLeakIntoTheChild) {
  const ProcessSpec list = shell("ls /proc/self/fd");
  const std::string alone = run_and_read(list, 1000);  // and what our own caller left open
  ProcessSpec feeding = shell("exec sleep 1000");
  feeding.pipe_stdin = true;
  const Process bystander(feeding);
  EXPECT_EQ(run_and_read(list, 1000), alone);
}

TEST(Process, RunAndReadRefusesMoreThanItsLimit) {
  EXPECT_THROW(run_and_read(shell("head -c 2000 /dev/zero"), 1000), Error);
}

}  // namespace
}  // namespace dolibarr_backup
