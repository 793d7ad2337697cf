#include "dolibarr/pg_dump_finder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "database/erp_database.h"
#include "support/temp_dir.h"

namespace dolibarr_backup {
namespace {

using testing::HasSubstr;

class PgDumpFinder : public testing::Test {
 protected:
  void add(const std::string& path, const std::string& says, int status = 0) {
    const std::filesystem::path file = folder / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << "#!/bin/sh\necho '" << says << "'\nexit " << status << "\n";
    std::filesystem::permissions(file, std::filesystem::perms(0755));
  }
  /// In Debian's folders.
  void install(int major) {
    add(fmt::format("lib/{}/bin/pg_dump", major), fmt::format("pg_dump (PostgreSQL) {}.3", major));
  }
  PgDumpSearch search() const {
    return {.version_folders = {folder / "lib"},
            .path = (folder / "bin").string() + ":" + (folder / "bin2").string()};
  }
  TempDir folder;
};

TEST_F(PgDumpFinder, prefers_the_servers_own_major) {
  for (const int major : {13, 15, 16}) install(major);
  add("bin/pg_dump", "pg_dump (PostgreSQL) 17.1");
  const PgDumpChoice choice = find_pg_dump(search(), 15);
  EXPECT_EQ(choice.program.path, folder / "lib/15/bin/pg_dump");
  EXPECT_EQ(choice.program.version, "pg_dump (PostgreSQL) 15.3");
  EXPECT_EQ(choice.program.major, 15);
  EXPECT_EQ(choice.warning, "");
}

TEST_F(PgDumpFinder, takes_the_nearest_newer_one_with_a_warning) {
  for (const int major : {13, 17, 16}) install(major);
  const PgDumpChoice choice = find_pg_dump(search(), 15);
  EXPECT_EQ(choice.program.major, 16);
  EXPECT_THAT(choice.warning, HasSubstr("newer"));
}

TEST_F(PgDumpFinder, finds_it_in_path_and_passes_over_what_does_not_run) {
  add("bin/pg_dump", "Error: no version installed", 1);
  add("bin2/pg_dump", "pg_dump (PostgreSQL) 15.9 (Debian 15.9-0+deb12u1)");
  add("lib/14/bin/pg_dump", "something else");
  EXPECT_EQ(find_pg_dump(search(), 15).program.path, folder / "bin2/pg_dump");
}

TEST_F(PgDumpFinder, refuses_older_ones_and_names_the_best) {
  for (const int major : {9, 13, 14}) install(major);
  const Error error = error_of([&] { find_pg_dump(search(), 15); });
  EXPECT_EQ(error.code(), Errc::source);
  EXPECT_THAT(error.what(), HasSubstr("14.3"));
  EXPECT_THAT(error.hint(), HasSubstr("postgresql-client-15"));
  EXPECT_EQ(error_of([&] { find_pg_dump({.version_folders = {}}, 15); }).code(), Errc::source);
}

TEST_F(PgDumpFinder, tries_nothing_else_than_the_settings_own) {
  install(15);
  add("own", "pg_dump (PostgreSQL) 14.3");
  PgDumpSearch own = search();
  own.program = folder / "own";
  EXPECT_THAT(error_of([&] { find_pg_dump(own, 15); }).what(), HasSubstr("older"));
  add("own", "pg_dump (PostgreSQL) 18beta1");
  const PgDumpChoice choice = find_pg_dump(own, 15);
  EXPECT_EQ(choice.program.major, 18);
  EXPECT_THAT(choice.warning, HasSubstr("18beta1"));
}

TEST_F(PgDumpFinder, reads_versions) {
  EXPECT_EQ(major_of_version("pg_dump (PostgreSQL) 15.18"), 15);
  EXPECT_EQ(major_of_version("pg_dump (PostgreSQL) 9.6.24"), 9);
  EXPECT_EQ(major_of_version("pg_dump (PostgreSQL) 18devel"), 18);
  EXPECT_EQ(major_of_version("pg_dump (PostgreSQL) "), std::nullopt);
  EXPECT_EQ(major_of_version("psql (PostgreSQL) 15.18"), std::nullopt);
  EXPECT_EQ(major_of_version(""), std::nullopt);
}

}  // namespace
}  // namespace dolibarr_backup
