#include "notify/run_notice.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/secret.h"
#include "core/record_text.h"

namespace dolibarr_backup {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSubjectBytes = 200;
constexpr size_t kMaxReportBytes = 1 << 20;

const ExitCode& row_of(int exit_code) {
  for (const ExitCode& row : exit_codes())
    if (row.code == exit_code) return row;
  return exit_codes().at(1);
}

// The end of a text says more than its beginning: the summary is there.
std::string last_lines(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  const size_t line = text.find('\n', text.size() - most);
  return "...\n" + (line == std::string::npos ? "" : text.substr(line + 1));
}

std::string error_lines(const RunNotice& notice) {
  std::string text;
  if (!notice.error.empty()) text += "error: " + cut_text(notice.error, kNoticeBytes / 4) + "\n";
  if (!notice.hint.empty()) text += "hint: " + cut_text(notice.hint, kNoticeBytes / 4) + "\n";
  return text;
}

}  // namespace

Secret ping_of(const NotifySettings& settings, RunKind command) {
  switch (command) {
    case RunKind::backup:
      return settings.ping.backup;
    case RunKind::prune:
      return settings.ping.prune;
    case RunKind::verify:
      return settings.ping.verify;
    case RunKind::drill:
      return settings.ping.drill;
    default:
      return {};
  }
}

bool tells_webhook(const NotifySettings& settings, int exit_code) {
  return !settings.webhook.url.empty() &&
         (exit_code != 0 || settings.webhook.when == NoticeWhen::always);
}

bool tells_mail(const NotifySettings& settings, int exit_code) {
  return !settings.mail.server.empty() &&
         (exit_code != 0 || settings.mail.when == NoticeWhen::always);
}

bool tells_anybody(const NotifySettings& settings, RunKind command) {
  return !ping_of(settings, command).empty() || !settings.webhook.url.empty() ||
         !settings.mail.server.empty();
}

std::string verdict_of(const RunNotice& notice) {
  if (notice.exit_code == 0) return "ok";
  return fmt::format("FAILED ({}, {})", notice.exit_code, row_of(notice.exit_code).name);
}

std::string body_of_ping(const RunNotice& notice) {
  const std::string head = error_lines(notice);
  return head + last_lines(notice.text, kNoticeBytes - head.size() - 4);
}

std::string body_of_webhook(const RunNotice& notice) {
  Json value = {{"environment", notice.environment},
                {"command", name_of(notice.command)},
                {"exit_code", notice.exit_code},
                {"code", row_of(notice.exit_code).name},
                {"started", format_instant(notice.started)},
                {"finished", format_instant(notice.finished)},
                {"host", notice.host},
                {"version", DOLIBARR_BACKUP_VERSION},
                {"id", notice.id}};
  if (!notice.error.empty()) value["error"] = notice.error;
  if (!notice.hint.empty()) value["hint"] = notice.hint;
  if (notice.is_trial) value["trial"] = true;
  value["text"] = body_of_ping(notice);
  if (notice.json.size() <= kMaxReportBytes)
    if (Json report = Json::parse(notice.json, nullptr, false); !report.is_discarded())
      value["report"] = std::move(report);
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string subject_of_mail(const RunNotice& notice) {
  if (notice.is_trial)
    return fmt::format("dolibarr-backup {}: a trial, nothing was run", notice.environment);
  std::string text = fmt::format("dolibarr-backup {}: {} {}", notice.environment,
                                 name_of(notice.command), verdict_of(notice));
  if (!notice.error.empty()) text += ": " + notice.error;
  return cut_text(text, kSubjectBytes);
}

std::string body_of_mail(const RunNotice& notice) {
  if (notice.is_trial) return notice.text;
  std::string text = fmt::format(
      "environment: {}\ncommand: {}\nhost: {}\nstarted: {}\nfinished: {}\nexit code: {} ({}: {})\n",
      notice.environment, name_of(notice.command), notice.host, format_instant(notice.started),
      format_instant(notice.finished), notice.exit_code, row_of(notice.exit_code).name,
      row_of(notice.exit_code).meaning);
  return text + "\n" + body_of_ping(notice);
}

}  // namespace dolibarr_backup
