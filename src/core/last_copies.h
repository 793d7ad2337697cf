#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dolibarr_backup {

/// Finds archives that alone still have a file: add the paths of those that would
/// go, newest archive first, then show it the paths of those that stay. A path is
/// held as a 64-bit hash: 16 bytes each, however many. Pure; not thread-safe.
class LastCopies {
 public:
  /// A path of the archive with this number; an archive added earlier keeps its claim.
  void add(size_t archive, std::string_view path);
  /// Call once, after the last add().
  void close();
  /// A path that stays.
  void meet(std::string_view path);
  /// Nothing is left to look for.
  bool settled() const { return missing_ == 0; }
  /// How many paths this archive alone has.
  uint64_t count(size_t archive) const;
  /// Whether this archive alone has the path.
  bool alone(size_t archive, std::string_view path) const;

 private:
  struct Claim {
    uint64_t hash;
    uint32_t archive;
    bool met;
  };
  std::vector<Claim>::const_iterator find(std::string_view path) const;
  std::vector<Claim> claims_;
  uint64_t missing_ = 0;
};

}  // namespace dolibarr_backup
