#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/units.h"
#include "core/settings.h"

namespace dolibarr_backup {

/// A mail of text, to all recipients of the settings.
struct Mail {
  std::string subject;  ///< any text: it is encoded, and can hold no further header
  std::string body;     ///< UTF-8, lines ended by \n
  std::string id;       ///< unique
  Instant date;
};

/// Sends it through libcurl. The connection is encrypted and the server's certificate checked:
/// STARTTLS, or smtps from the start; not to this very machine, nor where the settings allow
/// plain text. Throws Errc::config if it could not be delivered to anybody, Errc::interrupted on a
/// stop.
void send_mail(const NotifySettings& settings, const Mail& mail, std::chrono::seconds timeout,
               const std::stop_token& stop);

}  // namespace dolibarr_backup
