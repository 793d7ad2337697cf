#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"

/// A documents tree prepared beside its target and exchanged for it. The target is
/// untouched until exchange(); whatever moment the process is killed at, the target is
/// as it was, or replaced, or the next TreeExchange of it finishes what was begun.
namespace dolibarr_backup {

/// One restore of one tree. Errors are Errc::source and name the path; Errc::refused
/// if another restore of this target is at work. One thread uses it.
class TreeExchange {
 public:
  /// `mark`: a run's name in lower case without its dash, "20260630t021500zk3f7qa".
  /// Locks the target, clears up what a killed one left, and makes the empty staging
  /// folder: "<target>.restore-<mark>", or, where the target is the root of a mount or
  /// its parent may not be written, one inside it that no backup takes.
  TreeExchange(std::string target, std::string mark);
  /// Removes what was staged unless it was exchanged.
  ~TreeExchange();
  TreeExchange(const TreeExchange&) = delete;
  TreeExchange& operator=(const TreeExchange&) = delete;

  const std::string& staging() const { return staging_; }
  /// What an earlier restore had left and what was done about it, for people.
  const std::vector<std::string>& cleared() const { return cleared_; }
  /// Makes the staged tree durable and puts it in the target's place: by one rename, or
  /// entry by entry inside a mount. Returns where the old tree is kept; "" if there was
  /// none.
  std::string exchange();

 private:
  void clear_leftovers();
  std::string finish_inside();
  std::string exchange_beside();
  std::string exchange_inside();

  std::string target_, mark_, staging_;
  bool inside_;
  UniqueFd lock_;
  bool staged_ = false;
  std::vector<std::string> cleared_;
};

/// What restores left at a target, by path.
struct TreeLeftovers {
  std::vector<std::string> half_done;   ///< the next restore clears or finishes it
  std::vector<std::string> kept_aside;  ///< old trees, to be removed when no longer needed
};
TreeLeftovers tree_leftovers(const std::string& target);
/// What restores left at a target, to be removed: the target is locked as long as this is
/// there. Errc::refused if a restore is at work or was broken off in its exchange, or if the
/// target itself is not there: what is kept aside is needed then.
class TreeDiscard {
 public:
  explicit TreeDiscard(const std::string& target);
  const TreeLeftovers& leftovers() const { return leftovers_; }
  /// Removes them one by one, each added to `removed`; Errc::source names what cannot be.
  void run(TreeLeftovers& removed);

 private:
  std::string target_;
  UniqueFd lock_;
  TreeLeftovers leftovers_;
};

}  // namespace dolibarr_backup
