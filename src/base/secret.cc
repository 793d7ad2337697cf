#include "base/secret.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace dolibarr_backup {
namespace {

constexpr size_t kShortestMaskedSecret = 4;

struct Registry {
  std::mutex mutex;
  // Guarded by mutex; longest first, so that a secret holding another is masked whole.
  std::vector<std::string> texts;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~')
      out += static_cast<char>(c);
    else
      out += fmt::format("%{:02X}", c);
  }
  return out;
}

void register_text(std::vector<std::string>& texts, std::string text) {
  if (text.size() < kShortestMaskedSecret) return;
  if (std::find(texts.begin(), texts.end(), text) != texts.end()) return;
  texts.push_back(std::move(text));
  std::sort(texts.begin(), texts.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) {
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  register_text(known.texts, value_);
  register_text(known.texts, percent_encoded(value_));
}

std::string mask_secrets(std::string_view text) {
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  std::string out(text);
  for (const std::string& secret : known.texts) {
    for (size_t at = out.find(secret); at != std::string::npos; at = out.find(secret, at + 3))
      out.replace(at, secret.size(), "***");
  }
  return out;
}

}  // namespace dolibarr_backup
