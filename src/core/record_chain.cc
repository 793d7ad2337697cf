#include "core/record_chain.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace dolibarr_backup {

namespace {

// Whether only a record that cannot be read may have referred to the one at `link`: no record
// that can be was begun after it ended and before the one that cannot.
bool referrer_may_be_unreadable(const std::vector<ChainLink>& links, const ChainLink& link) {
  for (const ChainLink* later = &link + 1; later != links.data() + links.size(); ++later) {
    if (!later->record) return true;
    if (later->run.start() > link.record->finished) return false;
  }
  return false;
}

}  // namespace

std::vector<ChainBreak> find_chain_breaks(const std::vector<ChainLink>& links,
                                          const std::vector<RecordRef>& heads,
                                          const std::string& environment) {
  std::vector<ChainBreak> breaks;
  std::map<std::string, const ChainLink*> listed;
  for (const ChainLink& link : links) listed.emplace(link.run.text(), &link);
  std::set<std::string> referred;
  for (const ChainLink& link : links) {
    if (!link.record) continue;
    if (link.record->environment != environment)
      breaks.push_back({link.run.text(),
                        fmt::format("is a record of environment '{}'", link.record->environment)});
    for (const RecordRef& earlier : link.record->previous) {
      referred.insert(earlier.run);
      const auto found = listed.find(earlier.run);
      const bool gone =
          found == listed.end() || (found->second->read && found->second->sha256.empty());
      if (!gone && (!found->second->read || found->second->sha256 == earlier.sha256)) continue;
      breaks.push_back(
          {earlier.run,
           gone ? "is gone, though the record of " + link.run.text() + " refers to it"
                : "is not the record that the one of " + link.run.text() + " refers to"});
    }
  }
  // The newest are heads; every other one must be referred to.
  for (const RecordRef& head : heads) referred.insert(head.run);
  for (const ChainLink& link : links)
    if (link.record && !referred.contains(link.run.text()) &&
        !referrer_may_be_unreadable(links, link))
      breaks.push_back({link.run.text(), "is referred to by no later record"});
  return breaks;
}

}  // namespace dolibarr_backup
