#include "notify/smtp.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <new>

#include "base/stop.h"
#include "core/setting_values.h"
#include "notify/mail_header.h"

namespace dolibarr_backup {
namespace {

constexpr long kConnectSeconds = 10;

struct Free {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};
using Easy = std::unique_ptr<CURL, Free>;
using List = std::unique_ptr<curl_slist, Free>;
using Mime = std::unique_ptr<curl_mime, Free>;

void append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (!longer) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

template <typename Value>
void set_option(const Easy& easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy.get(), option, value);
  if (code != CURLE_OK)
    throw Error(Errc::bug, fmt::format("libcurl refuses option {}: {}", static_cast<int>(option),
                                       curl_easy_strerror(code)));
}

// libcurl calls it about once a second.
int end_on_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

List headers_of(const MailSettings& settings, const Mail& mail) {
  List headers;
  append(headers, "Date: " + header_date(mail.date));
  append(headers, "From: " + settings.from);
  append(headers, "To: " + settings.to);
  append(headers, "Subject: " + header_text(mail.subject));
  append(headers, fmt::format("Message-ID: <{}@{}>", mail.id,
                              settings.from.substr(settings.from.find('@') + 1)));
  append(headers, "Auto-Submitted: auto-generated");  // RFC 3834: no holiday replies
  return headers;
}

Mime body_of(const Easy& easy, const std::string& text) {
  Mime mime(curl_mime_init(easy.get()));
  curl_mimepart* part = mime ? curl_mime_addpart(mime.get()) : nullptr;
  std::string lines;  // a mail's end with CR LF
  for (const char c : text) lines += c == '\n' ? "\r\n" : std::string(1, c == '\r' ? ' ' : c);
  if (!part || curl_mime_data(part, lines.data(), lines.size()) != CURLE_OK ||
      curl_mime_type(part, "text/plain; charset=utf-8") != CURLE_OK ||
      curl_mime_encoder(part, "quoted-printable") != CURLE_OK)
    throw std::bad_alloc();
  return mime;
}

// smtps needs no STARTTLS, and this very machine none.
bool needs_starttls(const MailSettings& settings) {
  const auto server = read_mail_server(settings.server);
  return server && server->scheme == "smtp" && !server->is_loopback() && !settings.allow_plaintext;
}

void configure_server(const Easy& easy, const NotifySettings& settings) {
  const MailSettings& mail = settings.mail;
  set_option(easy, CURLOPT_URL, mail.server.c_str());
  set_option(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set_option(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_option(easy, CURLOPT_USE_SSL,
             static_cast<long>(needs_starttls(mail) ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  if (!settings.ca_file.empty()) set_option(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
  if (!mail.user.empty()) set_option(easy, CURLOPT_USERNAME, mail.user.c_str());
  if (!mail.password.empty()) set_option(easy, CURLOPT_PASSWORD, mail.password.reveal().c_str());
}

}  // namespace

void send_mail(const NotifySettings& settings, const Mail& mail, std::chrono::seconds timeout,
               const std::stop_token& stop) {
  const Easy easy(curl_easy_init());
  if (!easy) throw std::bad_alloc();
  const List headers = headers_of(settings.mail, mail);
  const Mime body = body_of(easy, mail.body);
  List recipients;
  for (const std::string& address : mail_addresses(settings.mail.to))
    append(recipients, "<" + address + ">");
  const std::string sender = "<" + settings.mail.from + ">";
  char detail[CURL_ERROR_SIZE] = "";
  configure_server(easy, settings);
  set_option(easy, CURLOPT_MAIL_FROM, sender.c_str());
  set_option(easy, CURLOPT_MAIL_RCPT, recipients.get());
  // One address that is gone must not keep the others from being told.
  set_option(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  set_option(easy, CURLOPT_HTTPHEADER, headers.get());
  set_option(easy, CURLOPT_MIMEPOST, body.get());
  set_option(easy, CURLOPT_NOSIGNAL, 1L);
  set_option(easy, CURLOPT_QUICK_EXIT, 1L);  // a look-up of a name that hangs is not waited for
  set_option(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set_option(easy, CURLOPT_TIMEOUT, static_cast<long>(timeout.count()));
  set_option(easy, CURLOPT_ERRORBUFFER, detail);
  set_option(easy, CURLOPT_NOPROGRESS, 0L);
  set_option(easy, CURLOPT_XFERINFOFUNCTION, &end_on_stop);
  set_option(easy, CURLOPT_XFERINFODATA, const_cast<std::stop_token*>(&stop));
  const CURLcode code = curl_easy_perform(easy.get());
  throw_if_stopped(stop);
  if (code != CURLE_OK)
    throw Error(Errc::config, detail[0] != '\0' ? detail : curl_easy_strerror(code));
}

}  // namespace dolibarr_backup
