#include "dolibarr/pg_dump_finder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "stream/process.h"

namespace dolibarr_backup {
namespace {

namespace fs = std::filesystem;
constexpr uint64_t kVersionLimitBytes = 4 * kKiB;

PgDumpProgram ask_version(const std::string& path) {
  const std::string output = run_and_read({.argv = {path, "--version"}}, kVersionLimitBytes);
  PgDumpProgram program{path, std::string(trim(output)), 0};
  const std::optional<int> major = major_of_version(program.version);
  if (!major)
    throw Error(Errc::source, path + " is no pg_dump: it says '" + program.version + "'")
        .with_hint("correct the pg_dump setting");
  program.major = *major;
  return program;
}

/// Nothing if it does not run, unless somebody asked for this very program.
std::optional<PgDumpProgram> probe(const std::string& path, bool required) {
  try {
    return ask_version(path);
  } catch (const Error& error) {
    if (required) throw;
    log::debug("passing over {}: {}", path, error.what());
    return std::nullopt;
  }
}

/// All that can be started, the server's major in its own folder first.
std::vector<std::string> candidates(const PgDumpSearch& search, int server_major) {
  std::vector<std::string> paths;
  const auto add = [&](const fs::path& path) {
    if (::access(path.c_str(), X_OK) == 0) paths.push_back(path);
  };
  const fs::path in_folder = "bin/pg_dump";
  for (const std::string& folder : search.version_folders)
    add(fs::path(folder) / std::to_string(server_major) / in_folder);
  std::istringstream path(search.path);
  for (std::string folder; std::getline(path, folder, ':');)
    if (!folder.empty()) add(fs::path(folder) / "pg_dump");
  for (const std::string& folder : search.version_folders) {
    std::error_code missing;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, missing))
      add(entry.path() / in_folder);
  }
  return paths;
}

Error nothing_fits(int server_major, const std::optional<PgDumpProgram>& older) {
  std::string message = fmt::format("no pg_dump for the PostgreSQL {} server", server_major);
  if (older)
    message +=
        fmt::format("; {} is {}, and an older one cannot dump it", older->path, older->version);
  return Error(Errc::source, message)
      .with_hint(
          fmt::format("install postgresql-client-{} (or newer), or set pg_dump", server_major));
}

}  // namespace

std::optional<int> major_of_version(std::string_view version) {
  constexpr std::string_view kStart = "pg_dump (PostgreSQL) ";
  if (!version.starts_with(kStart)) return std::nullopt;
  version.remove_prefix(kStart.size());
  int major = 0;
  const std::from_chars_result parsed =
      std::from_chars(version.data(), version.data() + version.size(), major);
  if (parsed.ec != std::errc()) return std::nullopt;
  return major;
}

PgDumpChoice find_pg_dump(const PgDumpSearch& search, int server_major) {
  std::optional<PgDumpProgram> best, older;
  const std::vector<std::string> paths = search.program.empty()
                                             ? candidates(search, server_major)
                                             : std::vector<std::string>{search.program};
  for (const std::string& path : paths) {
    std::optional<PgDumpProgram> program = probe(path, !search.program.empty());
    if (!program) continue;
    if (program->major == server_major) return {std::move(*program), ""};
    if (program->major < server_major) {
      if (!older || program->major > older->major) older = std::move(program);
    } else if (!best || program->major < best->major) {
      best = std::move(program);
    }
  }
  if (!best) throw nothing_fits(server_major, older);
  std::string warning = fmt::format(
      "{} is newer than the PostgreSQL {} server: its dump may not restore on that server",
      best->version, server_major);
  return {std::move(*best), std::move(warning)};
}

}  // namespace dolibarr_backup
