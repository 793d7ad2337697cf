#include "dolibarr/volatile_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "dolibarr/pg_connection.h"
#include "stream/digest.h"

namespace dolibarr_backup {

std::span<const VolatileEntry> volatile_list() {
  // Seen on real instances over quiet days, or written by code that runs by itself.
  // tms goes with the columns whose change moves it (an update trigger does).
  static const std::vector<VolatileEntry> list = {
      {.table = "const",
       .row_column = "name",
       .row_like = {"MAIN\\_FIRST\\_PING\\_OK\\_%", "MAIN\\_LAST\\_PING\\_KO\\_%"},
       .reason = "an administrator's visit notes that the anonymous ping was sent"},
      {.table = "cronjob",
       .columns = {"tms", "datelastrun", "datenextrun", "datelastresult", "lastresult",
                   "lastoutput", "nbrun", "processing", "pid"},
       .reason = "each run of a scheduled job notes its time and result"},
      {.table = "emailcollector_emailcollector",
       .columns = {"tms", "datelastresult", "codelastresult", "lastresult", "datelastok"},
       .reason = "each look into the mailbox notes its time and result"},
      {.table = "events",
       .row_column = "type",
       .row_like = {"USER\\_LOGIN", "USER\\_LOGIN\\_FAILED", "USER\\_LOGOUT"},
       .reason = "the audit of logins, where it is enabled"},
      {.table = "holiday_config",
       .row_column = "name",
       .row_like = {"lastUpdate"},
       .reason = "the monthly job notes its last look, also when it changed no balance"},
      {.table = "oauth_state", .reason = "one-time words of a login at another service"},
      {.table = "oauth_token",
       .columns = {"tms", "token", "tokenstring", "tokenstring_refresh", "expire_at", "lastaccess",
                   "apicount_previous_month", "apicount_month", "apicount_total"},
       .reason = "access tokens renew themselves; what they stand for stays in the row"},
      {.table = "session", .reason = "sessions of the web server, where they lie in the database"},
      {.table = "user",
       .columns = {"tms", "datelastlogin", "datepreviouslogin", "iplastlogin", "ippreviouslogin",
                   "flagdelsessionsbefore"},
       .reason = "each login notes its time and address"},
      {.table = "user_param",
       .row_column = "param",
       .row_like = {"MAIN\\_SELECTEDFIELDS\\_%"},
       .reason = "which columns of a list a user last chose to see"},
  };
  return list;
}

VolatilePart volatile_part(std::string_view table, std::string_view prefix,
                           const std::set<std::string, std::less<>>& columns) {
  VolatilePart part;
  if (!table.starts_with(prefix)) return part;
  const std::string_view bare = table.substr(prefix.size());
  for (const VolatileEntry& entry : volatile_list()) {
    if (entry.table != bare) continue;
    part.whole_table = entry.columns.empty() && entry.row_column.empty();
    for (const std::string_view column : entry.columns)
      if (columns.contains(column)) part.columns.emplace_back(column);
    if (!entry.row_column.empty() && columns.contains(entry.row_column)) {
      part.row_column = entry.row_column;
      part.row_like.assign(entry.row_like.begin(), entry.row_like.end());
    }
  }
  return part;
}

std::string durable_row_condition(const VolatilePart& part, std::string_view alias) {
  if (part.whole_table) return "false";
  if (part.row_column.empty()) return "true";
  std::vector<std::string> patterns;
  for (const std::string& like : part.row_like) patterns.push_back(quote_literal(like));
  // A NULL is not on the list.
  return fmt::format("coalesce(not ({}.{}::text like any (array[{}])), true)", alias,
                     quote_name(part.row_column), fmt::join(patterns, ","));
}

std::string volatile_list_id(std::string_view prefix) {
  std::string text = fmt::format("{}\n", prefix);
  for (const VolatileEntry& entry : volatile_list()) {
    text += fmt::format("{}|{}|{}|{}\n", entry.table, fmt::join(entry.columns, ","),
                        entry.row_column, fmt::join(entry.row_like, ","));
  }
  return fmt::format("{}-{}", kVolatileListVersion, sha256_hex(text).substr(0, 8));
}

}  // namespace dolibarr_backup
