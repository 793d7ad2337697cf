#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "store/object_store.h"

/// The tree of folders below a directory store's root, reached by descriptors
/// only: no symbolic link below the root is ever followed.
namespace dolibarr_backup {

/// The folder below the root that holds unfinished uploads; never listed.
inline constexpr const char* kUploadsFolder = ".uploads";

/// A key cut at its last '/': "a/b/c" is folder "a/b", name "c".
struct KeyPath {
  explicit KeyPath(const std::string& key);
  std::string folder;  ///< "" for the root
  std::string name;
};

/// The Error(Errc::store) for an errno value of a system call in a directory
/// store: `action` is "writing 'erp/...'"; the hint fits the number.
Error directory_error(const std::string& root, const std::string& action, int error_number);

/// The same, with the hint that the root's parent folder is missing too.
Error no_parent_error(const std::string& root, const std::string& action);

/// Opens the root; an empty descriptor if it does not exist.
UniqueFd open_root(const std::string& root);
/// The same; makes it, mode 0700, if only its parent exists.
UniqueFd make_root(const std::string& root);

/// Opens a folder below `root_fd`, `folder` being "" or "a/b"; an empty descriptor
/// if there is none. A symbolic link on the way is an Error.
UniqueFd open_folder(const std::string& root, int root_fd, std::string_view folder);
/// The same; makes what is missing, mode 0700, durably. Safe against others that
/// remove empty folders meanwhile, until the answer is used: ENOENT then.
UniqueFd make_folder(const std::string& root, int root_fd, std::string_view folder);
/// Removes `folder` and its parents as far as they are empty. Never throws.
void remove_empty_folders(const std::string& root, int root_fd, std::string folder) noexcept;

/// Every regular file whose key starts with `prefix`, in no particular order.
std::vector<ObjectInfo> walk_objects(const std::string& root, int root_fd,
                                     const std::string& prefix, const std::stop_token& stop);

/// fsync(2); throws.
void sync_to_disk(const std::string& root, int fd, const std::string& action);

}  // namespace dolibarr_backup
