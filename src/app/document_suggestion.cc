#include "app/document_suggestion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string_view>
#include <vector>

#include "core/did_you_mean.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kMostNames = 20'000;  // of one folder, that are compared
constexpr size_t kMostElsewhere = 3;

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
std::string_view name_of_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Follows the manifest, depth first, down to the deepest folder on the way that exists.
class Suggestion {
 public:
  explicit Suggestion(const std::string& wanted) : wanted_(wanted) { descend(""); }

  void look_at(const ManifestEntry& entry) {
    if (entry.path.empty()) return;
    const bool folder = entry.type == ManifestEntry::Type::directory;
    if (folder && entry.path.size() < wanted_.size() && wanted_.starts_with(entry.path) &&
        wanted_[entry.path.size()] == '/')
      return descend(entry.path);
    if (parent_of(entry.path) == reached_) {
      const std::string_view name = name_of_path(entry.path);
      const size_t difference = name.size() > missing_.size() ? name.size() - missing_.size()
                                                              : missing_.size() - name.size();
      if (difference <= missing_.size() / 3 + 1 && names_.size() < kMostNames)
        names_.emplace_back(name);
    }
    if (!folder && name_of_path(entry.path) == name_of_path(wanted_) &&
        elsewhere_.size() < kMostElsewhere)
      elsewhere_.push_back(entry.path);
  }
  void look_at(const ManifestLine& line) {
    if (const auto* problem = std::get_if<ManifestProblem>(&line))
      if (problem->path == wanted_)
        reason_ = fmt::format("the backup that made it could not take it: {}", problem->kind);
    if (const auto* excluded = std::get_if<ManifestExcluded>(&line))
      if (wanted_ == excluded->path ||
          (wanted_.starts_with(excluded->path) && wanted_[excluded->path.size()] == '/'))
        reason_ = fmt::format("'{}' is left out of backups: {}", excluded->path, excluded->reason);
  }

  std::string hint() const {
    if (!reason_.empty()) return reason_;
    if (const std::optional<std::string> name = did_you_mean(missing_, names_))
      return "did you mean '" + (reached_.empty() ? *name : reached_ + "/" + *name) + "'?";
    if (!elsewhere_.empty())
      return fmt::format("the same name is at '{}'", fmt::join(elsewhere_, "', '"));
    return reached_.empty() ? "paths count from the documents root, e.g. facture/FA2606-0001"
                            : "the folder '" + reached_ + "' is there, and nothing like it in it";
  }

 private:
  void descend(std::string_view folder) {
    reached_ = folder;
    names_.clear();
    const size_t begin = folder.empty() ? 0 : folder.size() + 1;
    missing_ = wanted_.substr(begin, wanted_.find('/', begin) - begin);
  }

  const std::string& wanted_;
  std::string reached_;  // the deepest folder on the way, so far
  std::string missing_;  // the name that is then looked for in it
  std::vector<std::string> names_, elsewhere_;
  std::string reason_;
};

}  // namespace

Error no_such_document(ObjectStore& store, const ArchiveEntry& docs, const std::string& path,
                       const std::stop_token& stop) {
  Suggestion suggestion(path);
  DocumentScan scan(store, manifest_of(docs), stop);
  scan.on_other([&](const ManifestLine& line) { suggestion.look_at(line); });
  for (LocatedEntry located; scan.next(located);) suggestion.look_at(located.entry);
  return Error(Errc::usage, "'" + path + "' is not in '" + docs.archive.key + "'")
      .with_hint(suggestion.hint());
}

}  // namespace dolibarr_backup
