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
/// its percent-encoded form) replaced by "***". The last line of defence
/// against a library's error text that quotes what it was given. Thread-safe.
std::string mask_secrets(std::string_view text);

}  // namespace dolibarr_backup
