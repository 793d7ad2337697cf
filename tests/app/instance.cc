#include "app/instance.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "store/make_store.h"
#include "stream/process.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSchema = R"(
create table llx_const(rowid serial primary key, name text, entity int, value text,
                       tms timestamp default now());
insert into llx_const(name, entity, value) values
  ('MAIN_SECURITY_SALT', 0, '20260101000000'), ('MAIN_VERSION_LAST_INSTALL', 0, '22.0.4');
create table llx_user(rowid serial primary key, login text, datelastlogin timestamp,
                      datepreviouslogin timestamp, tms timestamp default now());
insert into llx_user(login) select 'user' || n from generate_series(1, 5) n;
create table llx_facture(rowid serial primary key, ref text, total_ttc numeric(24, 8),
                         note_private text, tms timestamp default now());
insert into llx_facture(ref, total_ttc) select 'FA2606-' || lpad(n::text, 4, '0'), n * 1.2
  from generate_series(1, 200) n;
create table llx_facturedet(rowid serial primary key, fk_facture int, description text);
insert into llx_facturedet(fk_facture, description) select n % 200 + 1, md5(n::text)
  from generate_series(1, 1000) n;
create table llx_ecm_files(rowid serial primary key, label text, filepath text, filename text,
                           entity int default 1);
)";

std::string run(const std::vector<std::string>& argv) {
  return run_and_read({.argv = argv}, 64 * kMiB);
}

}  // namespace

PostgresServer& Instance::server() {
  static PostgresServer instance;
  return instance;
}

Instance::Instance() : now(std::chrono::sys_days(std::chrono::year(2026) / 6 / 1)) {
  static std::atomic<int> counter{0};
  database_ = fmt::format("erp{}", ++counter);
  server().create_database(database_);
  sql(kSchema);

  settings_.name = "prod";
  settings_.prefix = "erp/prod";
  settings_.documents = folder_.string() + "/documents";
  settings_.database = server().settings(database_);
  settings_.store.directory = store_folder();
  settings_.conf_key_location = "a safe";
  settings_.settle_timeout = std::chrono::seconds(5);
  fs::create_directories(settings_.documents);
  write_document("install.lock", "");
  for (int number = 1; number <= 20; ++number) {
    const std::string ref = fmt::format("FA2606-{:04}", number);
    write_document(fmt::format("facture/{0}/{0}.pdf", ref),
                   "%PDF-1.4 " + std::string(2000, 'x') + ref);
  }
  age_documents();
  store_ = make_store(settings_.store, settings_.upload_memory_bytes, progress_, {});
}

Instance::~Instance() = default;

void Instance::write_document(const std::string& path, const std::string& content) {
  const fs::path file = fs::path(settings_.documents) / path;
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

void Instance::remove_document(const std::string& path) {
  fs::remove_all(fs::path(settings_.documents) / path);
}

void Instance::age_documents() {
  // mtime only: ctime cannot be set, so the files stay racy for two seconds, which
  // the runs have to cope with anyway.
  for (const auto& entry : fs::recursive_directory_iterator(settings_.documents))
    fs::last_write_time(entry, fs::file_time_type::clock::now() - std::chrono::hours(1));
}

BackupReport Instance::backup(const BackupOptions& options) {
  now += std::chrono::minutes(1);
  return back_up(settings_, *store_, options, [this] { return now; }, progress_, {});
}

std::string Instance::difference_after_restore() {
  Catalog listed = catalog();
  const std::optional<PairAt> pair = listed.good_pair_at(now);
  if (!pair) return "no good pair";
  const std::string to = scratch("restored");
  fs::remove_all(to);
  fs::create_directories(to + "/docs");
  const auto fetch = [&](const std::string& key, const std::string& file) {
    const std::unique_ptr<Source> source = store_->open(key);
    std::ofstream out(file, std::ios::binary);
    const std::string content = read_all(*source, kGiB);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
  };
  fetch(*pair->db, to + "/db.dump");
  fetch(*pair->docs, to + "/docs.tar.gz");
  run({"tar", "-xzf", to + "/docs.tar.gz", "-C", to + "/docs"});

  const std::string copy = database_ + "_copy";
  server().run_sql("postgres", "drop database if exists " + copy);
  server().create_database(copy);
  server().restore(copy, to + "/db.dump");
  if (server().dump_sorted(copy) != server().dump_sorted(database_)) return "the database differs";
  try {
    run({"diff", "-r", "--no-dereference", settings_.documents, to + "/docs"});
  } catch (const Error& error) {
    return std::string("the documents differ: ") + error.what();
  }
  return "";
}

}  // namespace dolibarr_backup
