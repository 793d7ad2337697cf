#include "notify/notifier.h"

#include <fmt/format.h>

#include <functional>
#include <random>

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "core/record_text.h"
#include "notify/smtp.h"
#include "store/retry.h"
#include "store/s3_http.h"
#include "store/transport_error.h"

namespace dolibarr_backup {
namespace {

using std::chrono::seconds;

constexpr seconds kConnectTimeout{10};
constexpr seconds kTimeout{30};
constexpr seconds kShortTimeout{5};  // nobody waits longer for a start, or for an end by a signal
constexpr RetryPolicy kPingRetries{.retries = 2, .greatest_delay = std::chrono::milliseconds(2000)};
constexpr size_t kQuotedAnswerBytes = 100;
constexpr size_t kShortestSecretPart = 16;
constexpr RetryPolicy kOneTry{.retries = 0};

// One way out of the settings, with the words for it.
struct Channel {
  std::string kind;
  std::string to;
  std::function<void()> send;
};

std::optional<std::string> failure_of(const Channel& channel) {
  try {
    channel.send();
    log::debug("told {} ({})", channel.kind, channel.to);
    return std::nullopt;
  } catch (const Error& error) {
    if (error.code() == Errc::interrupted) throw;
    return mask_secrets(error.what());
  } catch (const std::exception& error) {
    return mask_secrets(error.what());
  }
}

void tell(const std::vector<Channel>& channels) {
  std::string kind;
  try {
    for (const Channel& channel : channels) {
      kind = channel.kind;
      if (const std::optional<std::string> failure = failure_of(channel))
        log::warning("the {} did not reach {}: {}", kind, channel.to, *failure);
    }
  } catch (const Error&) {
    log::warning("interrupted: the {} and what was to follow it were not sent", kind);
  }
}

// What follows the host may come back in a library's message; a short word says nothing alone.
void register_path(const std::string& url) {
  const std::string path = url.substr(origin_of(url).size());
  for (const std::string& part : {path, path.substr(path.rfind('/') + 1)})
    if (part.size() >= kShortestSecretPart) const Secret registered(part);
}

std::string post(const NotifySettings& settings, const HttpRequest& request, seconds timeout,
                 const std::stop_token& stop) {
  HttpClient client({.ca_file = settings.ca_file,
                     .stall_timeout = timeout,
                     .connect_timeout = std::min(timeout, kConnectTimeout),
                     .total_timeout = timeout});
  const HttpResponse response = client.perform(request, stop);
  if (response.status / 100 != 2) {
    Error error(Errc::config, fmt::format("it answers {}{}", response.status,
                                          response.status / 100 == 3
                                              ? ", another address; no redirect is followed"
                                              : ""));
    if (response.status >= 500 || response.status == 429) error.mark_transient();
    throw error;
  }
  return response.body;
}

// healthchecks.io answers 200 with "OK (not found)" for an address that is no check's, and with
// "OK (rate limited)" for what it does not count.
void require_known(const std::string& answer) {
  if (answer.starts_with("OK ("))
    throw Error(Errc::config, "it answers " + cut_text(answer, kQuotedAnswerBytes));
}

// `end`: "/start", "/0", "/log".
Channel ping_channel(const NotifySettings& settings, const RunNotice& notice,
                     const std::string& end, const std::string& body, seconds timeout,
                     const RetryPolicy& policy, const std::stop_token& stop) {
  const Secret url = ping_of(settings, notice.command);
  register_path(url.reveal());
  const std::string kind = fmt::format("ping of {}", name_of(notice.command));
  return {kind, origin_of(url.reveal()), [=, &settings] {
            const HttpRequest request{.method = "POST",
                                      .url = url.reveal() + end + "?rid=" + notice.id,
                                      .headers = {{"content-type", "text/plain; charset=utf-8"}},
                                      .body = as_bytes(body)};
            retry(policy, {.token = stop}, kind,
                  [&](Attempt&) { require_known(post(settings, request, timeout, stop)); });
          }};
}

Channel webhook_channel(const NotifySettings& settings, const RunNotice& notice, seconds timeout,
                        const std::stop_token& stop) {
  const std::string& url = settings.webhook.url.reveal();
  register_path(url);
  return {"webhook", origin_of(url), [&settings, &notice, timeout, stop] {
            const std::string body = body_of_webhook(notice);
            HttpRequest request{.method = "POST",
                                .url = settings.webhook.url.reveal(),
                                .headers = {{"content-type", "application/json"}},
                                .body = as_bytes(body)};
            if (!settings.webhook.authorization.empty())
              request.headers["authorization"] = settings.webhook.authorization.reveal();
            post(settings, request, timeout, stop);
          }};
}

Channel mail_channel(const NotifySettings& settings, const RunNotice& notice, seconds timeout,
                     const std::stop_token& stop) {
  return {"mail", settings.mail.to + " through " + settings.mail.server,
          [&settings, &notice, timeout, stop] {
            send_mail(settings,
                      {.subject = subject_of_mail(notice),
                       .body = body_of_mail(notice),
                       .id = notice.id,
                       .date = notice.finished},
                      timeout, stop);
          }};
}

}  // namespace

void tell_start(const NotifySettings& settings, const RunNotice& notice,
                const std::stop_token& stop) {
  if (ping_of(settings, notice.command).empty()) return;
  tell({ping_channel(settings, notice, "/start", "", kShortTimeout, kOneTry, stop)});
}

void tell_end(const NotifySettings& settings, const RunNotice& notice, bool interrupted,
              const std::stop_token& stop) {
  const seconds timeout = interrupted ? kShortTimeout : kTimeout;
  std::vector<Channel> channels;
  if (!ping_of(settings, notice.command).empty())
    channels.push_back(ping_channel(settings, notice, fmt::format("/{}", notice.exit_code),
                                    body_of_ping(notice), std::min(timeout, kConnectTimeout),
                                    interrupted ? kOneTry : kPingRetries, stop));
  if (tells_webhook(settings, notice.exit_code))
    channels.push_back(webhook_channel(settings, notice, timeout, stop));
  if (tells_mail(settings, notice.exit_code))
    channels.push_back(mail_channel(settings, notice, timeout, stop));
  tell(channels);
}

std::vector<NoticeTrial> try_notices(const NotifySettings& settings, const RunNotice& notice,
                                     const std::stop_token& stop) {
  std::vector<Channel> channels;
  for (const RunKind command : {RunKind::backup, RunKind::prune, RunKind::verify, RunKind::drill}) {
    RunNotice of_command = notice;
    of_command.command = command;
    if (!ping_of(settings, command).empty())
      channels.push_back(
          ping_channel(settings, of_command, "/log", notice.text, kConnectTimeout, kOneTry, stop));
  }
  if (!settings.webhook.url.empty())
    channels.push_back(webhook_channel(settings, notice, kTimeout, stop));
  if (!settings.mail.server.empty())
    channels.push_back(mail_channel(settings, notice, kTimeout, stop));
  std::vector<NoticeTrial> trials;
  trials.reserve(channels.size());
  for (const Channel& channel : channels)
    trials.push_back({channel.kind, channel.to, failure_of(channel)});
  return trials;
}

std::string random_uuid() {
  std::random_device entropy;
  const uint32_t a = entropy(), b = entropy(), c = entropy(), d = entropy();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", a, b >> 16, b & 0xfff,
                     0x8000 | (c >> 16 & 0x3fff), c & 0xffff, d);
}

}  // namespace dolibarr_backup
