#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/unique_fd.h"
#include "documents/tree.h"

// A tree that moves while it is captured. With one worker a handful of members are
// under way at most, so that what is done at the first one stored happens before
// what comes twenty members later is read.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class MovingTree : public testing::Test {
 protected:
  MovingTree() { tree.write("a first", random_bytes(40 << 20, 1)); }

  template <typename Change>
  Captured capture_while(const Change& change) {
    bool done = false;
    return capture(tree.source(1), [&] {
      if (!std::exchange(done, true)) change();
    });
  }
  void unpack(const Captured& captured) { unpack_with_tar(captured.archive, restored()); }
  std::string restored() const { return (out_ / "restored").string(); }

  Tree tree;

 private:
  TempDir out_;
};

/// Does something over and over, as fast as it can, until it is destroyed.
class Meanwhile {
 public:
  explicit Meanwhile(std::function<void()> body)
      : thread_([this, body = std::move(body)] {
          while (!ended_) body();
        }) {}
  ~Meanwhile() {
    ended_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

TEST_F(MovingTree, a_file_that_vanishes_is_a_note) {
  tree.write("z small", "soon gone");
  tree.write("z zlarge", random_bytes(2 << 20, 2));
  tree.write("zz last", "stays");
  const Captured captured = capture_while([&] {
    fs::remove(tree.path("z small"));
    fs::remove(tree.path("z zlarge"));
  });
  EXPECT_THAT(captured.problem_texts(), ElementsAre("vanished z small", "vanished z zlarge"));
  EXPECT_FALSE(captured.result.incomplete);
  EXPECT_FALSE(captured.checksums.contains("z small"));
  unpack(captured);
  EXPECT_FALSE(fs::exists(restored() + "/z small"));
  EXPECT_EQ(read_whole(restored() + "/zz last"), "stays");
  EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
}

TEST_F(MovingTree, a_file_that_becomes_something_else_is_not_followed) {
  tree.write("z file", "a file");
  tree.write("z pipe", "a file");
  const Captured captured = capture_while([&] {
    fs::remove(tree.path("z file"));
    fs::create_symlink("/etc/passwd", tree.path("z file"));
    fs::remove(tree.path("z pipe"));
    ASSERT_EQ(::mkfifo(tree.path("z pipe").c_str(), 0600), 0);
  });
  EXPECT_THAT(captured.problem_texts(), ElementsAre("vanished z file", "vanished z pipe"));
  unpack(captured);
  EXPECT_FALSE(fs::exists(fs::symlink_status(restored() + "/z file")));
}

TEST_F(MovingTree, a_folder_swapped_for_a_link_does_not_lead_out) {
  const TempDir outside;
  fs::create_directories(outside / "folder");
  fs::copy_file("/proc/self/status", outside / "folder/secret");
  for (int i = 0; i < 40; ++i) tree.write("b/" + std::to_string(100 + i), random_bytes(900'000, 9));
  tree.write("y folder/secret", "own");
  const Captured captured = capture_while([&] {
    fs::remove_all(tree.path("y folder"));
    fs::create_directory_symlink(outside / "folder", tree.path("y folder"));
  });
  unpack(captured);
  if (fs::exists(restored() + "/y folder/secret")) {
    EXPECT_EQ(read_whole(restored() + "/y folder/secret"), "own");
  }
  EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
}

TEST_F(MovingTree, what_changed_before_it_was_read_is_stored_as_it_is_then) {
  tree.write("z small", "old");
  tree.write("z zlarge", random_bytes(2 << 20, 2));
  const std::string fresh = random_bytes(3 << 20, 3);
  const Captured captured = capture_while([&] {
    tree.write("z small", "new and longer");
    tree.write("z zlarge", fresh);
  });
  EXPECT_THAT(captured.problems, IsEmpty());
  EXPECT_EQ(captured.entry("z small").size, 14u);
  unpack(captured);
  EXPECT_EQ(read_whole(restored() + "/z small"), "new and longer");
  EXPECT_TRUE(read_whole(restored() + "/z zlarge") == fresh);
  EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
  EXPECT_EQ(captured.result.survey.fingerprint.value.size(), 64u);
  EXPECT_NE(captured.result.survey.fingerprint, survey(tree.source()).fingerprint);
}

TEST_F(MovingTree, a_large_file_cut_short_while_read_is_read_again) {
  const Captured captured =
      capture_while([&] { fs::resize_file(tree.path("a first"), 5'000'000); });
  EXPECT_THAT(captured.problems, IsEmpty());
  EXPECT_FALSE(captured.result.incomplete);
  EXPECT_EQ(captured.entry("a first").size, 5'000'000u);
  unpack(captured);
  EXPECT_EQ(fs::file_size(restored() + "/a first"), 5'000'000u);
  EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
  // The manifest points at the entry that counts, not at the one cut short.
  const ManifestEntry& entry = captured.entry("a first");
  EXPECT_GT(entry.member, 5u);
  EXPECT_EQ(tar_path_at(unpack_member(captured.packed(captured.members.at(entry.member))),
                        entry.member_offset),
            "a first");
}

TEST_F(MovingTree, a_large_file_rewritten_once_while_read_is_read_again) {
  const std::string fresh = random_bytes(6 << 20, 4);
  const Captured captured = capture_while([&] { tree.write("a first", fresh); });
  EXPECT_FALSE(captured.result.incomplete);
  unpack(captured);
  EXPECT_TRUE(read_whole(restored() + "/a first") == fresh);
  EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
}

TEST_F(MovingTree, a_large_file_removed_while_read_is_stored_whole) {
  const std::string content = read_whole(tree.path("a first"));
  const Captured captured = capture_while([&] { fs::remove(tree.path("a first")); });
  unpack(captured);
  EXPECT_TRUE(read_whole(restored() + "/a first") == content);
}

TEST_F(MovingTree, a_large_file_that_never_rests_is_named_and_the_tar_stays_whole) {
  tree.write("b moving", random_bytes(6 << 20, 5));
  tree.write("c after", "after it");
  const UniqueFd file(::open(tree.path("b moving").c_str(), O_WRONLY | O_CLOEXEC));
  std::atomic<unsigned> round{0};
  Captured captured;
  {
    const Meanwhile writer([&] {
      const unsigned char byte = static_cast<unsigned char>(++round);
      ASSERT_EQ(::pwrite(file.get(), &byte, 1, 5'000'000), 1);
    });
    captured = capture(tree.source());
  }
  EXPECT_THAT(captured.problem_texts(), ElementsAre("changing b moving"));
  EXPECT_TRUE(captured.result.incomplete);
  unpack(captured);
  EXPECT_EQ(fs::file_size(restored() + "/b moving"), 6u << 20);
  EXPECT_EQ(read_whole(restored() + "/c after"), "after it");
  EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
}

TEST_F(MovingTree, a_small_file_that_never_rests_is_named_and_the_tar_stays_whole) {
  Tree small;
  small.write("a before", "before it");
  small.write("b moving", "");
  small.write("c after", "after it");
  const UniqueFd file(::open(small.path("b moving").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  // Whether a byte comes between two looks at the file is the scheduler's choice, so
  // it is tried until it did; each try has to be whole in itself.
  bool named = false;
  for (int tries = 0; tries < 100 && !named; ++tries) {
    ASSERT_EQ(::ftruncate(file.get(), 500'000), 0);
    Captured captured;
    {
      const auto grow = [&] { ASSERT_EQ(::write(file.get(), "x", 1), 1); };
      const Meanwhile writer(grow), another(grow);
      captured = capture(small.source());
    }
    named = captured.result.incomplete;
    EXPECT_THAT(captured.problem_texts(),
                named ? std::vector<std::string>{"changing b moving"} : std::vector<std::string>{});
    const TempDir out;
    unpack_with_tar(captured.archive, out / "restored");
    EXPECT_EQ(check_with_sha256sum(captured, out / "restored"), "");
    EXPECT_EQ(captured.checksums.size(), 3u);
    EXPECT_GE(fs::file_size(out / "restored/b moving"), 500'000u);
  }
  EXPECT_TRUE(named) << "a file that grew all the time was never seen to";
}

TEST_F(MovingTree, a_log_that_grows_is_fine) {
  for (const size_t size : {200'000u, 3'000'000u}) {
    Tree logs;
    logs.write("dolibarr.log", text_of(size));
    const UniqueFd file(::open(logs.path("dolibarr.log").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    Captured captured;
    {
      const Meanwhile writer([&] { ASSERT_EQ(::write(file.get(), "line\n", 5), 5); });
      captured = capture(logs.source());
    }
    EXPECT_THAT(captured.problems, IsEmpty());
    EXPECT_FALSE(captured.result.incomplete);
    const TempDir out;
    unpack_with_tar(captured.archive, out / "restored");
    EXPECT_TRUE(read_whole(out / "restored/dolibarr.log").starts_with(text_of(size)));
    EXPECT_EQ(check_with_sha256sum(captured, out / "restored"), "");
  }
}

TEST_F(MovingTree, files_that_come_and_go_leave_a_whole_archive) {
  for (int i = 0; i < 300; ++i) tree.write("d/" + std::to_string(i), text_of(5000));
  std::atomic<int> number{0};
  Captured captured;
  {
    const Meanwhile writer([&] {
      const std::string name = "d/" + std::to_string(++number % 300);
      fs::remove(tree.path(name));
      fs::create_directories(tree.path("e/" + std::to_string(number % 20) + "/x"));
      fs::remove_all(tree.path("e/" + std::to_string((number + 7) % 20)));
      tree.write(name, text_of(3000 + static_cast<size_t>(number % 1000)));
    });
    captured = capture(tree.source());
  }
  unpack(captured);
  EXPECT_EQ(check_with_sha256sum(captured, restored()), "");
}

}  // namespace
}  // namespace dolibarr_backup
