#include "base/secret.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace dolibarr_backup {
namespace {

constexpr size_t kShortestMaskedSecret = 4;

// The texts of each are longest first, so that one holding another counts whole.
struct Registry {
  std::mutex mutex;
  std::vector<std::string> secrets;       // guarded by mutex
  std::vector<std::string> public_texts;  // guarded by mutex
};

thread_local int own_words = 0;

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

// The length of the first of `texts` that stands in `text` at `at`; 0 if none does.
size_t length_at(std::string_view text, size_t at, const std::vector<std::string>& texts) {
  for (const std::string& one : texts)
    if (text.substr(at).starts_with(one)) return one.size();
  return 0;
}

}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) {
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  register_text(known.secrets, value_);
  register_text(known.secrets, percent_encoded(value_));
}

void register_public_text(std::string text) {
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  register_text(known.public_texts, percent_encoded(text));
  register_text(known.public_texts, std::move(text));
}

std::string mask_secrets(std::string_view text) {
  if (own_words > 0) return std::string(text);
  Registry& known = registry();
  std::lock_guard lock(known.mutex);
  std::string out;
  size_t public_until = 0;
  for (size_t at = 0; at < text.size();) {
    public_until = std::max(public_until, at + length_at(text, at, known.public_texts));
    const size_t secret = length_at(text, at, known.secrets);
    if (secret == 0 || at + secret <= public_until) {
      out += text[at++];
      continue;
    }
    out += "***";
    at += secret;
  }
  return out;
}

OwnWords::OwnWords() {
  ++own_words;
}
OwnWords::~OwnWords() {
  --own_words;
}

}  // namespace dolibarr_backup
