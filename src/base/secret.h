#pragma once

#include <string>
#include <string_view>

namespace dolibarr_backup {

/// A value that must never be shown. It has no stream or format operator; its
/// text is reached only through reveal(), so that each use can be found.
/// Making one registers its text with mask_secrets().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

/// Returns `text` with every registered secret (4 characters or more, also in
/// its percent-encoded form) replaced by "***", but where it is part of a public
/// text. The last line of defence against a library's error text that quotes what
/// it was given: for such texts only, since a gap in words that everybody knows
/// tells what was cut out. Thread-safe.
std::string mask_secrets(std::string_view text);

/// A text that is shown anyhow, such as a bucket's or user's name: mask_secrets()
/// leaves it whole from now on, even if it is, or holds, a secret.
void register_public_text(std::string text);

/// While one lives, mask_secrets() leaves this thread's texts as they are: for our
/// own words (a hint), which quote no library and no secret.
class OwnWords {
 public:
  OwnWords();
  ~OwnWords();
  OwnWords(const OwnWords&) = delete;
  OwnWords& operator=(const OwnWords&) = delete;
};

}  // namespace dolibarr_backup
