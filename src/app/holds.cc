#include "app/holds.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

bool names(const std::string& archive, const std::string& key) {
  return key == archive || key.ends_with("/" + archive);
}

}  // namespace

std::string find_archive(Catalog& catalog, const std::string& archive) {
  for (const CatalogArchive& candidate : catalog.archives())
    if (names(archive, candidate.stored.key)) return candidate.stored.key;
  throw Error(Errc::usage, "no archive '" + archive + "' under " + catalog.keys().prefix())
      .with_hint("`list` shows the archives that there are");
}

std::string add_hold(Catalog& catalog, const std::string& archive, const std::string& why,
                     const std::string& who, Instant now) {
  const std::string key = find_archive(catalog, archive);
  const json written = {
      {"archive", key}, {"why", why}, {"who", who}, {"when", format_instant(now)}};
  const std::string stored = written.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  // A person's hold is not replaced by an automatic one, which a prune may release.
  if (who == kAutomaticHolder && catalog.contains(catalog.keys().hold(key))) return key;
  catalog.store().put(catalog.keys().hold(key), as_bytes(stored), Overwrite::yes);
  return key;
}

std::string remove_hold(Catalog& catalog, const std::string& archive) {
  for (const auto& [key, text] : catalog.holds()) {
    if (!names(archive, key)) continue;
    catalog.store().remove(catalog.keys().hold(key));
    return key;
  }
  throw Error(Errc::usage, "nothing holds '" + archive + "' under " + catalog.keys().prefix())
      .with_hint("`hold list` shows the holds that there are");
}

std::map<std::string, Hold> list_holds(Catalog& catalog) {
  std::map<std::string, Hold> holds;
  for (const auto& [key, text] : catalog.holds()) {
    const json parsed = json::parse(text, nullptr, false);
    Hold hold;
    if (parsed.is_object()) {
      const auto field = [&](const char* name) {
        const auto found = parsed.find(name);
        return found != parsed.end() && found->is_string() ? found->get<std::string>() : "";
      };
      hold.who = field("who");
      hold.when = field("when");
      hold.why = field("why");
    } else {
      hold.why = "(unreadable hold)";
    }
    holds.emplace(key, std::move(hold));
  }
  return holds;
}

}  // namespace dolibarr_backup
