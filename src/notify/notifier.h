#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "notify/run_notice.h"

/// Tells those whom the settings name (docs/operations.md, "Notices"). What fails is logged as a
/// warning: it never fails the run that is told of. Each waits for a server at most 10 s to connect
/// and 30 s in all; no redirect is followed. A secret of the settings is shown by its host alone.
namespace dolibarr_backup {

/// Tells a command's check that a run starts: one try of at most 5 s. Needs of `notice` what is
/// known by then.
void tell_start(const NotifySettings& settings, const RunNotice& notice,
                const std::stop_token& stop);

/// Tells a command's check of the exit code, and webhook and mail if they are to know. A run that
/// was interrupted is told too, in at most 5 s each; then give no token, else a stop ends it.
void tell_end(const NotifySettings& settings, const RunNotice& notice, bool interrupted,
              const std::stop_token& stop);

/// What came of one message.
struct NoticeTrial {
  std::string kind;  ///< "ping of backup", "webhook", "mail"
  std::string to;    ///< a host, addresses
  std::optional<std::string> failure;
};

/// Sends one message of each kind, whatever the settings say of failures: to checks as /log, which
/// leaves their state as it is. Throws Errc::interrupted.
std::vector<NoticeTrial> try_notices(const NotifySettings& settings, const RunNotice& notice,
                                     const std::stop_token& stop);

/// A random UUID (RFC 4122, version 4).
std::string random_uuid();

}  // namespace dolibarr_backup
