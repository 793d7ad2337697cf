#include "core/settings_findings.h"

#include <algorithm>

namespace dolibarr_backup {
namespace {

constexpr size_t kLongestQuote = 80;

void add_once(std::vector<SettingsProblem>& to, const Origin& origin, std::string message) {
  const bool known = std::any_of(to.begin(), to.end(), [&](const SettingsProblem& one) {
    return one.origin.text == origin.text && one.message == message;
  });
  if (!known) to.push_back({origin, std::move(message)});
}

}  // namespace

void SettingsFindings::problem(const Origin& origin, std::string message) {
  add_once(problems, origin, std::move(message));
}

void SettingsFindings::warning(const Origin& origin, std::string message) {
  add_once(warnings, origin, std::move(message));
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kLongestQuote))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > kLongestQuote ? "…'" : "'");
}

}  // namespace dolibarr_backup
