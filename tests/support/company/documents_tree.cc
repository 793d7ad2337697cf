#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "support/company/rows.h"

namespace dolibarr_backup::company {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const Document& document) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << document.content;
  if (!file.flush()) throw Error(Errc::source, "cannot write " + path.string());
}

void set_time(const fs::path& path, std::chrono::sys_seconds moment) {
  timespec times[2]{};
  times[0].tv_sec = times[1].tv_sec = moment.time_since_epoch().count();
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    throw Error(Errc::source, "cannot set the time of " + path.string() + ": " + errno_text(errno));
}

/// Again as the first run left them, so that a second one on the same folder succeeds.
void make_links(const fs::path& root, const Company& company) {
  const std::string& ref = company.invoices.front().ref;
  const fs::path pdf = fs::path("facture") / ref / (ref + ".pdf");
  fs::remove(root / "ecm/dernière facture.pdf");
  fs::create_symlink(fs::path("..") / pdf, root / "ecm/dernière facture.pdf");
  fs::remove(root / "ecm/cassé");
  fs::create_symlink("nowhere", root / "ecm/cassé");
  fs::remove(root / "ecm/facture (hard link).pdf");
  fs::create_hard_link(root / pdf, root / "ecm/facture (hard link).pdf");
  fs::create_directories(root / "medias/vide");
}

/// Folders last: what is made in them moves their times.
void set_folder_times(const fs::path& root, std::chrono::sys_seconds moment) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    if (entry.is_directory() || entry.is_symlink()) set_time(entry.path(), moment);
  set_time(root, moment);
}

}  // namespace

void write_documents(const std::string& root, const Company& company) {
  const fs::path base(root);
  fs::create_directories(base);
  for (const Document& document : company.documents) {
    const fs::path path = base / document.path;
    write_file(path, document);
    set_time(path, document.modified);
  }
  make_links(base, company);
  fs::permissions(base / "install.lock", fs::perms(0444));
  fs::permissions(base / "users/1/photo.jpg", fs::perms(0640));
  set_folder_times(base, company.documents.back().modified);
}

}  // namespace dolibarr_backup::company
