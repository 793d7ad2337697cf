#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/settings.h"
#include "stream/source_sink.h"

/// A database put beside its target, filled, and exchanged for it in one transaction.
/// The target is untouched until exchange().
namespace dolibarr_backup {

class PgConnection;
class UnlinkedFile;

/// A dump in pg_dump's custom format.
struct Dump {
  /// From its beginning, each time; its end is reached only if it is the one wanted.
  std::function<std::unique_ptr<Source>()> open;
  uint64_t size = 0;        ///< in bytes
  std::string work_folder;  ///< where a large one may lie meanwhile
};

/// How a database is made where the target does not say it: there is none yet.
struct NewDatabase {
  std::string encoding, collation, ctype;  ///< "" for the server's own
};

/// What would happen, found out without changing anything.
struct DatabaseTarget {
  std::string name;    ///< of the database
  std::string server;  ///< for people
  std::string owner;   ///< of the target, or who logs in if there is none
  bool exists = false;
  bool superuser = false;  ///< who logs in is one
  int server_version = 0;
  uint64_t sessions = 0;          ///< of others in the target
  std::string system_identifier;  ///< of the cluster; "" if the role may not know
};

/// Looks at the target's server. Throws Errc::source if it cannot be reached, and
/// Errc::refused, with a hint, if the role may not create databases or is no member
/// of the target's owner.
DatabaseTarget inspect_database_target(const DatabaseSettings& target);

/// Whether both lead to one database: its name and number, and the moment its server was
/// started, which needs no right to ask; false, with a warning, if one cannot be asked.
bool same_database(const DatabaseSettings& a, const DatabaseSettings& b);

/// One restore. Destruction before exchange() drops what was made, if the server
/// still answers. One thread uses it.
class DatabaseRestore {
 public:
  /// Creates "<name>_restore_<mark>" with the target's owner, encoding and collation.
  /// Errc::refused if another restore of the target is at work.
  /// `mark`: digits and lower-case letters, at most 24. Errors are Errc::source.
  DatabaseRestore(const DatabaseSettings& target, const NewDatabase& facts,
                  const std::string& mark);
  ~DatabaseRestore();
  DatabaseRestore(const DatabaseRestore&) = delete;
  DatabaseRestore& operator=(const DatabaseRestore&) = delete;

  /// pg_restore of a dump, everything owned by the target's owner, without privileges; a
  /// large one over as many connections as the settings allow. It is read to its end, and so
  /// checked, before any of it is run. Throws Errc::source with what pg_restore said, naming
  /// the object. The content is proven only by the caller's comparison.
  void fill(const Dump& dump, const std::stop_token& stop);
  /// How to reach the new database, to compare and to change it.
  const DatabaseSettings& staged() const { return staged_; }
  const std::string& owner() const { return target_.owner; }
  /// Copies the target's privileges and settings, ends its sessions and renames both in
  /// one transaction. Returns the name under which the old one is kept; nullopt if there
  /// was none. On an exception the target is as it was, and open to connections.
  std::optional<std::string> exchange();

 private:
  std::unique_ptr<UnlinkedFile> spool(const Dump& dump, const std::stop_token& stop) const;
  void create(const NewDatabase& facts);
  void copy_database_settings();
  void end_sessions();

  DatabaseSettings target_settings_, staged_;
  DatabaseTarget target_;
  std::unique_ptr<PgConnection> lock_;
  std::string old_name_;
  bool created_ = false;
};

/// Databases that restores of this target left behind: "<name>_restore_..." (half-done)
/// and "<name>_before_..." (kept aside), by name.
std::vector<std::string> database_leftovers(const DatabaseSettings& target);
/// The same, to be dropped: restores of the target are locked out as long as this is there.
/// Errc::refused if one is at work, or if the target itself is not there: what is kept aside
/// may be all that is left then.
class DatabaseDiscard {
 public:
  explicit DatabaseDiscard(const DatabaseSettings& target);
  ~DatabaseDiscard();
  DatabaseDiscard(const DatabaseDiscard&) = delete;
  DatabaseDiscard& operator=(const DatabaseDiscard&) = delete;
  const std::vector<std::string>& names() const { return names_; }
  /// Drops them one by one, each added to `removed`; Errc::source names one that cannot be.
  void run(std::vector<std::string>& removed);

 private:
  std::unique_ptr<PgConnection> lock_;
  std::vector<std::string> names_;
};

}  // namespace dolibarr_backup
