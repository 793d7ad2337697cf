#include "store/directory_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "store/error_of.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DirectoryStoreTest : public testing::Test {
 protected:
  void put(const std::string& key, std::string_view content = "x") {
    store_.put(key, as_bytes(content), Overwrite::no);
  }
  fs::path path(const std::string& key) const { return root_ / key; }
  /// Every file and folder below the root but `.uploads` itself, sorted.
  std::vector<std::string> tree() const {
    std::vector<std::string> found;
    if (!fs::exists(root_)) return found;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      std::string name = fs::relative(entry.path(), root_);
      if (name != ".uploads") found.push_back(std::move(name));
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  static mode_t mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  /// Runs `body` in a process of its own that ends by SIGKILL.
  static void in_killed_process(const std::function<void()>& body) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        body();
      } catch (...) {
        ::_exit(1);
      }
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }

  TempDir folder_;
  fs::path root_ = folder_ / "store";
  Progress progress_;
  DirectoryStore store_{root_.string(), progress_, {}};
};

TEST_F(DirectoryStoreTest, OnlyTheOwnerMayReadWhatIsStored) {
  const mode_t old_mask = ::umask(0);
  put("erp/prod/x");
  std::unique_ptr<Upload> upload = store_.start_upload("erp/prod/y", {});
  upload->write(std::string_view("y"));
  for (const auto& entry : fs::directory_iterator(path(".uploads")))
    EXPECT_EQ(mode_of(entry.path()), 0600u) << entry.path();
  upload->complete();
  ::umask(old_mask);
  EXPECT_EQ(mode_of(root_), 0700u);
  EXPECT_EQ(mode_of(path(".uploads")), 0700u);
  EXPECT_EQ(mode_of(path("erp")), 0700u);
  EXPECT_EQ(mode_of(path("erp/prod")), 0700u);
  EXPECT_EQ(mode_of(path("erp/prod/x")), 0600u);
  EXPECT_EQ(mode_of(path("erp/prod/y")), 0600u);
}

TEST_F(DirectoryStoreTest, AnObjectIsAPlainFileAtItsKey) {
  put("erp/prod/x", "content");
  std::ifstream file(path("erp/prod/x"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "content");
  EXPECT_THAT(tree(), ElementsAre("erp", "erp/prod", "erp/prod/x"));
}

TEST_F(DirectoryStoreTest, RemovingPrunesEmptyFoldersUpToTheRoot) {
  put("erp/prod/a/b/one");
  put("erp/two");
  store_.remove("erp/prod/a/b/one");
  EXPECT_THAT(tree(), ElementsAre("erp", "erp/two"));
  store_.remove("erp/two");
  EXPECT_THAT(tree(), IsEmpty());
  EXPECT_TRUE(fs::exists(root_));
}

TEST_F(DirectoryStoreTest, ARootThatDoesNotExistIsAnEmptyStore) {
  EXPECT_THAT(store_.list(""), IsEmpty());
  EXPECT_THAT(store_.list_uploads(""), IsEmpty());
  EXPECT_EQ(store_.head("a"), std::nullopt);
  EXPECT_EQ(store_.open("a"), nullptr);
  EXPECT_NO_THROW(store_.remove("a"));
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(DirectoryStoreTest, CheckAccessMakesTheRootAndLeavesNothingInIt) {
  store_.check_access(Access::write);
  EXPECT_EQ(mode_of(root_), 0700u);
  EXPECT_THAT(tree(), IsEmpty());
  EXPECT_EQ(progress_.stored_bytes, 0u);
}

TEST_F(DirectoryStoreTest, CheckingWhetherItCanBeReadWritesNothing) {
  store_.check_access(Access::read);
  EXPECT_FALSE(fs::exists(root_));
  fs::create_directories(root_);
  const auto before = fs::last_write_time(root_);
  store_.check_access(Access::read);
  EXPECT_EQ(fs::last_write_time(root_), before);
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(DirectoryStoreTest, ALinkToARootThatIsNotMountedIsNoEmptyStore) {
  fs::create_directory_symlink(folder_ / "disk/backups", root_);
  EXPECT_THAT(error_of([&] { store_.check_access(Access::read); }).hint(),
              HasSubstr("still mounted"));
}

TEST_F(DirectoryStoreTest, TheParentOfTheRootMustExist) {
  DirectoryStore store((folder_ / "not/there").string(), progress_, {});
  for (const auto& body : std::vector<std::function<void()>>{
           [&] { store.check_access(Access::read); }, [&] { store.check_access(Access::write); },
           [&] { store.put("a", as_bytes("x"), Overwrite::no); }}) {
    const Error error = error_of(body);
    EXPECT_EQ(error.code(), Errc::store);
    EXPECT_THAT(error.hint(), HasSubstr("parent folder does not exist"));
  }
  EXPECT_FALSE(fs::exists(folder_ / "not"));
}

TEST_F(DirectoryStoreTest, ARootThatIsAFileIsRefused) {
  std::ofstream(root_) << "a file";
  for (const Access access : {Access::read, Access::write}) {
    const Error error = error_of([&] { store_.check_access(access); });
    EXPECT_EQ(error.code(), Errc::store);
    EXPECT_THAT(error.hint(), HasSubstr("a file stands where a folder is needed"));
  }
}

TEST_F(DirectoryStoreTest, ForeignThingsAreNeitherListedNorTouched) {
  put("erp/x");
  fs::create_symlink("x", path("erp/link"));
  fs::create_directory_symlink("erp", path("linked-folder"));
  fs::create_directories(path("erp/empty-folder"));
  ASSERT_EQ(::mkfifo(path("erp/pipe").c_str(), 0600), 0);
  const std::vector<ObjectInfo> objects = store_.list("");
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].key, "erp/x");
  EXPECT_EQ(store_.open("erp/pipe"), nullptr);
  store_.remove("erp/x");
  EXPECT_TRUE(fs::exists(path("erp/empty-folder")));
}

TEST_F(DirectoryStoreTest, ASymbolicLinkInTheWayIsNeverFollowed) {
  const fs::path outside = folder_ / "outside";
  fs::create_directories(outside);
  std::ofstream(outside / "secret") << "not ours";
  put("erp/x");
  fs::create_directory_symlink(outside, path("erp/away"));
  fs::create_symlink(outside / "secret", path("erp/secret"));
  const std::vector<std::function<void()>> attempts = {
      [&] { put("erp/away/new"); },
      [&] { store_.start_upload("erp/away/new", {})->complete(); },
      [&] { store_.open("erp/away/secret"); },
      [&] { store_.head("erp/away/secret"); },
      [&] { store_.remove("erp/away/secret"); },
      [&] { store_.list("erp/away/"); },
      [&] { store_.open("erp/secret"); },
      [&] { store_.head("erp/secret"); },
  };
  for (size_t index = 0; index < attempts.size(); ++index) {
    const Error error = error_of(attempts[index]);
    EXPECT_EQ(error.code(), Errc::store) << index;
    EXPECT_THAT(error.hint(), HasSubstr("a symbolic link stands in the way")) << index;
  }
  // Put replaces or refuses the link; what it points to stays as it is.
  EXPECT_EQ(error_of([&] { put("erp/secret"); }).code(), Errc::store);
  store_.put("erp/secret", as_bytes("ours"), Overwrite::yes);
  EXPECT_EQ(fs::file_size(outside / "secret"), 8u);
  EXPECT_THAT(store_.list_uploads(""), IsEmpty());
  EXPECT_EQ(std::distance(fs::directory_iterator(outside), {}), 1);
}

TEST_F(DirectoryStoreTest, ALinkInPlaceOfTheUploadsFolderIsRefused) {
  fs::create_directories(root_);
  fs::create_directory_symlink(folder_.path(), path(".uploads"));
  EXPECT_THAT(error_of([&] { put("a"); }).hint(), HasSubstr("a symbolic link"));
  EXPECT_THAT(error_of([&] { store_.list_uploads(""); }).hint(), HasSubstr("a symbolic link"));
}

TEST_F(DirectoryStoreTest, ALinkAsTheRootItselfIsTheOperatorsChoice) {
  fs::create_directories(folder_ / "disk");
  fs::create_directory_symlink(folder_ / "disk", root_);
  store_.check_access(Access::write);
  put("a");
  EXPECT_TRUE(fs::exists(folder_ / "disk/a"));
}

TEST_F(DirectoryStoreTest, AnObjectCannotBeAFolderToo) {
  put("erp/x");
  EXPECT_THAT(error_of([&] { put("erp/x/below"); }).hint(), HasSubstr("a file stands where"));
  EXPECT_THAT(error_of([&] { store_.put("erp", as_bytes("y"), Overwrite::yes); }).hint(),
              HasSubstr("a folder stands where"));
  EXPECT_THAT(tree(), ElementsAre("erp", "erp/x"));
}

TEST_F(DirectoryStoreTest, AKilledProcessLeavesAnUploadThatCanBeAborted) {
  in_killed_process([&] {
    Upload* upload = store_.start_upload("erp/prod/docs/killed", {}).release();
    upload->write(std::string(100'000, 'k'));
  });
  EXPECT_THAT(store_.list(""), IsEmpty());
  const std::vector<PendingUpload> left = store_.list_uploads("erp/prod/");
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].key, "erp/prod/docs/killed");
  const Instant now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  EXPECT_LE(now - left[0].started, std::chrono::minutes(1));
  EXPECT_THAT(store_.list_uploads("erp/sandbox"), IsEmpty());
  store_.abort_upload(left[0]);
  EXPECT_THAT(store_.list_uploads(""), IsEmpty());
  EXPECT_THAT(tree(), IsEmpty());
}

TEST_F(DirectoryStoreTest, AFlushedUploadOfAKilledProcessIsStillInvisible) {
  in_killed_process([&] {
    Upload* upload = store_.start_upload("erp/flushed", {}).release();
    upload->write(std::string_view("all of it"));
    upload->flush();
  });
  EXPECT_THAT(store_.list(""), IsEmpty());
  EXPECT_EQ(store_.list_uploads("").size(), 1u);
}

TEST_F(DirectoryStoreTest, APipeAmongTheUploadsIsNotWaitedFor) {
  store_.start_upload("a", {})->write("x");  // makes the folder
  const fs::path folder = root_ / ".uploads";
  fs::create_directories(folder);
  const std::string name = "0123456789abcdef0123456789abcdef.key";
  ASSERT_EQ(::mkfifo((folder / name).c_str(), 0600), 0);
  EXPECT_THAT(store_.list_uploads(""), IsEmpty());
}

TEST_F(DirectoryStoreTest, AnIdFromElsewhereRemovesNothing) {
  put("erp/x");
  const PendingUpload forged{.key = "erp/x", .id = "../erp/x", .started = {}};
  EXPECT_EQ(error_of([&] { store_.abort_upload(forged); }).code(), Errc::refused);
  EXPECT_TRUE(fs::exists(path("erp/x")));
}

TEST_F(DirectoryStoreTest, AFileThatShrinksWhileReadIsCorrupt) {
  put("erp/x", std::string(1'000'000, 'x'));
  const std::unique_ptr<Source> source = store_.open("erp/x");
  fs::resize_file(path("erp/x"), 500'000);
  const Error error = error_of([&] { read_all(*source, 2'000'000); });
  EXPECT_EQ(error.code(), Errc::corrupt);
  EXPECT_THAT(error.what(), HasSubstr("500000 short"));
}

TEST_F(DirectoryStoreTest, AReaderKeepsTheObjectItOpened) {
  put("erp/x", "old");
  const std::unique_ptr<Source> source = store_.open("erp/x");
  store_.put("erp/x", as_bytes("new and longer"), Overwrite::yes);
  EXPECT_EQ(read_all(*source, 100), "old");
}

}  // namespace
}  // namespace dolibarr_backup
