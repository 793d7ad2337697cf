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

std::string add_hold(Catalog& catalog, const std::string& archive, const std::string& why,
                     const std::string& who, Instant now) {
  for (const CatalogArchive& candidate : catalog.archives()) {
    const std::string& key = candidate.stored.key;
    if (!names(archive, key)) continue;
    const json text = {{"archive", key}, {"why", why}, {"who", who}, {"when", format_instant(now)}};
    const std::string stored = text.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
    catalog.store().put(catalog.keys().hold(key), as_bytes(stored), Overwrite::yes);
    return key;
  }
  throw Error(Errc::usage, "no archive '" + archive + "' under " + catalog.keys().prefix())
      .with_hint("`list` shows the archives that there are");
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
      hold.who = parsed.value("who", "");
      hold.when = parsed.value("when", "");
      hold.why = parsed.value("why", "");
    } else {
      hold.why = "(unreadable hold)";
    }
    holds.emplace(key, std::move(hold));
  }
  return holds;
}

}  // namespace dolibarr_backup
