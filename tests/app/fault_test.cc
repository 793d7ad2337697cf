// Whatever operation of the store fails: nothing in force that is not whole, nothing
// lost, and the next run goes on as if nothing was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "app/instance.h"
#include "app/prune.h"
#include "store/make_store.h"
#include "stream/digest.h"
#include "support/faulty_store.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

// Every archive in force is whole: size and digest are those of its run record.
std::string damage_in_force(const Instance& instance, ObjectStore& store) {
  Catalog catalog(store, KeySpace("erp/prod"), {});
  for (const CatalogArchive& archive : catalog.archives()) {
    if (archive.standing != CatalogArchive::Standing::in_force) continue;
    const RunRecord* record = catalog.record(*archive.run);
    const ArchiveEntry& entry = *record->halves.at(archive.stored.half).archive;
    for (const StoredObject& object : {entry.archive, *entry.manifest}) {
      const std::optional<std::string> content = get_object(store, object.key, kGiB);
      if (!content) return object.key + " is missing";
      if (content->size() != object.size || sha256_hex(*content) != object.sha256)
        return object.key + " is damaged";
    }
  }
  return catalog.good_pair_at(instance.now) ? "" : "no good pair";
}

// One instance with one good backup and both halves changed since; each round works
// on a fresh copy of its store.
class Fault : public testing::Test {
 protected:
  Fault() {
    instance_.settings().settle_timeout = std::chrono::seconds(1);
    instance_.backup();
    instance_.now += std::chrono::hours(25);
    instance_.sql("update llx_facture set note_private = 'changed' where rowid = 1");
    instance_.write_document("facture/FA2606-0001/FA2606-0001.pdf", "changed");
  }

  std::unique_ptr<ObjectStore> fresh_copy() {
    StoreSettings settings;
    settings.directory = instance_.scratch("copy");
    fs::remove_all(settings.directory);
    fs::copy(instance_.store_folder(), settings.directory, fs::copy_options::recursive);
    return make_store(settings, instance_.settings().upload_memory_bytes, progress_, {});
  }

  void run(ObjectStore& store) {
    try {
      back_up(instance_.settings(), store, {}, [&] { return instance_.now; }, progress_, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::store) << error.what();
    }
  }

  Instance instance_;
  Progress progress_;
};

TEST_F(Fault, AnyStoreOperationMayFail) {
  bool reached_the_end = false;
  for (int nth = 1; nth < 300 && !reached_the_end; ++nth) {
    const std::unique_ptr<ObjectStore> store = fresh_copy();
    FaultyStore faulty(*store);
    faulty.fail_nth(nth, Error(Errc::store, "injected"));
    run(faulty);
    reached_the_end = !faulty.failed();
    ASSERT_EQ(damage_in_force(instance_, *store), "") << "operation " << nth << " failed";
    ASSERT_TRUE(store->list_uploads("erp/prod/").empty())
        << "an upload stayed open after operation " << nth << " failed";
  }
  EXPECT_TRUE(reached_the_end) << "a run needs fewer operations than were failed one by one";
}

TEST_F(Fault, AStoreThatDiesForGoodLosesNothingThatWasThere) {
  for (int nth = 1; nth < 60; nth += 3) {
    const std::unique_ptr<ObjectStore> store = fresh_copy();
    FaultyStore faulty(*store);
    faulty.fail_from(nth, Error(Errc::store, "injected"));
    run(faulty);
    ASSERT_EQ(damage_in_force(instance_, *store), "") << "dead from operation " << nth;

    // It comes back: the next run succeeds, and a later prune clears what was left.
    instance_.now += std::chrono::minutes(2);
    const BackupReport report =
        back_up(instance_.settings(), *store, {}, [&] { return instance_.now; }, progress_, {});
    ASSERT_EQ(report.record.result, RunResult::success);
    instance_.now += std::chrono::hours(100);
    Catalog catalog(*store, KeySpace("erp/prod"), {});
    prune(catalog, instance_.settings(), {.uploads_older_than = std::chrono::hours(0)},
          [&] { return instance_.now; }, {});
    EXPECT_TRUE(store->list_uploads("erp/prod/").empty());
    Catalog after(*store, KeySpace("erp/prod"), {});
    for (const CatalogArchive& archive : after.archives())
      EXPECT_EQ(archive.standing, CatalogArchive::Standing::in_force) << archive.stored.key;
  }
}

}  // namespace
}  // namespace dolibarr_backup
