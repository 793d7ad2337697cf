#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "store/directory_store.h"
#include "support/temp_dir.h"

/// A directory store on a disk in trouble. What cannot be undone in this process
/// (limits, mounts, another user) is done in a child, whose report is its exit code
/// and what it wrote to stderr.
namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

void require_error(const std::function<void()>& body, const std::string& hint) {
  try {
    body();
  } catch (const Error& error) {
    require(error.code() == Errc::store, std::string("wrong kind of error: ") + error.what());
    require(!error.transient(), "a full disk is no matter of patience");
    return require(error.hint().find(hint) != std::string::npos,
                   std::string(error.what()) + " has the hint '" + error.hint() + "'");
  }
  require(false, "nothing was thrown; expected: " + hint);
}

/// Expects `body` to return in a child process.
void expect_in_child(const std::function<void()>& body) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      body();
    } catch (const std::exception& error) {
      const std::string_view text = error.what();
      if (::write(pipe_ends[1], text.data(), text.size()) < 0) ::_exit(2);
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  std::string report;
  char buffer[4096];
  for (ssize_t count; (count = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
    report.append(buffer, static_cast<size_t>(count));
  ::close(pipe_ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << report;
}

size_t files_below(const fs::path& root) {
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) files += entry.is_regular_file();
  return files;
}

/// A store that cannot hold a mebibyte keeps its promises all the same.
void expect_full_store_leaves_nothing(const fs::path& root, const std::string& hint) {
  Progress progress;
  DirectoryStore store(root.string(), progress, {});
  store.put("erp/small", as_bytes("fits"), Overwrite::no);
  const std::string large(4 * kMiB, 'x');
  require_error([&] { store.put("erp/large", as_bytes(large), Overwrite::no); }, hint);
  require_error(
      [&] {
        const std::unique_ptr<Upload> upload = store.start_upload("erp/large", {});
        for (int piece = 0; piece < 64; ++piece) upload->write(large.substr(0, 65536));
        upload->complete();
      },
      hint);
  require(store.list_uploads("").empty(), "an upload was left behind");
  require(files_below(root) == 1, "something was left behind");
  require(store.list("").size() == 1 && store.head("erp/small")->size == 4, "the store changed");
  store.put("erp/small2", as_bytes("fits again"), Overwrite::no);
}

TEST(DirectoryFaults, ALimitOnFileSizesLeavesNothing) {
  TempDir folder;
  expect_in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);  // then write(2) fails with EFBIG
    const rlimit limit{.rlim_cur = kMiB, .rlim_max = kMiB};
    require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
    expect_full_store_leaves_nothing(folder / "store", "allows no file of that size");
  });
}

/// A small file system of its own over `folder`, for a child process to live with.
class PrivateTmpfs {
 public:
  /// As plain user, in a user namespace too.
  PrivateTmpfs(std::string folder, uid_t user, unsigned long flags) : folder_(std::move(folder)) {
    require(::unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0, "unshare");
    // A chroot's root is no mount point: there the mount is seen outside until it ends.
    require(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 || errno == EINVAL,
            "mount private");
    require(::mount("small", folder_.c_str(), "tmpfs", flags, "size=1m") == 0, "mount tmpfs");
  }
  ~PrivateTmpfs() { ::umount2(folder_.c_str(), MNT_DETACH); }
  PrivateTmpfs(const PrivateTmpfs&) = delete;
  PrivateTmpfs& operator=(const PrivateTmpfs&) = delete;

 private:
  std::string folder_;
};

TEST(DirectoryFaults, AFullDiskLeavesNothing) {
  TempDir folder;
  const uid_t user = ::geteuid();
  expect_in_child([&] {
    const PrivateTmpfs tmpfs(folder.string(), user, 0);
    expect_full_store_leaves_nothing(folder / "store", "is full");
  });
}

TEST(DirectoryFaults, AReadOnlyFileSystemIsToldApart) {
  TempDir folder;
  const uid_t user = ::geteuid();
  expect_in_child([&] {
    const PrivateTmpfs tmpfs(folder.string(), user, MS_RDONLY);
    Progress progress;
    DirectoryStore store((folder / "store").string(), progress, {});
    require_error([&] { store.check_access(Access::write); }, "mounted read-only");
  });
}

TEST(DirectoryFaults, AReadOnlyFileSystemCanBeRead) {
  TempDir folder;
  const uid_t user = ::geteuid();
  expect_in_child([&] {
    const PrivateTmpfs tmpfs(folder.string(), user, 0);
    Progress progress;
    DirectoryStore store((folder / "store").string(), progress, {});
    store.put("erp/x", as_bytes("x"), Overwrite::no);
    require(
        ::mount("small", folder.string().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m") == 0,
        "remount");
    store.check_access(Access::read);
    require(store.list("").size() == 1 && get_object(store, "erp/x", 9) == "x", "not read");
    require(store.list_uploads("").empty(), "an upload");
    require_error([&] { store.check_access(Access::write); }, "mounted read-only");
    require_error([&] { store.remove("erp/x"); }, "mounted read-only");
  });
}

TEST(DirectoryFaults, RemovingNeedsNoSpaceOnAFullDisk) {
  TempDir folder;
  const uid_t user = ::geteuid();
  expect_in_child([&] {
    const PrivateTmpfs tmpfs(folder.string(), user, 0);
    Progress progress;
    DirectoryStore store((folder / "store").string(), progress, {});
    store.put("erp/old", as_bytes(std::string(300'000, 'x')), Overwrite::no);
    std::ofstream filler(folder / "filler");
    while (filler.write(std::string(4096, 'f').data(), 4096).flush()) continue;
    store.check_access(Access::read);
    try {
      store.check_access(Access::write);
      require(false, "a full disk was written to");
    } catch (const Error& error) {
      require(error.message().find("testing whether a file can be written in directory " +
                                   (folder / "store").string()) == 0,
              error.message());
      require(error.hint().find("is full") != std::string::npos, error.hint());
    }
    require(store.list_uploads("").empty() && files_below(folder / "store") == 1, "a leftover");
    store.remove("erp/old");
    store.check_access(Access::write);
    require(store.list("").empty(), "not removed");
  });
}

TEST(DirectoryFaults, AnotherUsersFolderIsToldApart) {
  TempDir folder;
  Progress progress;
  DirectoryStore store((folder / "store").string(), progress, {});
  store.put("erp/x", as_bytes("x"), Overwrite::no);
  if (::geteuid() != 0) ::chmod((folder / "store").c_str(), 0);
  expect_in_child([&] {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0) require(::setresuid(kNobody, kNobody, kNobody) == 0, "setresuid");
    require_error([&] { store.check_access(Access::read); }, "give the user that runs this");
    require_error([&] { store.check_access(Access::write); }, "give the user that runs this");
    require_error([&] { store.list(""); }, "give the user that runs this");
    require_error([&] { store.open("erp/x"); }, "give the user that runs this");
    require_error([&] { store.put("erp/y", as_bytes("y"), Overwrite::no); },
                  "give the user that runs this");
  });
}

TEST(DirectoryFaults, RemoversAndWritersOfOneFolderDoNotHurtEachOther) {
  TempDir folder;
  Progress progress;
  DirectoryStore store((folder / "store").string(), progress, {});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&store, thread] {
      const std::string key = "a/b/c/" + std::to_string(thread);
      for (int round = 0; round < 300; ++round) {
        EXPECT_NO_THROW(store.put(key, as_bytes(key), Overwrite::no));
        EXPECT_TRUE(store.head(key));
        EXPECT_NO_THROW(store.remove(key));
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(store.list("").empty());
  EXPECT_FALSE(fs::exists(folder / "store/a"));
}

}  // namespace
}  // namespace dolibarr_backup
