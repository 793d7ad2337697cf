#include "app/discovery.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "dolibarr/instance_search.h"

namespace dolibarr_backup {
namespace {

// What all environments' roles together see of one server.
struct Server {
  std::string name;                             // as an environment calls it
  std::map<std::string, std::string> enrolled;  // database -> environment
  std::map<std::string, std::string> versions;  // of Dolibarr's, by database
  std::set<std::string> closed;                 // to some role
};

std::string name_of_server(const DatabaseSettings& settings) {
  if (!settings.service.empty()) return "service " + settings.service;
  const std::string host = settings.host.empty() ? "localhost" : settings.host;
  return settings.port.empty() ? host : host + ":" + settings.port;
}

void add_databases(const std::vector<EnvironmentSettings>& environments, Discovery& discovery,
                   const std::stop_token& stop) {
  std::map<std::string, Server> servers;
  for (const EnvironmentSettings& environment : environments) {
    try {
      const DatabaseSearch search = find_dolibarr_databases(environment.database, stop);
      Server& server = servers[search.server];
      if (server.name.empty()) server.name = name_of_server(environment.database);
      server.enrolled.emplace(search.own, environment.name);
      for (const FoundDatabase& found : search.found)
        server.versions.emplace(found.name, found.version);
      server.closed.insert(search.closed.begin(), search.closed.end());
    } catch (const Error& error) {
      if (error.code() == Errc::interrupted) throw;
      discovery.untold.push_back(
          fmt::format("the database server of '{}': {}", environment.name, error.what()));
    }
  }
  for (auto& [identifier, server] : servers) {
    for (const auto& [name, version] : server.versions) {
      const auto enrolled = server.enrolled.find(name);
      discovery.halves.push_back({Half::db, name + " on " + server.name, "Dolibarr " + version,
                                  enrolled == server.enrolled.end() ? "" : enrolled->second});
      server.closed.erase(name);
    }
    if (!server.closed.empty())
      discovery.untold.push_back(fmt::format("on {} the role may not look into: {}", server.name,
                                             fmt::join(server.closed, ", ")));
  }
}

void add_folders(const std::vector<EnvironmentSettings>& environments, Discovery& discovery) {
  std::map<std::string, std::string> enrolled;  // real path -> environment
  std::vector<std::string> known;
  for (const EnvironmentSettings& environment : environments) {
    std::error_code none;
    known.push_back(environment.documents);
    enrolled.emplace(std::filesystem::weakly_canonical(environment.documents, none).string(),
                     environment.name);
  }
  for (const FoundFolder& found : find_documents_folders(known)) {
    const auto owner = enrolled.find(found.path);
    discovery.halves.push_back(
        {Half::docs, found.path, found.sign, owner == enrolled.end() ? "" : owner->second});
  }
}

}  // namespace

size_t Discovery::not_enrolled() const {
  return static_cast<size_t>(
      std::count_if(halves.begin(), halves.end(),
                    [](const DiscoveredHalf& half) { return half.environment.empty(); }));
}

Discovery discover(const std::vector<EnvironmentSettings>& environments,
                   const std::stop_token& stop) {
  Discovery discovery;
  std::vector<EnvironmentSettings> here;
  for (const EnvironmentSettings& environment : environments) {
    if (environment.in_cluster)
      discovery.untold.push_back(
          fmt::format("the database server of '{}', which is in a cluster", environment.name));
    else
      here.push_back(environment);
  }
  add_databases(here, discovery, stop);
  add_folders(here, discovery);
  return discovery;
}

}  // namespace dolibarr_backup
