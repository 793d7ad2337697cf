#include "core/path_pattern.h"

#include <algorithm>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kAnyFolders = "**";

// How many bytes the first character of `text` takes: of UTF-8, or else one.
size_t character_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
  if (first > 0xf4 || length > text.size()) return 1;
  for (size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
  return length;
}

std::string_view take_character(std::string_view& text) {
  const std::string_view taken = text.substr(0, character_bytes(text));
  text.remove_prefix(taken.size());
  return taken;
}

// UTF-8 orders as its code points do; a longer sequence is a greater one.
bool not_after(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a <= b;
}

struct Bracket {
  bool closed = false;    // false: no bracket expression at all
  bool contains = false;  // ... the character asked for
  size_t bytes = 0;       // of the expression
};

// `pattern` begins with '['.
Bracket read_bracket(std::string_view pattern, std::string_view character) {
  std::string_view rest = pattern.substr(1);
  const bool negated = !rest.empty() && (rest[0] == '!' || rest[0] == '^');
  if (negated) rest.remove_prefix(1);
  bool found = false;
  const auto take_member = [&]() -> std::string_view {
    if (rest.size() > 1 && rest[0] == '\\') rest.remove_prefix(1);
    return take_character(rest);
  };
  for (bool first = true; !rest.empty(); first = false) {
    if (rest[0] == ']' && !first) return {true, found != negated, pattern.size() - rest.size() + 1};
    const std::string_view from = take_member();
    std::string_view to = from;
    if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
      rest.remove_prefix(1);
      to = take_member();
    }
    found |= not_after(from, character) && not_after(character, to);
  }
  return {};
}

// Takes one character of `name` if the first thing of `pattern`, no '*', stands for it.
bool take_one(std::string_view& pattern, std::string_view& name) {
  if (pattern[0] == '?') {
    pattern.remove_prefix(1);
    take_character(name);
    return true;
  }
  if (pattern[0] == '[') {
    const size_t bytes = character_bytes(name);
    const Bracket bracket = read_bracket(pattern, name.substr(0, bytes));
    if (bracket.closed) {
      if (!bracket.contains) return false;
      pattern.remove_prefix(bracket.bytes);
      name.remove_prefix(bytes);
      return true;
    }
  }
  const size_t escape = pattern[0] == '\\' && pattern.size() > 1 ? 1 : 0;
  if (pattern[escape] != name[0]) return false;
  pattern.remove_prefix(escape + 1);
  name.remove_prefix(1);
  return true;
}

// Only the last '*' is ever gone back to, so that the time stays a product.
bool name_matches(std::string_view pattern, std::string_view name) {
  if (pattern == name) return true;
  bool starred = false;
  std::string_view pattern_after, name_after;  // where the last '*' goes on from
  while (!name.empty()) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      starred = true;
      pattern_after = pattern;
      name_after = name;
    } else if (pattern.empty() || !take_one(pattern, name)) {
      if (!starred) return false;
      take_character(name_after);
      pattern = pattern_after;
      name = name_after;
    }
  }
  return pattern.find_first_not_of('*') == std::string_view::npos;
}

std::vector<std::string> split(std::string_view typed) {
  if (typed.find('\0') != std::string_view::npos)
    throw Error(Errc::usage, "a path cannot hold a NUL");
  std::vector<std::string> names;
  while (!typed.empty()) {
    const size_t slash = std::min(typed.find('/'), typed.size());
    const std::string_view name = typed.substr(0, slash);
    typed.remove_prefix(std::min(slash + 1, typed.size()));
    if (name == "..")
      throw Error(Errc::usage, "a path cannot go up with '..'")
          .with_hint("paths count from the documents root, e.g. facture/FA2606-0001");
    if (!name.empty() && name != ".") names.emplace_back(name);
  }
  return names;
}

}  // namespace

PathPattern::PathPattern(std::string_view text) : text_(text) {
  for (std::string& name : split(text)) {
    // Two in a row say nothing more than one.
    if (name == kAnyFolders && !names_.empty() && names_.back() == kAnyFolders) continue;
    names_.push_back(std::move(name));
  }
}

// Follows every way to read the pattern at once: `at[i]` is true if the names so far
// may be what the first i names of the pattern stand for.
bool PathPattern::matches(std::string_view path) const {
  const size_t count = names_.size();
  std::vector<char> at(count + 1, 0);
  const auto pass_any_folders = [&] {
    for (size_t i = 0; i < count; ++i)
      if (at[i] && names_[i] == kAnyFolders) at[i + 1] = 1;
  };
  at[0] = 1;
  pass_any_folders();
  while (!path.empty()) {
    if (at[count]) return true;  // a folder on the way: all below it is meant
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    bool any = false;
    for (size_t i = count; i-- > 0;) {
      const bool stays = at[i] && names_[i] == kAnyFolders;
      if (at[i] && !stays && name_matches(names_[i], name)) at[i + 1] = any = true;
      at[i] = stays;
      any |= stays;
    }
    if (!any) return false;
    pass_any_folders();
  }
  return at[count];
}

std::string plain_path(std::string_view typed) {
  std::string path;
  for (const std::string& name : split(typed)) {
    if (!path.empty()) path += '/';
    path += name;
  }
  return path;
}

int compare_in_tree(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  const size_t at = static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(common), b.begin()).first -
      a.begin());
  if (at == common) return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
  // A slash ends a name, so that it comes before every byte of one.
  const auto rank = [](char c) {
    return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c));
  };
  return rank(a[at]) - rank(b[at]);
}

}  // namespace dolibarr_backup
