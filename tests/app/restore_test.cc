// Bringing a point back: proven equal before anything is replaced, and nothing lost if
// it cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "app/drill.h"
#include "app/hooked_store.h"
#include "app/instance.h"
#include "app/restore.h"
#include "app/verify.h"
#include "core/documents_rules.h"
#include "dolibarr/tree_exchange.h"
#include "stream/process.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Restoring : public testing::Test {
 protected:
  Restoring() { instance.backup(); }

  RestoreTarget beside() {
    RestoreTarget target;
    target.database = instance.settings().database;
    target.database->name = instance.database() + "_back";
    target.documents = instance.scratch("back");
    return target;
  }
  RestoreTarget itself() {
    RestoreTarget target;
    target.database = instance.settings().database;
    target.documents = instance.documents();
    return target;
  }
  RestoreReport restore_into(const RestoreTarget& target, const RestoreOptions& options = {}) {
    Catalog catalog = instance.catalog();
    instance.now += std::chrono::minutes(1);
    return restore(
        catalog, target, options, [](const RestoreReport&) {}, [&] { return instance.now; },
        progress, {});
  }
  std::vector<std::string> left_databases() {
    return database_leftovers(instance.settings().database);
  }
  std::string dump(const std::string& database) { return Instance::server().dump_sorted(database); }
  static bool same_tree(const std::string& a, const std::string& b) {
    try {
      run_and_read({.argv = {"diff", "-r", "--no-dereference", a, b}}, kMiB);
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  std::string archive(Half half) {
    Catalog catalog = instance.catalog();
    return catalog.last_success(half)->half.archive->archive.key;
  }
  // Damages bytes in the middle of a stored object; twice mends it. More of them than a
  // gzip member's header has, of which no checksum tells.
  void flip(const std::string& key) {
    const std::unique_ptr<Source> source = instance.store().open(key);
    std::string content = read_all(*source, kGiB);
    for (size_t at = content.size() / 2, end = at + 32; at < end; ++at)
      content[at] = static_cast<char>(content[at] ^ 0x40);
    instance.store().put(key, as_bytes(content), Overwrite::yes);
  }
  DrillReport drill_now(const DrillOptions& more = {}) {
    return drill_now_from(instance.store(), more);
  }
  DrillReport drill_now_from(ObjectStore& store, const DrillOptions& more = {}) {
    Catalog catalog(store, KeySpace(instance.settings().prefix), {});
    DrillOptions options = more;
    options.work_folder = instance.scratch("work");
    fs::create_directories(options.work_folder);
    fs::permissions(instance.scratch(""), fs::perms::others_exec, fs::perm_options::add);
    fs::permissions(options.work_folder, fs::perms::others_exec, fs::perm_options::add);
    instance.now += std::chrono::minutes(1);
    return drill(catalog, instance.settings(), options, [&] { return instance.now; }, progress, {});
  }

  Instance instance;
  Progress progress;
};

TEST_F(Restoring, IntoNewPlacesGivesTheInstance) {
  const RestoreReport report = restore_into(beside());
  ASSERT_FALSE(report.failure) << report.failure->what();
  EXPECT_EQ(dump(instance.database() + "_back"), dump(instance.database()));
  EXPECT_TRUE(same_tree(instance.documents(), instance.scratch("back")));
  struct stat before {
  }, after{};
  ASSERT_EQ(stat(instance.documents().c_str(), &before), 0);
  ASSERT_EQ(stat(instance.scratch("back").c_str(), &after), 0);
  EXPECT_EQ(before.st_mode, after.st_mode);
  EXPECT_EQ(report.halves.at(Half::db).kept_aside, "");
  EXPECT_THAT(left_databases(), IsEmpty());
}

TEST_F(Restoring, OverItselfKeepsTheOldAsideAndItsSettings) {
  instance.sql("alter database " + instance.database() + " set work_mem = '5MB'");
  instance.sql("revoke connect on database " + instance.database() + " from public");
  const std::string before = dump(instance.database());
  instance.sql("delete from llx_facture");
  instance.write_document("facture/new.pdf", "%PDF since");
  const RestoreReport report = restore_into(itself());
  ASSERT_FALSE(report.failure) << report.failure->what();
  EXPECT_EQ(dump(instance.database()), before);
  EXPECT_FALSE(fs::exists(instance.documents() + "/facture/new.pdf"));
  EXPECT_TRUE(fs::exists(report.halves.at(Half::docs).kept_aside + "/facture/new.pdf"));
  EXPECT_EQ(instance.sql_text("show work_mem"), "5MB\n");
  EXPECT_EQ(instance.sql_text("select has_database_privilege('public', current_database(), "
                              "'connect')"),
            "f\n");
  EXPECT_THAT(left_databases(), ElementsAre(report.halves.at(Half::db).kept_aside));
  EXPECT_THAT(tree_leftovers(instance.documents()).kept_aside,
              ElementsAre(report.halves.at(Half::docs).kept_aside));
  EXPECT_THAT(tree_leftovers(instance.documents()).half_done, IsEmpty());
  discard_leftovers(itself(), false);
  EXPECT_THAT(left_databases(), IsEmpty());
  EXPECT_THAT(tree_leftovers(instance.documents()).kept_aside, IsEmpty());
  EXPECT_EQ(instance.backup().record.result, RunResult::success) << "the next backup goes on";
}

TEST_F(Restoring, ADryRunChangesNothing) {
  const RestoreReport report = restore_into(beside(), {.dry_run = true});
  EXPECT_FALSE(report.failure);
  EXPECT_FALSE(fs::exists(instance.scratch("back")));
  EXPECT_THAT(left_databases(), IsEmpty());
}

TEST_F(Restoring, AnArchiveWithAFlippedByteLeavesTheTargetsAsTheyWere) {
  const std::string before = dump(instance.database());
  for (const Half half : kHalves) {
    const std::string key = archive(half);
    flip(key);
    const RestoreReport report = restore_into(itself());
    ASSERT_TRUE(report.failure) << name_of(half);
    EXPECT_EQ(dump(instance.database()), before);
    EXPECT_THAT(left_databases(), IsEmpty());
    EXPECT_THAT(tree_leftovers(instance.documents()).half_done, IsEmpty());
    EXPECT_THAT(tree_leftovers(instance.documents()).kept_aside, IsEmpty());
    flip(key);
  }
  EXPECT_FALSE(restore_into(itself()).failure);
}

// Two restores of one target, and a discard beside one, keep out of each other's way.
TEST_F(Restoring, HasItsTargetForItself) {
  RestoreReport report;
  {
    const DatabaseRestore first(instance.settings().database, {}, "20260630t021500zk3f7qa");
    report = restore_into(itself(), {.halves = {Half::db}});
    EXPECT_THROW(discard_leftovers(itself(), false), Error);
    EXPECT_THAT(left_databases(), ElementsAre(HasSubstr("_restore_20260630t021500zk3f7qa")));
  }
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), Errc::refused);
  EXPECT_FALSE(restore_into(itself(), {.halves = {Half::db}}).failure);
}

// Nothing of one half is removed where the other one may not be.
TEST_F(Restoring, ADiscardThatIsRefusedRemovesNothing) {
  ASSERT_FALSE(restore_into(itself()).failure);
  const std::vector<std::string> trees = tree_leftovers(instance.documents()).kept_aside;
  ASSERT_EQ(trees.size(), 1u);
  for (const bool dry_run : {true, false}) {
    {
      const DatabaseRestore at_work(instance.settings().database, {}, "20260630t021500zk3f7qa");
      EXPECT_THROW(discard_leftovers(itself(), dry_run), Error);
    }
    {
      const TreeExchange at_work(instance.documents(), "20260630t021500zk3f7qa");
      EXPECT_THROW(discard_leftovers(itself(), dry_run), Error);
    }
    EXPECT_THAT(tree_leftovers(instance.documents()).kept_aside, testing::ContainerEq(trees));
    EXPECT_EQ(left_databases().size(), 1u);
  }
  EXPECT_EQ(discard_leftovers(itself(), true).trees.kept_aside, trees);
  const std::string kept = left_databases().front();
  Instance::server().run_sql("postgres", "alter database " + kept + " is_template true",
                             PostgresServer::kSuperuser);
  const RestoreLeftovers half = discard_leftovers(itself(), false);
  ASSERT_TRUE(half.failure);
  EXPECT_THAT(half.failure->what(), HasSubstr(kept));
  EXPECT_THAT(half.databases, IsEmpty());
  EXPECT_THAT(half.trees.kept_aside, IsEmpty()) << "reported as removed, and was not";
  Instance::server().run_sql("postgres", "alter database " + kept + " is_template false",
                             PostgresServer::kSuperuser);
  EXPECT_FALSE(discard_leftovers(itself(), false).failure);
  EXPECT_THAT(left_databases(), IsEmpty());
}

// Names are cut at PostgreSQL's 63 bytes, but not into each other.
TEST_F(Restoring, LongNamesThatBeginAlikeShareNothing) {
  DatabaseSettings one = instance.settings().database, other = one;
  one.name = std::string(50, 'a') + "_one";
  other.name = std::string(50, 'a') + "_other";
  const DatabaseRestore at_work(one, {}, "20260630t021500zk3f7qa");
  EXPECT_THAT(database_leftovers(one), ElementsAre(at_work.staged().name));
  EXPECT_THAT(database_leftovers(other), IsEmpty());
  EXPECT_LE(at_work.staged().name.size(), 63u);
}

// A large dump is filled in over several connections, from a file that nobody can leave
// behind; where there is no room for it, as it comes.
TEST_F(Restoring, ALargeDumpIsFilledInParallel) {
  const auto dump_in = [](const std::string& folder, const std::string& bytes) {
    return Dump{
        .open = [bytes = std::string_view(bytes)] { return std::make_unique<MemorySource>(bytes); },
        .size = 64 * kMiB,  // as if
        .work_folder = folder};
  };
  const std::string room = instance.scratch("room");
  fs::create_directories(room);
  const std::string dumped = get_object(instance.store(), archive(Half::db), kGiB).value();
  for (const std::string& folder : {room, instance.scratch("nowhere")}) {
    DatabaseRestore restore(beside().database.value(), {}, "20260630t021500zk3f7qa");
    restore.fill(dump_in(folder, dumped), {});
    EXPECT_EQ(dump(restore.staged().name), dump(instance.database())) << folder;
    EXPECT_TRUE(fs::is_empty(room));
  }
  DatabaseRestore restore(beside().database.value(), {}, "20260630t021500zk3f7qa");
  const std::string cut = dumped.substr(0, dumped.size() / 2);
  EXPECT_THROW(restore.fill(dump_in(room, cut), {}), Error);
  EXPECT_TRUE(fs::is_empty(room));
}

TEST_F(Restoring, ARoleThatMayNotCreateDatabasesIsToldSo) {
  Instance::server().run_sql("postgres", "alter role dolibarr nocreatedb",
                             PostgresServer::kSuperuser);
  try {
    restore_into(beside());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::refused);
    EXPECT_THAT(error.hint(), HasSubstr("CREATEDB"));
  }
  Instance::server().run_sql("postgres", "alter role dolibarr createdb",
                             PostgresServer::kSuperuser);
}

TEST_F(Restoring, TheStateOfAnEarlierTime) {
  const Instant then = instance.now;
  const std::string before = dump(instance.database());
  instance.now += std::chrono::days(1);
  instance.sql("update llx_facture set note_private = 'later'");
  instance.backup();
  const RestoreReport report =
      restore_into(beside(), {.as_of = then + std::chrono::hours(1), .halves = {Half::db}});
  ASSERT_FALSE(report.failure) << report.failure->what();
  EXPECT_EQ(dump(instance.database() + "_back"), before);
}

// A volume's root cannot be renamed; its entries are exchanged.
TEST_F(Restoring, IntoTheRootOfAMount) {
  const std::string volume = instance.scratch("volume");
  fs::create_directories(volume);
  ASSERT_EQ(::mount("tmpfs", volume.c_str(), "tmpfs", 0, "size=64m"), 0)
      << "this test mounts a tmpfs and needs to be root";
  std::ofstream(volume + "/old file") << "old";
  fs::create_directories(volume + "/facture/old");
  RestoreTarget target;
  target.documents = volume;
  const RestoreReport report = restore_into(target, {.halves = {Half::docs}});
  EXPECT_FALSE(report.failure) << report.failure->what();
  const std::string kept = report.halves.at(Half::docs).kept_aside;
  EXPECT_TRUE(fs::exists(kept + "/old file"));
  fs::remove_all(volume + "/" + std::string(kRestoreStagingFolder));
  EXPECT_TRUE(same_tree(instance.documents(), volume));
  ::umount(volume.c_str());
}

// What a kill leaves inside a mount, made by hand at each step of the exchange.
TEST(TreeExchange, FinishesInsideAMountFromEveryStep) {
  const TempDir folder;
  const std::string volume = (folder / "volume").string();
  fs::create_directories(volume);
  ASSERT_EQ(::mount("tmpfs", volume.c_str(), "tmpfs", 0, "size=8m"), 0)
      << "this test mounts a tmpfs and needs to be root";
  const std::string inner = volume + "/" + std::string(kRestoreStagingFolder);
  const std::vector<std::string> old_names = {"both", "gone"}, new_names = {"both", "fresh"};
  for (size_t moved = 0; moved <= 4; ++moved) {
    for (const auto& entry : fs::directory_iterator(volume)) fs::remove_all(entry);
    fs::create_directories(inner + "/new");
    const std::string old = inner + "/old-20260629t021500zk3f7qa";
    fs::create_directories(old);
    for (const std::string& name : old_names) std::ofstream(volume + "/" + name) << "old";
    for (const std::string& name : new_names) std::ofstream(inner + "/new/" + name) << "new";
    std::ofstream(inner + "/exchanging") << std::string("20260629t021500zk3f7qa\0both\0gone\0", 33);
    // Steps in the order in which exchange() takes them.
    if (moved > 0) fs::rename(volume + "/both", old + "/both");
    if (moved > 1) fs::rename(inner + "/new/both", volume + "/both");
    if (moved > 2) fs::rename(volume + "/gone", old + "/gone");
    if (moved > 3) fs::rename(inner + "/new/fresh", volume + "/fresh");
    {
      const TreeExchange next(volume, "20260630t021500zk3f7qa");
      EXPECT_THAT(next.cleared(), ElementsAre(HasSubstr("finished an exchange"))) << moved;
    }
    const auto content = [](const std::string& path) {
      std::ifstream file(path);
      std::string text;
      file >> text;
      return text;
    };
    EXPECT_EQ(content(volume + "/both"), "new") << moved;
    EXPECT_EQ(content(volume + "/fresh"), "new") << moved;
    EXPECT_FALSE(fs::exists(volume + "/gone")) << moved;
    EXPECT_EQ(content(old + "/both"), "old") << moved;
    EXPECT_EQ(content(old + "/gone"), "old") << moved;
    EXPECT_FALSE(fs::exists(inner + "/exchanging"));
  }
  TreeLeftovers removed;
  TreeDiscard(volume).run(removed);
  EXPECT_THAT(removed.kept_aside, ElementsAre(inner + "/old-20260629t021500zk3f7qa"));
  EXPECT_FALSE(fs::exists(inner));
  ::umount(volume.c_str());
}

// The application goes on writing: what it makes anew in an exchange's middle is kept, and
// does not hold the exchange up.
TEST(TreeExchange, KeepsWhatIsMadeMeanwhileInsideAMount) {
  const TempDir folder;
  const std::string volume = (folder / "volume").string();
  fs::create_directories(volume);
  ASSERT_EQ(::mount("tmpfs", volume.c_str(), "tmpfs", 0, "size=8m"), 0)
      << "this test mounts a tmpfs and needs to be root";
  const std::string inner = volume + "/" + std::string(kRestoreStagingFolder);
  const std::string mark = "20260629t021500zk3f7qa";
  fs::create_directories(inner + "/new/facture");
  fs::create_directories(inner + "/old-" + mark + "/facture");
  std::ofstream(inner + "/new/facture/restored") << "new";
  std::ofstream(inner + "/new/fresh") << "new";
  std::ofstream(inner + "/exchanging") << mark << '\0' << "facture" << '\0';
  fs::create_directories(volume + "/facture");
  std::ofstream(volume + "/facture/late") << "late";
  std::ofstream(volume + "/fresh") << "late";
  { const TreeExchange next(volume, "20260630t021500zk3f7qa"); }
  EXPECT_TRUE(fs::exists(volume + "/facture/restored"));
  EXPECT_FALSE(fs::exists(volume + "/facture/late"));
  EXPECT_EQ(fs::file_size(volume + "/fresh"), 3u);
  EXPECT_TRUE(fs::exists(inner + "/late-" + mark + "/facture/late"));
  EXPECT_EQ(fs::file_size(inner + "/late-" + mark + "/fresh"), 4u);
  EXPECT_THAT(tree_leftovers(volume).kept_aside,
              ElementsAre(inner + "/late-" + mark, inner + "/old-" + mark));
  ::umount(volume.c_str());
}

// Half an exchange is no rubbish.
TEST(TreeExchange, DiscardsNothingOfABrokenOffExchange) {
  const TempDir folder;
  const std::string docs = (folder / "docs").string();
  fs::create_directories(docs + "/" + std::string(kRestoreStagingFolder) + "/old");
  std::ofstream(docs + "/" + std::string(kRestoreStagingFolder) + "/exchanging") << "";
  EXPECT_THROW(TreeDiscard{docs}, Error);
  fs::remove_all(docs);
  fs::create_directories(docs + ".before-20260630t021500zk3f7qa");
  EXPECT_THROW(TreeDiscard{docs}, Error);
  EXPECT_TRUE(fs::exists(docs + ".before-20260630t021500zk3f7qa"));
}

TEST(TreeExchange, TouchesOnlyWhatARestoreNamed) {
  const TempDir folder;
  fs::create_directories(folder / "docs");
  fs::create_directories(folder / "docs.restore-notes");
  fs::create_directories(folder / "docs.restore-20260630t021500zk3f7qa");
  const TreeExchange next((folder / "docs").string(), "20260701t021500zk3f7qa");
  EXPECT_TRUE(fs::exists(folder / "docs.restore-notes"));
  EXPECT_FALSE(fs::exists(folder / "docs.restore-20260630t021500zk3f7qa"));
}

TEST(TreeExchange, TwoAtOnceAreRefused) {
  const TempDir folder;
  fs::create_directories(folder / "docs");
  const TreeExchange first((folder / "docs").string(), "a");
  EXPECT_THROW(TreeExchange((folder / "docs").string(), "b"), Error);
}

TEST_F(Restoring, VerifyNamesWhatIsDamaged) {
  const auto verify_now = [&](const VerifyOptions& options = {}) {
    Catalog catalog = instance.catalog();
    instance.now += std::chrono::minutes(1);
    return verify(catalog, instance.settings(), options, [&] { return instance.now; }, progress,
                  {});
  };
  const VerifyReport sound = verify_now();
  EXPECT_FALSE(sound.failure) << sound.failure->what();
  EXPECT_EQ(sound.read, 2u);
  EXPECT_EQ(verify_now({.share = 0.01}).read, 1u);

  const std::string key = archive(Half::docs);
  flip(key);
  EXPECT_THAT(verify_now({.quick = true}).findings, IsEmpty()) << "sizes alone do not tell";
  const VerifyReport damaged = verify_now();
  ASSERT_TRUE(damaged.failure);
  EXPECT_THAT(damaged.findings, ElementsAre(testing::Field(&VerifyFinding::key, key)));
  Catalog listed = instance.catalog();
  EXPECT_FALSE(listed.last_success(Half::docs)) << "the next backup takes it anew";
  EXPECT_EQ(instance.backup().record.halves.at(Half::docs).result, HalfResult::stored);
  EXPECT_FALSE(instance.store().head(key)) << "and that day needs the damaged one no more";
  EXPECT_FALSE(verify_now().failure);
  EXPECT_THAT(instance.catalog().state().damaged, IsEmpty());

  const std::string manifest = listed.keys().manifest_of(archive(Half::db));
  instance.store().remove(manifest);
  EXPECT_THAT(verify_now({.quick = true}).findings,
              Contains(testing::Field(&VerifyFinding::key, manifest)));
}

TEST_F(Restoring, VerifySeesABrokenChainAndAStrangersRecord) {
  instance.backup();
  instance.backup();
  Catalog before = instance.catalog();
  const std::string second = before.keys().run_record(before.runs()[1]);
  std::string text = get_object(instance.store(), second, kMiB).value();
  text.replace(text.find("\"prod\""), 6, "\"test\"");
  instance.store().put(second, as_bytes(text), Overwrite::yes);
  Catalog catalog = instance.catalog();
  instance.now += std::chrono::minutes(1);
  const VerifyReport report = verify(catalog, instance.settings(), {.quick = true},
                                     [&] { return instance.now; }, progress, {});
  std::vector<std::string> problems;
  for (const VerifyFinding& finding : report.findings)
    if (finding.key == second) problems.push_back(finding.problem);
  EXPECT_THAT(problems, testing::UnorderedElementsAre(HasSubstr("of environment 'test'"),
                                                      HasSubstr("is not the record that")));
}

TEST_F(Restoring, ADrillProvesAPointAndLeavesNothing) {
  const DrillReport report = drill_now();
  ASSERT_FALSE(report.failure) << report.failure->what();
  EXPECT_EQ(report.proofs.at(0).outcome, Proof::Outcome::proven) << report.proofs.at(0).text;
  EXPECT_EQ(report.proofs.at(1).outcome, Proof::Outcome::proven) << report.proofs.at(1).text;
  EXPECT_TRUE(fs::is_empty(instance.scratch("work")));
  Catalog catalog = instance.catalog();
  EXPECT_EQ(catalog.newest_record()->kind, RunKind::drill);
}

TEST_F(Restoring, ADrillsDocumentsAreClosedToOthers) {
  int looks = 0;
  HookedStore hooked(instance.store(), [](const std::string&) {});
  hooked.before_open = [&](const std::string& key) {
    if (key != archive(Half::docs)) return;
    const fs::path trial = fs::directory_iterator(instance.scratch("work"))->path();
    EXPECT_EQ(fs::status(trial / "private").permissions(), fs::perms::owner_all);
    EXPECT_TRUE(fs::is_directory(trial / "private/documents"));
    ++looks;
  };
  EXPECT_FALSE(drill_now_from(hooked).failure);
  EXPECT_GT(looks, 0);
}

TEST_F(Restoring, ADrillNamesAFileThatTheArchiveNoLongerHolds) {
  flip(archive(Half::docs));
  const DrillReport report = drill_now();
  ASSERT_TRUE(report.failure);
  EXPECT_TRUE(fs::is_empty(instance.scratch("work")));
}

// What the books' owner put into the database runs in the trial server as a role that can do
// nothing but hold the trial.
TEST_F(Restoring, ADrillRunsWhatADumpDefinesWithoutRights) {
  const std::string proof = instance.scratch("escaped");
  instance.sql(
      "create function escape() returns boolean language plpgsql as $$ begin begin execute "
      "$q$copy (select 1) to program 'touch " +
      proof +
      "'$q$; exception when others then null; end; return true; end $$;"
      "create table llx_trap(rowid int check (escape())); insert into llx_trap values (1)");
  fs::permissions(instance.scratch(""), fs::perms::others_all, fs::perm_options::add);
  instance.backup();
  const DrillReport report = drill_now();
  EXPECT_FALSE(report.failure) << report.failure->what();
  EXPECT_FALSE(fs::exists(proof));
}

// A dump put in another one's place is read to its end, and so found out, before it is run.
TEST_F(Restoring, ADumpIsNotRunBeforeItIsProven) {
  const std::string key = archive(Half::db);
  std::string text = get_object(instance.store(), key, kGiB).value();
  std::fill(text.begin() + 100, text.end(), 'x');
  instance.store().put(key, as_bytes(text), Overwrite::yes);
  const DrillReport report = drill_now();
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code(), Errc::corrupt) << report.failure->what();
  EXPECT_THAT(report.failure->what(), testing::Not(HasSubstr("pg_restore")));
}

// A restore to an earlier day takes back what was entered since: a drill says so once, and
// goes on from there.
TEST_F(Restoring, ADrillAfterGoingBackComparesWithWhatIsLeft) {
  const auto growth = [&](const DrillReport& report) {
    return *std::find_if(report.proofs.begin(), report.proofs.end(),
                         [](const Proof& proof) { return proof.name == "growth"; });
  };
  const auto enter = [&](const std::string& label) {
    instance.sql(
        "insert into llx_accounting_bookkeeping(label_operation, date_validated) values ('" +
        label + "', '" + format_instant(instance.now) + "')");
    instance.now += std::chrono::days(1);
    instance.backup();
  };
  instance.sql(
      "create table llx_accounting_bookkeeping(rowid serial primary key, label_operation "
      "text, date_validated timestamp)");
  enter("of monday");
  const Instant monday = instance.now;
  ASSERT_FALSE(drill_now().failure);
  enter("of tuesday");
  EXPECT_EQ(growth(drill_now()).outcome, Proof::Outcome::proven);

  Catalog catalog = instance.catalog();
  RestoreTarget target = itself();
  target.environment = &instance.settings();
  const RestoreReport back = restore_into(target, {.as_of = monday, .halves = {Half::db}});
  ASSERT_FALSE(back.failure) << back.failure->what();
  record_restore(catalog, instance.settings(), instance.settings().name, back, instance.now);
  enter("of another tuesday");
  const DrillReport after = drill_now();
  EXPECT_EQ(growth(after).outcome, Proof::Outcome::warning) << growth(after).text;
  EXPECT_THAT(growth(after).text, HasSubstr("was brought back to"));
  enter("of wednesday");
  EXPECT_EQ(growth(drill_now()).outcome, Proof::Outcome::proven);
  instance.sql(
      "delete from llx_accounting_bookkeeping where label_operation = 'of another tuesday'");
  instance.now += std::chrono::days(1);
  instance.backup();
  EXPECT_EQ(growth(drill_now()).outcome, Proof::Outcome::failed);
}

// An archive put in the place of another day's, whole in itself; alone, and with its manifest.
TEST_F(Restoring, TheArchiveOfAnotherDayIsNamed) {
  const auto swap_in = [&](const std::string& from, const std::string& to) {
    instance.store().put(to, as_bytes(get_object(instance.store(), from, kGiB).value()),
                         Overwrite::yes);
  };
  const std::string old_docs = archive(Half::docs), old_db = archive(Half::db);
  instance.now += std::chrono::days(1);
  instance.sql("update llx_facture set note_private = 'the next day'");
  instance.write_document("facture/next-day.pdf", "%PDF next day");
  instance.backup();
  const std::string docs = archive(Half::docs), db = archive(Half::db);
  const KeySpace keys(instance.settings().prefix);
  const auto named = [&](const std::string& key) {
    Catalog catalog = instance.catalog();
    instance.now += std::chrono::minutes(1);
    const VerifyReport report =
        verify(catalog, instance.settings(), {}, [&] { return instance.now; }, progress, {});
    return report.failure && std::any_of(report.findings.begin(), report.findings.end(),
                                         [&](const auto& f) { return f.key == key; });
  };
  for (const auto& [from, to] : {std::pair(old_docs, docs), std::pair(old_db, db)}) {
    const std::string kept = get_object(instance.store(), to, kGiB).value();
    const std::string manifest = keys.manifest_of(to);
    const std::string kept_manifest = get_object(instance.store(), manifest, kGiB).value();

    swap_in(from, to);
    const DrillReport archive_only = drill_now();
    ASSERT_TRUE(archive_only.failure) << to;
    EXPECT_THAT(archive_only.failure->what(), HasSubstr(to));

    swap_in(keys.manifest_of(from), manifest);
    const DrillReport both = drill_now();
    ASSERT_TRUE(both.failure) << to;
    EXPECT_THAT(both.failure->what(), HasSubstr(to));

    instance.store().put(to, as_bytes(kept), Overwrite::yes);
    const DrillReport manifest_only = drill_now();
    ASSERT_TRUE(manifest_only.failure) << to;
    EXPECT_THAT(manifest_only.failure->what(), HasSubstr(manifest));
    instance.store().put(manifest, as_bytes(kept_manifest), Overwrite::yes);
    EXPECT_FALSE(drill_now().failure);
  }
  // Each manifest in its neighbour's place.
  const std::string first = get_object(instance.store(), keys.manifest_of(old_docs), kGiB).value();
  swap_in(keys.manifest_of(docs), keys.manifest_of(old_docs));
  instance.store().put(keys.manifest_of(docs), as_bytes(first), Overwrite::yes);
  EXPECT_TRUE(named(keys.manifest_of(docs)));
  EXPECT_TRUE(named(keys.manifest_of(old_docs)));
}

}  // namespace
}  // namespace dolibarr_backup
