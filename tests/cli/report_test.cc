// The report of real backups, and of what happens to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/catalog.h"
#include "cli/program.h"
#include "core/run_record.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
 protected:
  std::string page(const std::string& language = "en") {
    const CommandResult result = program_.run(
        {"--env", "prod", "report", "--html", program_.path("report.html"), "--lang", language});
    EXPECT_EQ(result.status, 0) << result.errors;
    std::ifstream in(program_.path("report.html"));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  json facts() {
    const CommandResult result = program_.run({"--env", "prod", "--json", "report"});
    EXPECT_EQ(result.status, 0) << result.errors;
    return json::parse(result.output);
  }
  void back_up() {
    const CommandResult result = program_.run({"--env", "prod", "backup"});
    ASSERT_EQ(result.status, 0) << result.errors;
  }
  /// The path of a stored object of the newest run whose name ends so.
  fs::path stored(const std::string& folder, const std::string& ending) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(program_.path("store")))
      if (entry.path().parent_path().filename() == folder &&
          entry.path().string().ends_with(ending))
        found.push_back(entry.path());
    EXPECT_FALSE(found.empty()) << folder;
    return *std::max_element(found.begin(), found.end());
  }

  Program program_;
};

TEST_F(Report, OfAnEnvironmentThatWasNeverBackedUp) {
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("There is no backup"));
  EXPECT_THAT(text, HasSubstr("Never backed up"));
  EXPECT_THAT(page("fr"), HasSubstr("Il n’existe aucune sauvegarde"));
  EXPECT_FALSE(facts()["coverage"]["covered"]);
}

TEST_F(Report, OfASoundBackup) {
  back_up();
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("The last good backup is of"));
  EXPECT_THAT(text, HasSubstr("Unbroken"));
  EXPECT_THAT(text, Not(HasSubstr("never backed up.")));
  struct stat status {};
  ASSERT_EQ(::stat(program_.path("report.html").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644u);
  const json told = facts();
  EXPECT_TRUE(told["coverage"]["covered"]);
  EXPECT_EQ(told["days"].back()["mark"], "backed_up");
  EXPECT_EQ(told["chain"]["records"], 1);
  EXPECT_EQ(told["archives"].size(), 2u);
}

TEST_F(Report, IsAFileAsTheUserMakesThem) {
  back_up();
  const mode_t before = ::umask(0027);
  page();
  ::umask(before);
  EXPECT_EQ(fs::status(program_.path("report.html")).permissions(), fs::perms(0640));
  fs::remove(program_.path("report.html"));
  fs::create_symlink("/dev/null", program_.path("report.html"));
  page();
  EXPECT_TRUE(fs::is_symlink(program_.path("report.html")));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(Report, OfOneWhoseDocumentsNeverWere) {
  const fs::path aside = program_.path("aside");
  fs::rename(program_.documents(), aside);
  EXPECT_NE(program_.run({"--env", "prod", "backup"}).status, 0);
  fs::rename(aside, program_.documents());
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("Documents: never backed up."));
  EXPECT_THAT(text, Not(HasSubstr("Database: never backed up.")));
  EXPECT_FALSE(facts()["coverage"]["covered"]);
}

TEST_F(Report, OfOneThatIsThreeDaysStale) {
  back_up();
  // The same record, named and dated three days earlier, as if no run had come since.
  const fs::path path = stored("runs", ".json");
  std::ifstream in(path);
  const std::string written{std::istreambuf_iterator<char>(in), {}};
  RunRecord record = parse_run_record(written);
  const std::string before = record.run.text();
  const Instant then = record.started - std::chrono::days(3);
  const std::string after = RunId::make(then, 7).text();
  std::string text = written;
  for (const auto& [from, to] :
       {std::pair(before, after), {format_instant(record.started), format_instant(then)}})
    for (size_t at; (at = text.find(from)) != std::string::npos;) text.replace(at, from.size(), to);
  for (const auto& entry : fs::recursive_directory_iterator(program_.path("store"))) {
    const std::string name = entry.path().filename();
    if (name.starts_with(before))
      fs::rename(entry.path(), entry.path().parent_path() / (after + name.substr(before.size())));
  }
  std::ofstream(path.parent_path() / (after + ".json")) << text;
  const std::string shown = page();
  EXPECT_THAT(shown, HasSubstr("One is due every day."));
  EXPECT_THAT(shown, HasSubstr("Backup too old"));
  EXPECT_THAT(shown, HasSubstr("missing: no run"));
  const json told = facts();
  EXPECT_FALSE(told["coverage"]["covered"]);
  ASSERT_EQ(told["gaps"].size(), 1u);
}

TEST_F(Report, OfOneWhoseNewestArchiveIsDamaged) {
  back_up();
  const fs::path dump = stored("db", ".dump");
  {
    std::fstream file(dump, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(dump)) / 2);
    file << "damage!";
  }
  EXPECT_EQ(program_.run({"--env", "prod", "verify"}).status, 6);
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("Newest archive damaged"));
  EXPECT_THAT(text, HasSubstr("none of them can be restored"));
  EXPECT_FALSE(facts()["coverage"]["covered"]);
}

TEST_F(Report, OfOneWithABrokenChain) {
  back_up();
  program_.write_document("facture/FA2606-0002/FA2606-0002.pdf", "another");
  back_up();
  const fs::path newest = stored("runs", ".json");
  for (const auto& entry : fs::directory_iterator(newest.parent_path()))
    if (entry.path() != newest) fs::remove(entry.path());
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("Broken chain of run records"));
  EXPECT_THAT(text, HasSubstr("is gone, though the record of"));
  EXPECT_THAT(text, Not(HasSubstr("Unbroken")));
  EXPECT_EQ(facts()["chain"]["problems"].size(), 1u);
}

TEST_F(Report, RefusesWhatItCannotTell) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"report"},
           {"report", "--html", "-", "--json"},
           {"report", "--json", "--from", "yesterday"},
           {"report", "--json", "--from", "2026-02-30"},
           {"report", "--json", "--from", "2026-02-02", "--to", "2026-02-01"},
           {"report", "--json", "--from", "1990-01-01"},
           {"report", "--json", "--from", "2990-01-01", "--to", "2990-01-02"},
           {"report", "--html", "x.html", "--lang", "de"},
           {"report", "--html", program_.path("no/folder/x.html")}}) {
    std::vector<std::string> arguments = {"--env", "prod"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(program_.run(arguments).status, 2) << testing::PrintToString(wrong);
  }
  const CommandResult out = program_.run({"--env", "prod", "report", "--html", "-"});
  EXPECT_EQ(out.status, 0);
  EXPECT_THAT(out.output, testing::StartsWith("<!DOCTYPE html>"));
}

}  // namespace
}  // namespace dolibarr_backup
