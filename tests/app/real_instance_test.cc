// The same promises on a real instance, where its data stands beside the clone:
// to a directory and to Ceph RGW. A clone without it says so and passes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

#include "app/backup.h"
#include "app/catalog.h"
#include "app/drill.h"
#include "app/restore.h"
#include "store/make_store.h"
#include "stream/digest.h"
#include "stream/process.h"
#include "support/ceph_rgw.h"
#include "support/postgres_server.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

const std::string kData = SHARED_DATA;

bool data_present() {
  if (fs::exists(kData + "/full/dolibarr-pg.dump")) return true;
  std::cout << "NOTE: no real instance at " << kData
            << "; its tests have nothing to run on and pass empty\n";
  return false;
}

std::string run(const std::vector<std::string>& argv) {
  return run_and_read({.argv = argv}, kGiB);
}
std::string shell(const std::string& script) {
  return run({"bash", "-euo", "pipefail", "-c", script});
}

// What a database and a tree hold, in one word each.
std::string state_of(PostgresServer& server, const std::string& database,
                     const std::string& documents) {
  return sha256_hex(server.dump_sorted(database)) +
         shell("cd '" + documents +
               "' && find . -name temp -prune -o -type f -print0 | LC_ALL=C sort -z | "
               "xargs -0 sha256sum | sha256sum");
}

std::string text_of(const DrillReport& report) {
  std::string text;
  for (const Proof& proof : report.proofs) text += proof.name + ": " + proof.text + "\n";
  return text;
}

class RealInstance {
 public:
  explicit RealInstance(const StoreSettings& store_settings) {
    settings.name = "prod";
    settings.prefix = "erp/prod";
    settings.documents = folder.string() + "/documents";
    settings.database = server.settings("erp");
    settings.store = store_settings;
    settings.conf_key_location = "a safe";
    store = make_store(settings.store, settings.upload_memory_bytes, progress, {});
  }
  void load_full() {
    server.create_database("erp");
    server.restore("erp", kData + "/full/dolibarr-pg.dump");
    run({"tar", "-C", folder.string(), "-xzf", kData + "/full/documents.tar.gz"});
  }
  // Day 0 to 7 of the week as plain SQL; each replaces the database.
  void load_day(int day) {
    const std::string sql = folder.string() + "/day" + std::to_string(day) + ".sql";
    const std::string week = kData + "/week/day" + std::to_string(day);
    if (day == 0) {
      run({"zstd", "-q", "-d", week + ".sql.zst", "-o", sql});
    } else {
      const std::string before = folder.string() + "/day" + std::to_string(day - 1) + ".sql";
      run({"zstd", "-q", "-d", "--long=27", "--patch-from=" + before, week + ".sql.patch.zst", "-o",
           sql});
      run({"tar", "-C", settings.documents, "-xzf", week + ".docs.tar.gz"});
      std::ifstream deleted(week + ".deleted");
      for (std::string path; std::getline(deleted, path);)
        fs::remove_all(settings.documents + "/" + path);
    }
    server.run_sql("postgres", "drop database if exists erp");
    server.create_database("erp");
    std::ostringstream text;
    text << std::ifstream(sql, std::ios::binary).rdbuf();
    server.run_sql("erp", text.str());
  }
  BackupReport backup() {
    now += std::chrono::minutes(1);
    return back_up(settings, *store, {}, [this] { return now; }, progress, {});
  }
  void sql(const std::string& text) { server.run_sql("erp", text); }
  std::string state_of(const std::string& database, const std::string& documents) {
    return dolibarr_backup::state_of(server, database, documents);
  }
  RestoreReport restore(const RestoreTarget& target, Instant as_of) {
    now += std::chrono::minutes(1);
    Catalog catalog(*store, KeySpace("erp/prod"), {});
    return dolibarr_backup::restore(
        catalog, target, {.as_of = as_of}, [](const RestoreReport&) {}, [this] { return now; },
        progress, {});
  }
  DrillReport drill() {
    now += std::chrono::minutes(1);
    Catalog catalog(*store, KeySpace("erp/prod"), {});
    fs::permissions(folder.string(), fs::perms::others_exec, fs::perm_options::add);
    return dolibarr_backup::drill(catalog, settings, {.work_folder = folder.string()},
                                  [this] { return now; }, progress, {});
  }

  // Table for table, file for file, with pg_restore, tar and sha256sum alone.
  std::string difference_after_restore() {
    Catalog catalog(*store, KeySpace("erp/prod"), {});
    const std::optional<PairAt> pair = catalog.good_pair_at(now);
    if (!pair) return "no good pair";
    const std::string to = folder.string() + "/restored";
    fs::remove_all(to);
    fs::create_directories(to + "/docs");
    const auto fetch = [&](const std::string& key, const std::string& name) {
      std::ofstream(to + "/" + name, std::ios::binary) << get_object(*store, key, kGiB).value();
    };
    const std::string dump = pair->db->substr(pair->db->rfind('/') + 1);
    fetch(*pair->db, dump);
    fetch(catalog.keys().manifest_of(*pair->db), "db.manifest.gz");
    fetch(*pair->docs, "docs.tar.gz");
    fetch(catalog.keys().manifest_of(*pair->docs), "docs.manifest.gz");
    shell("cd " + to + " && zcat db.manifest.gz | sha256sum --quiet --strict -c");
    shell("cd " + to +
          "/docs && tar -xzf ../docs.tar.gz && zcat ../docs.manifest.gz | sha256sum --quiet "
          "--strict -c");
    server.run_sql("postgres", "drop database if exists copy");
    server.create_database("copy");
    server.restore("copy", to + "/" + dump);
    if (server.dump_sorted("copy") != server.dump_sorted("erp")) return "the database differs";
    try {
      run({"diff", "-rq", "--no-dereference", "-x", "temp", settings.documents, to + "/docs"});
    } catch (const Error& error) {
      return std::string("the documents differ: ") + error.what();
    }
    return "";
  }

  TempDir folder;
  PostgresServer server;
  EnvironmentSettings settings;
  Progress progress;
  std::unique_ptr<ObjectStore> store;
  Instant now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
};

StoreSettings directory_store(const TempDir& folder) {
  StoreSettings settings;
  settings.directory = folder.string() + "/store";
  return settings;
}

StoreSettings ceph_store(CephRgw& ceph, const std::string& bucket) {
  StoreSettings settings;
  settings.s3 = ceph.make_bucket(bucket);
  return settings;
}

// FACTS: each of these is missed by count + max(tms).
const std::vector<std::pair<std::string, std::string>>& missed_changes() {
  static const std::vector<std::pair<std::string, std::string>> changes = {
      {"ledger lines",
       "insert into llx_accounting_bookkeeping(label_compte, piece_num, entity, doc_date, "
       "doc_type, doc_ref, fk_doc, "
       "fk_docdet, numero_compte, debit, credit, montant, sens, fk_user_author, code_journal) "
       "select 'x', n, 1, now(), 'x', 'x', n, n, '411', n, 0, n, 'D', 1, 'VT' from "
       "generate_series(1, 4) "
       "n"},
      {"lettering",
       "update llx_accounting_bookkeeping set lettering_code = 'ZZZ' where rowid in (select rowid "
       "from llx_accounting_bookkeeping order by rowid limit 2)"},
      {"ticket status",
       "insert into llx_ticket(ref, track_id, fk_statut, datec) select 'T1', 'x', 0, now() where "
       "not exists (select from llx_ticket); update llx_ticket set fk_statut = 8"},
      {"customer discount",
       "insert into llx_societe_remise_except(entity, fk_soc, datec, amount_ht, amount_tva, "
       "amount_ttc, fk_user, description) select 1, (select min(rowid) from llx_societe), now(), "
       "150, 0, 150, 1, 'x'"},
      {"rights",
       "delete from llx_user_rights where rowid = (select max(rowid) from llx_user_rights)"},
      {"tag",
       "insert into llx_categorie(entity, label, type, visible) values (1, 'made by a test', 2, "
       "1); insert into llx_categorie_societe(fk_categorie, fk_soc) select max(c.rowid), (select "
       "min(rowid) from llx_societe) from llx_categorie c"},
      {"category renamed", "update llx_categorie set label = label || ' renamed'"},
      {"billing contact",
       "delete from llx_element_contact where rowid = (select max(rowid) from "
       "llx_element_contact); insert into llx_element_contact(datecreate, statut, element_id, "
       "fk_c_type_contact, fk_socpeople) values (now(), 4, 1, (select min(rowid) from "
       "llx_c_type_contact), 1)"},
      {"sales representative",
       "insert into llx_societe_commerciaux(fk_soc, fk_user) select max(rowid), 1 from llx_societe "
       "on conflict do nothing; delete from llx_societe_commerciaux where rowid = (select "
       "min(rowid) from llx_societe_commerciaux)"},
      {"VAT dictionary",
       "update llx_c_tva set note = 'test' where rowid = (select min(rowid) from llx_c_tva)"},
      {"line order",
       "update llx_facturedet set rang = rang + 1 where rowid in (select rowid from llx_facturedet "
       "order by rowid limit 2)"},
      {"company VAT number",
       "update llx_const set value = 'FR99' where name = (select min(name) from llx_const where "
       "name like 'MAIN_INFO_%')"},
      {"accounting binding",
       "update llx_facturedet set fk_code_ventilation = 42 where rowid = (select min(rowid) from "
       "llx_facturedet)"},
      {"index", "create index made_by_a_test on llx_facture(ref)"},
      {"function", "create function made_by_a_test() returns int language sql as 'select 1'"},
      {"default", "alter table llx_facture alter column note_private set default 'x'"},
      {"setval", "select setval('llx_facture_rowid_seq', 999999)"},
  };
  return changes;
}

void keeps_its_promises(const StoreSettings& store) {
  RealInstance instance(store);
  instance.load_full();
  const BackupReport first = instance.backup();
  ASSERT_FALSE(first.failure) << first.failure->what();
  EXPECT_EQ(first.uploaded(), 2);
  EXPECT_EQ(instance.backup().uploaded(), 0) << "an immediate second run";
  EXPECT_EQ(instance.difference_after_restore(), "");

  instance.sql(
      "update llx_user set datepreviouslogin = datelastlogin, datelastlogin = now(), iplastlogin = "
      "'10.0.0.9'; "
      "update llx_cronjob set datelastrun = now(), lastresult = '0', lastoutput = 'x', nbrun = "
      "coalesce(nbrun, 0) + 1; "
      "update llx_holiday_config set value = '20261125120000' where name = 'lastUpdate'");
  fs::create_directories(instance.settings.documents + "/users/temp");
  std::ofstream(instance.settings.documents + "/users/temp/Stats_noise.cache") << "noise";
  const BackupReport noise = instance.backup();
  EXPECT_EQ(noise.uploaded(), 0) << noise.why.at(Half::db) << "; " << noise.why.at(Half::docs);

  for (const auto& [name, change] : missed_changes()) {
    instance.sql(change);
    const BackupReport report = instance.backup();
    EXPECT_FALSE(report.failure) << name;
    EXPECT_EQ(report.record.halves.at(Half::db).result, HalfResult::stored) << name;
    EXPECT_EQ(report.record.halves.at(Half::docs).result, HalfResult::unchanged) << name;
  }
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(RealInstance, KeepsItsPromisesInADirectory) {
  if (!data_present()) return;
  TempDir folder;
  keeps_its_promises(directory_store(folder));
}

TEST(RealInstance, KeepsItsPromisesInCeph) {
  if (!data_present()) return;
  CephRgw ceph;
  keeps_its_promises(ceph_store(ceph, "promises"));
}

// FACTS 14: a transaction that commits late is missed for ever by max(tms).
TEST(RealInstance, AnEditCommittedLateIsUploaded) {
  if (!data_present()) return;
  TempDir folder;
  RealInstance instance(directory_store(folder));
  instance.load_full();
  instance.settings.settle_timeout = std::chrono::seconds(0);
  const DatabaseSettings target = instance.server.settings("erp");
  PGconn* first = PQconnectdb(
      ("host=" + target.host + " port=" + target.port + " user=" + target.user + " dbname=erp")
          .c_str());
  PQclear(PQexec(first, "begin; update llx_facture set note_private = 'T1' where rowid = 5"));
  instance.sql("update llx_facture set note_private = 'T2' where rowid = 9");
  EXPECT_EQ(instance.backup().record.pair, PairJudgement::torn);
  PQclear(PQexec(first, "commit"));
  PQfinish(first);
  const BackupReport report = instance.backup();
  EXPECT_EQ(report.record.halves.at(Half::db).result, HalfResult::stored);
  EXPECT_EQ(report.record.pair, PairJudgement::quiescent);
  EXPECT_EQ(instance.difference_after_restore(), "");
}

TEST(RealInstance, EachDayOfAWeekUploadsWhatChangedAndRestores) {
  if (!data_present()) return;
  CephRgw ceph;
  RealInstance instance(ceph_store(ceph, "week"));
  run({"tar", "-C", instance.folder.string(), "-xzf", kData + "/full/documents.tar.gz"});
  std::vector<std::pair<Instant, std::string>> days;
  for (int day = 0; day <= 7; ++day) {
    instance.load_day(day);
    instance.now += std::chrono::days(1);
    const BackupReport report = instance.backup();
    ASSERT_FALSE(report.failure) << "day " << day << ": " << report.failure->what();
    EXPECT_EQ(report.uploaded(), 2) << "day " << day;
    EXPECT_EQ(instance.difference_after_restore(), "") << "day " << day;
    EXPECT_EQ(instance.backup().uploaded(), 0) << "day " << day << ", again";
    days.push_back({instance.now, instance.state_of("erp", instance.settings.documents)});
  }
  // Long afterwards, each day comes back into an empty server and an empty folder.
  PostgresServer empty;
  for (const auto& [at, state] : days) {
    RestoreTarget target;
    target.database = empty.settings("erp");
    target.documents = instance.folder.string() + "/again";
    const RestoreReport report = instance.restore(target, at);
    ASSERT_FALSE(report.failure) << format_instant(at) << ": " << report.failure->what();
    EXPECT_EQ(state_of(empty, "erp", *target.documents), state) << format_instant(at);
    empty.run_sql("postgres", "drop database erp");
    fs::remove_all(*target.documents);
  }
  const DrillReport drilled = instance.drill();
  EXPECT_FALSE(drilled.failure) << drilled.failure->what();
  EXPECT_THAT(text_of(drilled), HasSubstr(" 0 KO"));
}

// Each made on purpose; the drill of the next backup names the very row or file.
TEST(RealInstance, ADrillNamesWhatWasDoneToTheBooks) {
  if (!data_present()) return;
  const TempDir folder;
  RealInstance instance(directory_store(folder));
  instance.load_full();
  instance.sql(
      "insert into llx_accounting_bookkeeping (label_compte, piece_num, entity, doc_date, "
      "doc_type, doc_ref, fk_doc, fk_docdet, numero_compte, debit, credit, montant, sens, "
      "fk_user_author, code_journal, date_validated) select 'x', rowid, 1, datef, "
      "'customer_invoice', ref, rowid, 0, '411', total_ttc, 0, total_ttc, 'D', 1, 'VT', "
      "timestamp '2026-01-01' from llx_facture where fk_statut > 0");
  ASSERT_FALSE(instance.backup().failure);
  const DrillReport sound = instance.drill();
  ASSERT_FALSE(sound.failure) << sound.failure->what();
  EXPECT_THAT(text_of(sound),
              AllOf(HasSubstr("3598 of 3598 rows verified, 0 KO"),
                    HasSubstr("3488 of 3488 indexed documents match"), HasSubstr(" 0 missing")));

  const std::string pdf = "facture/FA2412-0001/FA2412-0001.pdf";
  const std::string file = instance.settings.documents + "/" + pdf;
  const std::string content = shell("cat '" + file + "'");
  const auto file_is = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  };
  struct Damage {
    std::string what;
    std::function<void()> make, mend;
    std::string proof, culprit;
  };
  const std::vector<Damage> damages = {
      {"a deleted PDF", [&] { fs::remove(file); }, [&] { file_is(content); }, "index", pdf},
      {"a rewritten PDF", [&] { file_is("%PDF-1.4 forged"); }, [&] { file_is(content); }, "index",
       pdf},
      {"an edited row of the legal log",
       [&] { instance.sql("update llx_blockedlog set amounts = amounts + 1 where rowid = 1000"); },
       [&] { instance.sql("update llx_blockedlog set amounts = amounts - 1 where rowid = 1000"); },
       "legal log", "rowid 1000"},
      {"a changed amount",
       [&] {
         instance.sql(
             "update llx_accounting_bookkeeping set debit = debit + 1 where rowid = "
             "(select min(rowid) + 7 from llx_accounting_bookkeeping)");
       },
       [&] {
         instance.sql(
             "update llx_accounting_bookkeeping set debit = debit - 1 where rowid = "
             "(select min(rowid) + 7 from llx_accounting_bookkeeping)");
       },
       "growth", "debit"},
      {"a line that is gone",
       [&] {
         instance.sql(
             "create table kept as select * from llx_accounting_bookkeeping where "
             "rowid = (select min(rowid) + 9 from llx_accounting_bookkeeping);"
             "delete from llx_accounting_bookkeeping where rowid in (select rowid "
             "from kept)");
       },
       [&] {
         instance.sql(
             "insert into llx_accounting_bookkeeping select * from kept; "
             "drop table kept");
       },
       "growth", "gone"},
      {"a truncated table",
       [&] {
         instance.sql(
             "create table kept as select * from llx_blockedlog; "
             "truncate llx_blockedlog");
       },
       [&] { instance.sql("insert into llx_blockedlog select * from kept; drop table kept"); },
       "growth", "llx_blockedlog rowid"},
  };
  for (const Damage& damage : damages) {
    damage.make();
    instance.now += std::chrono::hours(1);
    ASSERT_FALSE(instance.backup().failure) << damage.what;
    const DrillReport report = instance.drill();
    const auto proof = std::find_if(report.proofs.begin(), report.proofs.end(),
                                    [&](const Proof& one) { return one.name == damage.proof; });
    ASSERT_NE(proof, report.proofs.end()) << damage.what;
    EXPECT_NE(proof->outcome, Proof::Outcome::proven) << damage.what;
    EXPECT_THAT(proof->culprits, Contains(HasSubstr(damage.culprit))) << damage.what;
    damage.mend();
  }
  instance.now += std::chrono::hours(1);
  ASSERT_FALSE(instance.backup().failure);
  const DrillReport mended = instance.drill();
  EXPECT_FALSE(mended.failure) << mended.failure->what();
}

}  // namespace
}  // namespace dolibarr_backup
