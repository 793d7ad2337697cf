// What people see on a terminal, and what shells complete.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "base/utf8.h"
#include "cli/program.h"
#include "cli/progress_bar.h"
#include "cli/report_text.h"
#include "cli/restore_report.h"
#include "cli/status_report.h"
#include "cli/table.h"

namespace dolibarr_backup {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

TEST(Terminal, ShowsProgressAndWipesIt) {
  Program program;
  program.write_document("ecm/large.bin", std::string(60 << 20, 'x'));
  // script(1) gives the program a terminal of its own.
  const Command inner = program.command({"-e", "prod", "backup"});
  const CommandResult result =
      run_command({.argv = {"script", "--quiet", "--return", "--command",
                            Program::program_path() + " -e prod backup", "/dev/null"},
                   .environment = inner.environment});
  EXPECT_EQ(result.status, 0) << result.output << result.errors;
  EXPECT_THAT(result.output, HasSubstr("\x1b[K"));
  EXPECT_THAT(result.output, HasSubstr("result=success"));
}

// While it lives, a run waits for a table that somebody else has locked.
class LockedTable {
 public:
  explicit LockedTable(const Program& program)
      : holder_([&program] {
          program.sql("begin; lock table llx_facture; select pg_sleep(4); commit");
        }) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  ~LockedTable() { holder_.join(); }

 private:
  std::thread holder_;
};

TEST(Terminal, ASignalsWarningBeginsALineOfItsOwn) {
  Program program;
  const LockedTable locked(program);
  const Command inner = program.command({"-e", "prod", "backup"});
  const std::string script =
      Program::program_path() + " -e prod backup & sleep 2; kill -TERM $!; wait $!";
  const CommandResult result =
      run_command({.argv = {"script", "--quiet", "--return", "--command", script, "/dev/null"},
                   .environment = inner.environment});
  EXPECT_THAT(result.output, HasSubstr("looking"));
  EXPECT_THAT(result.output, HasSubstr("\x1b[Kwarning: interrupted"));
}

// As timeout(1) sends them: one to its child and one to the group.
TEST(Signals, TwoThatComeTogetherAreOne) {
  Program program;
  const LockedTable locked(program);
  Command command = program.command({});
  command.argv = {"sh", "-c",
                  Program::program_path() +
                      " -e prod backup & sleep 2; kill -TERM $!; "
                      "sleep 0.02; kill -TERM $!; wait $!"};
  const CommandResult result = run_command(command);
  EXPECT_EQ(result.status, 130) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("env=prod result=interrupted"));
}

TEST(ProgressLine, TellsShareRateAndTimeLeftWithinTheWidth) {
  Progress progress;
  EXPECT_THAT(progress_line(progress, 1, 100), HasSubstr("looking"));
  progress.docs_total_bytes = 100 * kMiB;
  progress.docs_read_bytes = 25 * kMiB;
  const std::string line = progress_line(progress, 5, 200);
  EXPECT_THAT(line, HasSubstr("25 %"));
  EXPECT_THAT(line, HasSubstr("5.00 MiB/s"));
  EXPECT_THAT(line, HasSubstr("15.0 s left"));
  EXPECT_THAT(line, HasSubstr("docs 25.0 MiB"));
  EXPECT_THAT(line, Not(HasSubstr("db "))) << "it is not read";
  EXPECT_LE(progress_line(progress, 5, 40).size(), 40u);
}

TEST(ProgressLine, PutsFirstWhatEightyColumnsMustShow) {
  Progress progress;
  progress.db_read_bytes = 1023 * kGiB;
  progress.docs_total_bytes = 4000 * kGiB;
  progress.docs_read_bytes = 1023 * kGiB;
  progress.stored_bytes = 1023 * kGiB;
  const std::string line = progress_line(progress, 30'000, 79);
  for (const char* part : {" 26 %", "/s, ", " left", "db ", "docs "})
    EXPECT_THAT(line, HasSubstr(part)) << line;
  EXPECT_LE(line.size(), 79u);
  EXPECT_FALSE(line.ends_with(",")) << line;
}

TEST(Table, AlignsAccentsAndDefusesControlCharacters) {
  Table table({{"NAME"}, {"SIZE", Align::right}});
  EXPECT_EQ(table.text(), "");
  table.add_row({"é\x1b[31m", "1"});
  table.add_row({"name", "1000"});
  EXPECT_EQ(table.text(), "NAME       SIZE\né\\x1b[31m     1\nname       1000\n");
}

TEST(Printable, LeavesNothingThatMovesTheCursorOrTurnsTheText) {
  EXPECT_EQ(printable("facture/été 1.pdf"), "facture/été 1.pdf");
  EXPECT_EQ(printable("a\nOK\r\t\x7f"), "a\\x0aOK\\x0d\\x09\\x7f");
  EXPECT_EQ(printable("\u009b31m"), "\\xc2\\x9b31m") << "C1";
  EXPECT_EQ(printable("\u202efdp.exe\u2066\u2028"),
            "\\xe2\\x80\\xaefdp.exe\\xe2\\x81\\xa6\\xe2\\x80\\xa8");
  EXPECT_EQ(printable("r\xe9sum\xe9"), "r\\xe9sum\\xe9") << "not UTF-8";
}

TEST(Reports, AForeignNameForgesNoLine) {
  const std::string name = "x\nenv=prod status=ok\u009b2J";
  EnvironmentStatus status{.environment = "prod"};
  add_finding(status, {FindingKind::damaged, Half::docs, name});
  JudgedListing judged{.status = status};
  judged.listing.not_ours = {{.key = name}};
  RestoreReport restored;
  restored.notes = restored.staging_notes = {name};
  ExtractReport extracted;
  extracted.problems = {name};
  for (const std::string& text :
       {status_text({status}, std::nullopt, false), listing_text({judged}),
        restore_text_of(restored, false), extract_text(extracted, "to")}) {
    EXPECT_THAT(text, HasSubstr("x\\x0aenv=prod status=ok\\xc2\\x9b2J"));
    EXPECT_THAT(text, testing::Not(HasSubstr("\nenv=prod status=ok")));
  }
}

TEST(Completion, IsSoundBash) {
  Program program;
  const std::string script = program.run({"completion", "bash"}).output;
  const CommandResult syntax = run_command({.argv = {"bash", "-n"}, .stdin_text = script});
  EXPECT_EQ(syntax.status, 0) << syntax.errors;
}

// What bash offers at the end of `line`, where "|" parts the words as bash does.
std::vector<std::string> offered(const std::string& script, const std::string& line) {
  std::string words;
  std::istringstream parts(line);
  for (std::string word; std::getline(parts, word, '|');) words += " '" + word + "'";
  if (line.ends_with('|')) words += " ''";
  const CommandResult result =
      run_command({.argv = {"bash", "-c",
                            script + "\nCOMP_WORDS=(" + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
                                "_dolibarr_backup; printf '%s\\n' \"${COMPREPLY[@]}\""}});
  EXPECT_EQ(result.errors, "") << line;
  std::vector<std::string> all;
  std::istringstream lines(result.output);
  for (std::string word; std::getline(lines, word);)
    if (!word.empty()) all.push_back(word);
  return all;
}

TEST(Completion, KnowsValuesFromCommands) {
  const Program program;
  const std::string script = program.run({"completion", "bash"}).output;
  const auto offers = [&](const std::string& line) {
    return offered(script, "dolibarr-backup|" + line);
  };
  EXPECT_THAT(offers("ba"), ElementsAre("backup"));
  EXPECT_THAT(offers("--env|prod|prune|--dr"), ElementsAre("--dry-run"));
  EXPECT_THAT(offers("--env|=|prod|prune|--dr"), ElementsAre("--dry-run"));
  EXPECT_THAT(offers("--env|prune|ba"), ElementsAre("backup"));
  EXPECT_THAT(offers("--env|"), IsEmpty()) << "which environments there are is not known";
  EXPECT_THAT(offers("completion|"), IsSupersetOf({"bash", "zsh", "fish"}));
  EXPECT_THAT(offers("completion|z"), ElementsAre("zsh"));
  EXPECT_THAT(offers("--log-format|"), ElementsAre("text", "json"));
  EXPECT_THAT(offers("list|--log-format|=|j"), ElementsAre("json"));
  EXPECT_THAT(offers("list|--log-format|="), ElementsAre("text", "json"));
  EXPECT_THAT(offers("hold|"), IsSupersetOf({"add", "rm", "list", "--env"}));
  EXPECT_THAT(offers("hold|"), Not(Contains("backup")));
  EXPECT_THAT(offers("hold|add|some.dump|--wh"), testing::UnorderedElementsAre("--who", "--why"));
  EXPECT_THAT(offers("backup|--js"), ElementsAre("--json"));
  const std::string folder = program.path("");
  EXPECT_THAT(offers("-c|" + folder + "sett"), ElementsAre(program.settings_file()));
  EXPECT_THAT(offers("config|init|" + folder + "sett"), ElementsAre(program.settings_file()));
  EXPECT_THAT(offers("--documents|" + folder), ElementsAre(program.documents()));
  EXPECT_THAT(offers("backup|" + folder + "sett"), IsEmpty());
}

}  // namespace
}  // namespace dolibarr_backup
