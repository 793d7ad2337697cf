#pragma once

#include <string>

#include "base/units.h"
#include "core/run_record.h"
#include "core/settings.h"

/// What is told of a run, and to whom. Pure.
namespace dolibarr_backup {

/// One run, as those see it who are told of it.
struct RunNotice {
  std::string environment;
  RunKind command = RunKind::backup;
  std::string host;  ///< where it ran
  std::string id;    ///< a random UUID: joins what is told of one run
  Instant started, finished;
  int exit_code = 0;
  std::string text;       ///< what it printed for people
  std::string json;       ///< the same as a document (docs/json.md); "" if there is none
  std::string error;      ///< of a run that failed: the message, one line
  std::string hint;       ///< what to do about it; "" if there is nothing to say
  bool is_trial = false;  ///< nothing was run: `text` says all there is to say
};

/// The check of a command; empty if it has none.
Secret ping_of(const NotifySettings& settings, RunKind command);
bool tells_webhook(const NotifySettings& settings, int exit_code);
bool tells_mail(const NotifySettings& settings, int exit_code);
/// Whether anybody is ever told of such runs.
bool tells_anybody(const NotifySettings& settings, RunKind command);

/// "ok", or "FAILED (4, source)": the exit code and its name.
std::string verdict_of(const RunNotice& notice);
/// The error, its hint, and what was printed: at most kNoticeBytes, in whole lines, the last
/// ones if there are more.
std::string body_of_ping(const RunNotice& notice);
inline constexpr size_t kNoticeBytes = 10'000;
/// docs/json.md, "Webhook".
std::string body_of_webhook(const RunNotice& notice);
/// "dolibarr-backup prod: backup FAILED (4, source): ..."; one line.
std::string subject_of_mail(const RunNotice& notice);
std::string body_of_mail(const RunNotice& notice);

}  // namespace dolibarr_backup
