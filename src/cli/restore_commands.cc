#include "cli/restore_commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/document_access.h"
#include "app/drill.h"
#include "app/identity.h"
#include "app/point_diff.h"
#include "app/restore.h"
#include "app/run_journal.h"
#include "app/verify.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "cli/restore_report.h"
#include "cli/session.h"
#include "cli/settings_reader.h"
#include "dolibarr/pg_connection.h"

namespace dolibarr_backup {
namespace {

std::optional<Instant> as_of(const std::string& text, const EnvironmentSettings& environment) {
  if (text.empty()) return std::nullopt;
  return parse_as_of(text, environment.time_zone);
}

// "1/30", "10%" or "0.1".
double share_of(const std::string& text) {
  if (text.empty()) return 1.0;
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (*end == '/') value /= std::strtod(end + 1, &end);
  if (*end == '%') {
    value /= 100;
    ++end;
  }
  if (*end != '\0' || !(value > 0) || value > 1)
    throw Error(Errc::usage, "'" + text + "' is no share such as 1/30 or 10%");
  return value;
}

std::string work_folder(const CommandLine& line) {
  if (!line.work_folder.empty()) return line.work_folder;
  const char* temporary = std::getenv("TMPDIR");
  return temporary && *temporary ? temporary : "/var/tmp";
}

int result_of(const std::optional<Error>& failure, int printed) {
  if (!failure) return printed;
  report_error(*failure);
  return exit_code_of(failure->code());
}

Secret read_secret_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (!std::getline(file, text)) throw Error(Errc::usage, "no key can be read from '" + path + "'");
  return Secret(std::string(trim(text)));
}

// To standard output as it comes.
class StandardOutput : public Sink {
 public:
  using Sink::write;
  void write(Bytes bytes) override {
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) fail();
  }
  void flush() {
    if (std::fflush(stdout) != 0) fail();
  }

 private:
  [[noreturn]] static void fail() {
    throw Error(Errc::usage, "standard output cannot be written: " + errno_text(errno));
  }
};

// `path` is `folder` or lies inside it, by whatever way: a folder may be mounted twice.
bool inside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  std::error_code none;
  for (std::filesystem::path at = path;; at = at.parent_path()) {
    if (at == folder || std::filesystem::equivalent(at, folder, none)) return true;
    if (at == at.parent_path()) return false;
  }
}

// One is the other, or lies inside it; symbolic links resolved as far as they exist.
bool overlap(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  std::error_code none;
  const std::filesystem::path one = std::filesystem::weakly_canonical(a, none);
  const std::filesystem::path other = std::filesystem::weakly_canonical(b, none);
  return inside(one, other) || inside(other, one);
}

bool same_places(const RestoreTarget& target, const EnvironmentSettings& environment) {
  const DatabaseSettings& own = environment.database;
  const bool database = target.database && target.database->name == own.name &&
                        target.database->host == own.host && target.database->port == own.port &&
                        target.database->service == own.service;
  return database || (target.documents && overlap(*target.documents, environment.documents));
}

RestoreTarget target_of(const CommandLine& line, const EnvironmentSettings& source,
                        const std::vector<EnvironmentSettings>& all) {
  RestoreTarget target;
  if (!line.into.empty() && !(line.into_database.empty() && line.into_documents.empty()))
    throw Error(Errc::usage, "--into names both places; no other one goes with it")
        .with_hint("for one half of them: --half");
  if (!line.into.empty()) {
    for (const EnvironmentSettings& environment : all) {
      if (environment.name != line.into) continue;
      target.environment = &environment;
      target.database = environment.database;
      target.documents = environment.documents;
    }
    if (!target.environment)
      throw Error(Errc::usage, "the settings have no environment '" + line.into + "'");
  }
  if (!line.into_database.empty()) {
    target.database = source.database;
    if (is_connection_string(line.into_database))
      target.database = settings_of_uri(line.into_database, source.database);
    else
      target.database->name = line.into_database;
  }
  if (!line.into_documents.empty())
    target.documents = std::filesystem::absolute(line.into_documents).lexically_normal().string();
  if (!target.database && !target.documents)
    throw Error(Errc::usage, "a restore needs a target")
        .with_hint("--into ENV, or --into-database NAME and --into-documents FOLDER");
  return target;
}

// Whoever replaces production says so by its name.
void require_confirmation(const CommandLine& line, const RestoreTarget& target,
                          const std::vector<EnvironmentSettings>& all) {
  for (const EnvironmentSettings& environment : all) {
    if (target.documents && overlap(*target.documents, environment.store.directory))
      throw Error(Errc::refused, fmt::format("'{}' and the store '{}' lie in each other",
                                             *target.documents, environment.store.directory));
    if (line.dry_run || !environment.is_protected) continue;
    // A server has more than one name.
    if (!same_places(target, environment) &&
        !(target.database && same_database(*target.database, environment.database)))
      continue;
    if (line.command == Command::refresh)
      throw Error(Errc::refused, fmt::format("the target is a place of '{}', which is protected",
                                             environment.name))
          .with_hint("mend the settings: two environments never share a database or a folder");
    require_name_of(environment, line);
  }
}

std::set<Half> halves_of(const CommandLine& line, const RestoreTarget& target) {
  if (line.half == "db") return {Half::db};
  if (line.half == "docs") return {Half::docs};
  std::set<Half> halves;
  if (target.database) halves.insert(Half::db);
  if (target.documents) halves.insert(Half::docs);
  return halves;
}

int run_extract(const CommandLine& line, Session& session) {
  if (line.dry_run) throw Error(Errc::usage, "--dry-run does not go with --path; see `find`");
  if (line.folder.empty())
    throw Error(Errc::usage, "--path needs --to: where to put the documents");
  Catalog catalog = session.catalog();
  const ChosenPoint point = choose_documents(catalog, as_of(line.as_of, session.environment));
  const ExtractReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return extract_documents(*session.store, point.docs.value(), PathPattern(line.path),
                             line.folder, session.progress, session.stop);
  }();
  std::optional<Error> failure;
  if (!report.problems.empty()) failure = Error(Errc::corrupt, report.problems.front());
  return result_of(failure, print_result(line.json ? extract_json(report, line.folder)
                                                   : extract_text(report, line.folder)));
}

// The next backup of the target must know whom it holds now: whether its prefix can be told is
// tried before anything is replaced.
void require_recordable(const RestoreTarget& target, const std::stop_source& stop) {
  with_context("the records of '" + target.environment->name + "'", [&] {
    Session session(*target.environment, stop);
    session.store->check_access(Access::write);
    begin_run(session.catalog(), now());
  });
}

void record_in_target(const RestoreTarget& target, const std::string& source,
                      const RestoreReport& report, const std::stop_source& stop) {
  Session session(*target.environment, stop);
  Catalog catalog = session.catalog();
  record_restore(catalog, *target.environment, source, report, now());
}

std::vector<EnvironmentSettings> all_environments(const CommandLine& line,
                                                  const EnvironmentSettings& chosen) {
  CommandLine everything = line;
  everything.environment.clear();
  std::vector<EnvironmentSettings> all = read_settings(everything).environments;
  if (all.empty()) all.push_back(chosen);
  return all;
}

// The way of restore and refresh alike.
int restore_into(const CommandLine& line, Session& session, const RestoreTarget& target,
                 const std::optional<Neutralization>& neutralization,
                 const std::stop_source& stop) {
  const EnvironmentSettings& source = session.environment;
  if (target.environment && !line.dry_run) require_recordable(target, stop);
  Catalog catalog = session.catalog();
  const RestoreReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return restore(
        catalog, target,
        {.as_of = as_of(line.as_of, source),
         .halves = halves_of(line, target),
         .accept_unproven = line.accept_unproven,
         .dry_run = line.dry_run,
         .work_folder = work_folder(line),
         .neutralize = neutralization},
        [&](const RestoreReport& plan) {
          if (!line.json && !line.quiet) print_result(restore_plan_text(plan, now()));
        },
        now, session.progress, session.stop);
  }();
  std::optional<Error> failure = report.failure;
  const bool exchanged = std::any_of(report.halves.begin(), report.halves.end(),
                                     [](const auto& half) { return half.second.restored; });
  if (target.environment && exchanged) {
    // What was exchanged is told whatever comes of this.
    try {
      record_in_target(target, source.name, report, stop);
    } catch (const Error& error) {
      if (!failure) {
        failure = error;
        failure->add_context("restored, but the prefix does not know of it");
      } else {
        log::error("the prefix does not know of what was restored: {}", error.what());
      }
    }
  }
  return result_of(failure, print_result(line.json ? restore_json(report, line.dry_run)
                                                   : restore_text_of(report, line.dry_run)));
}

int run_discard(const CommandLine& line, RestoreTarget target) {
  if (!line.as_of.empty() || line.accept_unproven)
    throw Error(Errc::usage, "--discard-old restores nothing: no --as-of, no --accept-unproven");
  if (line.half == "db") target.documents.reset();
  if (line.half == "docs") target.database.reset();
  const RestoreLeftovers left = discard_leftovers(target, line.dry_run);
  return result_of(left.failure, print_result(line.json ? leftovers_json(left, line.dry_run)
                                                        : leftovers_text(left, line.dry_run)));
}

// A copy says what it is, and of when.
std::string title_of(const CommandLine& line) {
  std::string title = line.into;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return title + ": copy of " + line.environment;
}

}  // namespace

OwnSql read_sql(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open() || file.bad())
    throw Error(Errc::usage, "'" + path + "' cannot be read: " + errno_text(errno));
  return {path, std::move(text)};
}

void require_name_of(const EnvironmentSettings& environment, const CommandLine& line) {
  std::string typed = line.confirm;
  if (typed.empty() && ::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)) {
    std::fprintf(stderr, "This replaces '%s', which is protected. Type its name to go on: ",
                 environment.name.c_str());
    std::getline(std::cin, typed);
  }
  if (typed != environment.name)
    throw Error(Errc::refused, "'" + environment.name + "' is protected")
        .with_hint("to replace it: --confirm " + environment.name);
}

int run_verify(const CommandLine& line, const std::stop_source& stop, CommandOutcome& outcome) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access(Access::write);
  Catalog catalog = session.catalog();
  const VerifyReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return verify(catalog, environment, {.quick = line.quick, .share = share_of(line.share)}, now,
                  session.progress, session.stop);
  }();
  return tell_result(line, outcome, verify_text(report), verify_json(report), report.failure);
}

int run_restore(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  if (!line.discard_old) session.store->check_access(Access::read);
  if (line.discard_old && !line.path.empty())
    throw Error(Errc::usage, "--discard-old goes with a target, not with --path");
  if (!line.path.empty()) return run_extract(line, session);
  if (!line.folder.empty()) throw Error(Errc::usage, "--to goes with --path");
  const std::vector<EnvironmentSettings> all = all_environments(line, environment);
  const RestoreTarget target = target_of(line, environment, all);
  require_confirmation(line, target, all);
  if (line.discard_old) return run_discard(line, target);
  return restore_into(line, session, target, std::nullopt, stop);
}

int run_refresh(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access(Access::read);
  const std::vector<EnvironmentSettings> all = all_environments(line, environment);
  const RestoreTarget target = target_of(line, environment, all);
  if (target.environment->is_protected)
    throw Error(Errc::refused, "'" + line.into + "' is protected: no copy is put into it")
        .with_hint("to bring it back from its own backup: restore --env " + line.into);
  if (same_places(target, environment))
    throw Error(Errc::refused, "'" + line.into + "' and '" + environment.name +
                                   "' have the same database, or folders that lie in each other");
  if (target.database->table_prefix != environment.database.table_prefix)
    throw Error(
        Errc::refused,
        fmt::format("the tables of '{}' begin with '{}', those of '{}' with '{}'", environment.name,
                    environment.database.table_prefix, line.into, target.database->table_prefix))
        .with_hint("the copy brings its own names: set table_prefix alike");
  require_confirmation(line, target, all);
  Neutralization neutralization{.title = title_of(line)};
  for (const std::string& path : line.sql_files) neutralization.own.push_back(read_sql(path));
  return restore_into(line, session, target, neutralization, stop);
}

int run_show(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  const ChosenPoint point = choose_documents(catalog, as_of(line.as_of, environment));
  StandardOutput out;
  write_document(*session.store, point.docs.value(), line.path, out, session.stop);
  out.flush();
  return 0;
}

int run_find(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  const std::vector<DocumentVersion> versions =
      find_versions(catalog, PathPattern(line.path), session.stop);
  return print_result(line.json ? versions_json(versions) : versions_text(versions));
}

int run_diff(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  const ChosenPoint a = choose_point(catalog, as_of(line.as_of, environment), true);
  const ChosenPoint b = choose_point(catalog, as_of(line.until, environment), true);
  const PointDiff diff = diff_points(catalog, a, b, session.stop);
  return print_result(line.json ? diff_json(a, b, diff) : diff_text(a, b, diff));
}

int run_drill(const CommandLine& line, const std::stop_source& stop, CommandOutcome& outcome) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access(Access::write);
  Catalog catalog = session.catalog();
  DrillOptions options{.as_of = as_of(line.as_of, environment), .work_folder = work_folder(line)};
  if (!line.conf_key_file.empty()) options.conf_key = read_secret_file(line.conf_key_file);
  const DrillReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return drill(catalog, environment, options, now, session.progress, session.stop);
  }();
  return tell_result(line, outcome, drill_text(report), drill_json(report), report.failure);
}

}  // namespace dolibarr_backup
