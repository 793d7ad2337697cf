#include "app/restore_text.h"

#include <fmt/format.h>

namespace dolibarr_backup {
namespace {

constexpr std::string_view kTemplate = R"(HOW TO RESTORE WITHOUT dolibarr-backup
======================================

This folder holds the backups of the Dolibarr environment "{environment}":
its PostgreSQL database and its documents tree. Any S3 client (or cp, if this
is a folder on a disk), pg_restore, tar, zcat and sha256sum are enough.

    {prefix}/db/<ts>.dump             the database (pg_dump -Fc)
    {prefix}/db/<ts>.manifest.gz      what is in it, and its sha256
    {prefix}/docs/<ts>.tar.gz         the documents tree
    {prefix}/docs/<ts>.manifest.gz    what is in it, and each file's sha256
    {prefix}/runs/<ts>.json           what each run did: which two archives belong together

1. CHOOSE THE PAIR. The database and the documents must be of one moment. Take the
   newest runs/<ts>.json at or before the time you want that says
   "result": "success" and "pair": "quiescent". It names both archives under
   "halves": "db" and "docs" (an unchanged half is an older archive: that is right).
   An archive that no record names was never finished: do not use it.

2. FETCH both archives and their manifests into an empty folder.

3. CHECK them (the sha256 of archive and manifest also stand in the record):
       zcat DB.manifest.gz | sha256sum -c

4. THE DATABASE, into a new, empty database:
       createdb -T template0 -E UTF8 NEWDB
       pg_restore --no-owner --exit-on-error -d NEWDB DB.dump

5. THE DOCUMENTS, into a new, empty folder:
       mkdir NEWDOCS && tar -xzf DOCS.tar.gz -C NEWDOCS
       zcat DOCS.manifest.gz | (cd NEWDOCS && sha256sum --quiet -c)
   As root, tar gives the files their owner back (add --numeric-owner).

6. NOT IN HERE: conf/conf.php. Without its dolibarr_main_instance_unique_id (or
   dolibarr_main_dolcrypt_key) bank accounts, passwords and newer legal logs cannot
   be read.{key_location}
   Point conf.php at NEWDB and NEWDOCS only when both are checked.
)";

}  // namespace

std::string restore_text(const EnvironmentSettings& environment, const KeySpace& keys) {
  const std::string& location = environment.conf_key_location;
  return fmt::format(
      kTemplate, fmt::arg("environment", environment.name), fmt::arg("prefix", keys.prefix()),
      fmt::arg("key_location", location.empty() ? "" : "\n   It is kept here: " + location + "."));
}

}  // namespace dolibarr_backup
