#include "cli/restore_commands.h"

#include <fmt/format.h>
#include <unistd.h>

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
#include "app/verify.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "cli/restore_report.h"
#include "cli/session.h"
#include "cli/settings_reader.h"

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

// One is the other, or lies inside it; symbolic links resolved as far as they exist.
bool overlap(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  std::error_code none;
  const std::string one = std::filesystem::weakly_canonical(a, none).string() + "/";
  const std::string other = std::filesystem::weakly_canonical(b, none).string() + "/";
  return one.starts_with(other) || other.starts_with(one);
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
    if (line.dry_run || !environment.is_protected || !same_places(target, environment)) continue;
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

// The next backup of the target must know whom it holds now.
void accept_new_identity(const EnvironmentSettings& environment, const std::stop_source& stop) {
  Session session(environment, stop);
  Catalog catalog = session.catalog();
  if (catalog.state().identity) accept_identity(catalog, environment, now());
}

}  // namespace

int run_verify(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access(Access::write);
  Catalog catalog = session.catalog();
  const VerifyReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return verify(catalog, environment, {.quick = line.quick, .share = share_of(line.share)}, now,
                  session.progress, session.stop);
  }();
  return result_of(report.failure,
                   print_result(line.json ? verify_json(report) : verify_text(report)));
}

int run_restore(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access(Access::read);
  if (!line.path.empty()) return run_extract(line, session);
  if (!line.folder.empty()) throw Error(Errc::usage, "--to goes with --path");
  CommandLine everything = line;
  everything.environment.clear();
  std::vector<EnvironmentSettings> all = read_settings(everything).environments;
  if (all.empty()) all.push_back(environment);
  const RestoreTarget target = target_of(line, environment, all);
  require_confirmation(line, target, all);
  Catalog catalog = session.catalog();
  const RestoreReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return restore(
        catalog, target,
        {.as_of = as_of(line.as_of, environment),
         .halves = halves_of(line, target),
         .accept_unproven = line.accept_unproven,
         .dry_run = line.dry_run},
        [&](const RestoreReport& plan) {
          if (!line.json && !line.quiet) print_result(restore_plan_text(plan, now()));
        },
        now, session.progress, session.stop);
  }();
  const auto db = report.halves.find(Half::db);
  std::optional<Error> failure = report.failure;
  if (target.environment && line.into_database.empty() && db != report.halves.end() &&
      db->second.restored) {
    // What was exchanged is told whatever comes of this.
    try {
      accept_new_identity(*target.environment, stop);
    } catch (const Error& error) {
      failure = error;
      failure->add_context("restored, but the prefix does not know the new identity");
    }
  }
  return result_of(failure, print_result(line.json ? restore_json(report, line.dry_run)
                                                   : restore_text_of(report, line.dry_run)));
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

int run_drill(const CommandLine& line, const std::stop_source& stop) {
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  Session session(environment, stop);
  session.store->check_access(Access::write);
  Catalog catalog = session.catalog();
  const char* temporary = std::getenv("TMPDIR");
  DrillOptions options{.as_of = as_of(line.as_of, environment),
                       .work_folder = !line.work_folder.empty() ? line.work_folder
                                      : temporary && *temporary ? temporary
                                                                : "/var/tmp"};
  if (!line.conf_key_file.empty()) options.conf_key = read_secret_file(line.conf_key_file);
  const DrillReport report = [&] {
    const ProgressBar bar(session.progress, line.quiet);
    return drill(catalog, environment, options, now, session.progress, session.stop);
  }();
  return result_of(report.failure,
                   print_result(line.json ? drill_json(report) : drill_text(report)));
}

}  // namespace dolibarr_backup
