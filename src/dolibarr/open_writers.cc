#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/stop.h"
#include "dolibarr/database.h"
#include "dolibarr/pg_login.h"

namespace dolibarr_backup {
namespace {

constexpr std::chrono::milliseconds kPollInterval{100};

struct Writer {
  std::string transaction;  // its virtual id: unique while the server runs
  std::string text;
};

// Autovacuum's ShareUpdateExclusiveLock writes no row. A prepared transaction has no
// session, and pg_locks shows it all the same.
std::vector<Writer> list_writers(PgConnection& connection) {
  const PgResult rows = connection.query(R"(
SELECT l.virtualtransaction,
  format('pid %s (%s, %s s): %s', coalesce(l.pid::text, 'none, prepared'),
         coalesce(min(a.usename), '?'),
         coalesce(extract(epoch FROM now() - min(a.xact_start))::int::text, '?'),
         string_agg(DISTINCT c.relname, ', '))
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted
AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
GROUP BY l.virtualtransaction, l.pid ORDER BY 1)");
  std::vector<Writer> writers;
  for (int row = 0; row < rows.rows(); ++row)
    writers.push_back({rows.text(row, 0), rows.text(row, 1)});
  return writers;
}

bool among(const std::vector<Writer>& writers, const std::string& transaction) {
  return std::any_of(writers.begin(), writers.end(),
                     [&](const Writer& writer) { return writer.transaction == transaction; });
}

}  // namespace

std::vector<std::string> wait_for_writers(const DatabaseSettings& settings,
                                          std::chrono::milliseconds timeout,
                                          const std::stop_token& stop) {
  PgConnection connection = log_in(settings, stop);
  std::vector<Writer> waited_for = list_writers(connection);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!waited_for.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kPollInterval);
    throw_if_stopped(stop);
    const std::vector<Writer> open = list_writers(connection);
    std::erase_if(waited_for, [&](const Writer& one) { return !among(open, one.transaction); });
  }
  std::vector<std::string> texts;
  for (Writer& writer : waited_for) texts.push_back(std::move(writer.text));
  return texts;
}

}  // namespace dolibarr_backup
