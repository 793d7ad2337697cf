#include "cli/report_commands.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

#include "app/report.h"
#include "base/error.h"
#include "base/log.h"
#include "base/replace_file.h"
#include "cli/commands.h"
#include "cli/period_json.h"
#include "cli/session.h"
#include "cli/settings_reader.h"
#include "page/report_page.h"
#include "web/serve.h"

namespace dolibarr_backup {
namespace {

constexpr const char* kStandardOutput = "-";

// A short one could be guessed.
constexpr size_t kShortestToken = 16;

Secret read_token(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (!std::getline(in, text))
    throw Error(Errc::config, "no token can be read from '" + file + "'")
        .with_hint("make one with: openssl rand -hex 32");
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
      (status.st_mode & S_IROTH) != 0)
    log::warning("others may read the token in '{}': chmod o-r it", file);
  Secret token{std::string(trim(text))};
  if (token.reveal().size() < kShortestToken)
    throw Error(Errc::config, "the token in '" + file + "' is shorter than 16 characters")
        .with_hint("make one with: openssl rand -hex 32");
  return token;
}

ReportModel model_of(const CommandLine& line, const EnvironmentSettings& environment,
                     const std::stop_source& stop) {
  const date::local_days last =
      line.to.empty() ? local_day(now(), environment.time_zone) : parse_day(line.to);
  const date::local_days first = line.from.empty() ? last - date::days(365) : parse_day(line.from);
  Session session(environment, stop);
  session.store->check_access(Access::read);
  Catalog catalog = session.catalog();
  return report(catalog, environment, now(), first, last);
}

}  // namespace

int run_report(const CommandLine& line, const std::stop_source& stop) {
  if (line.html.empty() && !line.json)
    throw Error(Errc::usage, "a report needs --html FILE, --json or both")
        .with_hint("e.g. report --html report.html --lang fr");
  if (line.html == kStandardOutput && line.json)
    throw Error(Errc::usage, "--html - and --json would both go to standard output")
        .with_hint("give --html a file");
  const EnvironmentSettings environment = chosen_environments(line, false).front();
  const ReportModel model = model_of(line, environment, stop);
  if (!line.html.empty()) {
    const std::string page = report_page(model, parse_language(line.language).value());
    if (line.html == kStandardOutput) return print_result(page);
    replace_file(line.html, page, mode_of_new_file());
  }
  return print_result(line.json ? period_json(model) : fmt::format("{}\n", line.html));
}

int run_serve(const CommandLine& line, const std::stop_source& stop) {
  ServeOptions options{
      .address = parse_listen_address(line.listen.empty() ? "127.0.0.1:8790" : line.listen),
      .no_token = line.no_token};
  if (!line.token_file.empty()) options.token = read_token(line.token_file);
  serve(options, chosen_environments(line, true), now, stop.get_token(),
        [](const ListenAddress& address) {
          print_result(fmt::format("listening on {}\n", address.url()));
        });
  return 0;
}

}  // namespace dolibarr_backup
