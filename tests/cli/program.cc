#include "cli/program.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "app/catalog.h"
#include "store/make_store.h"
#include "stream/digest.h"
#include "support/company/company.h"

namespace dolibarr_backup {

namespace fs = std::filesystem;

PostgresServer& Program::server() {
  static PostgresServer instance;
  return instance;
}

std::string Program::program_path() {
  return PROGRAM;
}

Program::Program() {
  static std::atomic<int> counter{0};
  database_ = fmt::format("cli{}", ++counter);
  server().create_database(database_);
  make_company(server().settings(database_), documents(), {});
  use_directory_store();
}

void Program::use_store(const std::string& store_yaml, const std::string& more_environments) {
  std::ofstream(settings_file()) << fmt::format(R"(conf_key_location: a safe
settle_timeout: 5s
environments:
  prod:
    documents: {}
    store:
{}    database:
      host: {}
      port: {}
      name: {}
      user: {}
{})",
                                                documents(), store_yaml, server().socket_folder(),
                                                PostgresServer::kPort, database_,
                                                PostgresServer::kOwner, more_environments);
  ::chmod(settings_file().c_str(), 0600);
}

void Program::use_directory_store() {
  store_settings_ = {};
  store_settings_.directory = path("store");
  use_store(fmt::format("      directory: {}\n", store_settings_.directory));
}

void Program::use_s3_store(const S3Settings& settings) {
  store_settings_ = {};
  store_settings_.s3 = settings;
  std::ofstream(path("access")) << settings.access_key_id;
  std::ofstream(path("secret")) << settings.secret_access_key.reveal() << "\n";
  use_store(fmt::format(
      "      bucket: {}\n      endpoint: {}\n      region: {}\n"
      "      access_key_id_file: {}\n      secret_access_key_file: {}\n",
      settings.bucket, settings.endpoint, settings.region, path("access"), path("secret")));
}

Command Program::command(const std::vector<std::string>& arguments,
                         const std::map<std::string, std::string>& variables) const {
  Command command{.argv = {program_path()}, .environment = variables};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.environment.emplace("DOLIBARR_BACKUP_CONFIG", settings_file());
  return command;
}

std::unique_ptr<ServerProcess> Program::start(
    const std::vector<std::string>& arguments, int stop_signal,
    const std::map<std::string, std::string>& variables) const {
  return std::make_unique<ServerProcess>(command(arguments, variables), log_path(), stop_signal);
}

void Program::write_document(const std::string& name, const std::string& content) const {
  const fs::path file = fs::path(documents()) / name;
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

std::unique_ptr<ObjectStore> Program::open_store() {
  return make_store(store_settings_, 24 * kMiB, progress_, {});
}

std::string Program::damage() {
  const std::unique_ptr<ObjectStore> store = open_store();
  Catalog catalog(*store, KeySpace("erp/prod"), {});
  for (const CatalogArchive& archive : catalog.archives()) {
    if (archive.standing != CatalogArchive::Standing::in_force) continue;
    const ArchiveEntry entry =
        *catalog.record(*archive.run)->halves.at(archive.stored.half).archive;
    for (const StoredObject& object : {entry.archive, *entry.manifest}) {
      const std::optional<std::string> content = get_object(*store, object.key, kGiB);
      if (!content) return object.key + " is missing";
      if (content->size() != object.size || sha256_hex(*content) != object.sha256)
        return object.key + " is damaged";
    }
  }
  return "";
}

std::string Program::difference_after_restore() {
  const std::unique_ptr<ObjectStore> store = open_store();
  Catalog catalog(*store, KeySpace("erp/prod"), {});
  const std::optional<PairAt> pair = catalog.good_pair_at(Instant::max());
  if (!pair) return "no good pair";
  const std::string to = path("restored");
  fs::remove_all(to);
  fs::create_directories(to + "/docs");
  const auto fetch = [&](const std::string& key, const std::string& name) {
    std::ofstream(to + "/" + name, std::ios::binary) << get_object(*store, key, kGiB).value();
  };
  fetch(*pair->db, "db.dump");
  fetch(*pair->docs, "docs.tar.gz");
  run_or_throw({.argv = {"tar", "-xzf", to + "/docs.tar.gz", "-C", to + "/docs"}});
  const std::string copy = database_ + "_copy";
  server().run_sql("postgres", "drop database if exists " + copy);
  server().create_database(copy);
  server().restore(copy, to + "/db.dump");
  if (server().dump_sorted(copy) != server().dump_sorted(database_)) return "the database differs";
  const CommandResult diff = run_command({.argv = {"diff", "-rq", "--no-dereference", "-x", "temp",
                                                   "-x", "backup", documents(), to + "/docs"}});
  return diff.status == 0 ? "" : "the documents differ: " + diff.output + diff.errors;
}

}  // namespace dolibarr_backup
