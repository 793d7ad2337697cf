#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dolibarr_backup {

/// Which paths below the documents root are meant, as people write it:
///
///     facture/FA2606-0001              the file, or the folder with all below it
///     facture/*/FA26*.pdf              `*`, `?`, `[a-z]`, `[!a-z]` stay within one name
///     **/FA2606-0001.pdf               `**` as a whole name: any number of folders, also none
///
/// `?` and `[...]` take one character of UTF-8, or one byte where it is none; names
/// that begin with a dot are names like others. A backslash takes the next character
/// as it is; a '[' without its ']' is a plain one. A name written exactly as it is
/// always matches, whatever it holds. "./" or "/" in front, "/" behind and "." are
/// passed over; "", "." and "**" mean everything. Pure; matching takes time in
/// proportion to the lengths of both, times each other at worst.
class PathPattern {
 public:
  /// Throws Errc::usage for a NUL or a name "..".
  explicit PathPattern(std::string_view text);

  /// `path` relative to the documents root, as manifests have it: "" is the root.
  bool matches(std::string_view path) const;
  /// As it was given, for people.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> names_;  // "**" stands for any number of names
};

/// A path as somebody types it, in the form of a manifest: without "./" or "/" in
/// front, doubled slashes, "." and a slash at its end. Throws as PathPattern does.
std::string plain_path(std::string_view typed);

/// Order of a manifest's entries: depth first, names bytewise within a folder.
/// Negative, zero or positive, as a comes before, at or after b.
int compare_in_tree(std::string_view a, std::string_view b);

}  // namespace dolibarr_backup
