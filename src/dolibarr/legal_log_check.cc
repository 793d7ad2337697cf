#include "dolibarr/legal_log_check.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <deque>
#include <set>

#include "base/stop.h"
#include "core/wall_clock.h"
#include "dolibarr/database_facts.h"
#include "dolibarr/pg_cursor.h"
#include "dolibarr/pg_login.h"
#include "dolibarr/pg_session.h"

namespace dolibarr_backup {
namespace {

constexpr int kRowsPerFetch = 100;  // rows hold whole invoices: some kB, rarely a MB
constexpr int kSampleWeeks = 600;
constexpr int kSampleLast = 20;
constexpr int kGreatestSampleBytes = 20'000;
constexpr size_t kRowidsRemembered = 4096;
constexpr int64_t kGreatestGap = 1000;

const std::vector<std::string>& required_columns() {
  static const std::vector<std::string> columns = {
      "rowid",      "entity",      "date_creation", "action",      "amounts",
      "ref_object", "date_object", "user_fullname", "object_data", "signature"};
  return columns;
}

using Columns = std::set<std::string, std::less<>>;

// What read_row() understands. Columns that came or went with versions read as ''.
std::string row_expressions(const Columns& columns) {
  const auto optional = [&](const char* name) {
    return columns.contains(name) ? fmt::format("t.{}", name) : std::string("''");
  };
  const auto wall = [](const char* name) {
    return fmt::format("extract(epoch FROM date_trunc('second', t.{}))::int8", name);
  };
  return fmt::format(
      "t.rowid, t.entity, {}, {}, t.action, t.ref_object, t.user_fullname, t.object_data, {}, {}, "
      "t.amounts::text, t.signature, {}, {}",
      wall("date_creation"), wall("date_object"), optional("object_version"),
      optional("object_format"), optional("signature_line"), optional("debuginfo"));
}

LegalLogRow read_row(const PgCursor& cursor) {
  const auto wall = [&](int column) {
    return cursor.is_null(column) ? std::nullopt : std::optional(cursor.integer(column));
  };
  LegalLogRow row;
  row.rowid = cursor.integer(0);
  row.entity = cursor.integer(1);
  row.created = wall(2);
  row.dated = wall(3);
  row.action = cursor.text(4);
  row.ref_object = cursor.text(5);
  row.user_fullname = cursor.text(6);
  row.object_data = cursor.text(7);
  row.object_version = cursor.text(8);
  row.object_format = cursor.text(9);
  const std::string_view amounts = cursor.view(10);
  std::from_chars(amounts.data(), amounts.data() + amounts.size(), row.amounts);
  row.signature = cursor.text(11);
  row.signature_line = cursor.text(12);
  row.debuginfo = cursor.text(13);
  return row;
}

/// The constants that rows are hashed with. An entity's own value goes before that of all.
class SecretsOfEntities {
 public:
  SecretsOfEntities(PgConnection& connection, const std::string& table_prefix) {
    const auto constants =
        find_table(connection, table_prefix + "const", {"name", "value", "entity"});
    if (!constants) return;
    const PgResult rows =
        connection.query("SELECT name, entity, value FROM " + *constants +
                         " WHERE name IN ('MAIN_SECURITY_SALT', 'BLOCKEDLOG_ENTITY_FINGERPRINT')");
    for (int row = 0; row < rows.rows(); ++row)
      (rows.view(row, 0) == "MAIN_SECURITY_SALT" ? salts_ : geneses_)[rows.integer(row, 1)] =
          rows.text(row, 2);
  }
  LegalLogSecrets of(int64_t entity) const {
    LegalLogSecrets secrets;
    if (const auto own = salts_.find(entity); own != salts_.end())
      secrets.salt = own->second;
    else if (const auto all = salts_.find(0); all != salts_.end())
      secrets.salt = all->second;
    if (const auto own = geneses_.find(entity); own != geneses_.end())
      secrets.genesis = own->second;
    return secrets;
  }

 private:
  std::map<int64_t, std::string> salts_, geneses_;
};

struct SampleRow {
  LegalLogRow row;
  std::string previous_signature;
};

/// Finds the zone in which rows agree with their hashes.
class ZoneFinder {
 public:
  ZoneFinder(std::vector<SampleRow> sample, const SecretsOfEntities& secrets)
      : sample_(std::move(sample)), secrets_(secrets) {}

  bool empty() const { return sample_.empty(); }
  /// Most of the rows agree. A few may be damaged: that is for the check to say.
  bool agrees(const std::string& zone) const {
    size_t agreeing = 0, left = sample_.size();
    for (const SampleRow& sample : sample_) {
      agreeing += fits(sample, zone);
      --left;
      if (2 * agreeing > sample_.size()) return true;
      if (2 * (agreeing + left) <= sample_.size()) return false;
    }
    return false;
  }

 private:
  bool fits(const SampleRow& sample, const std::string& zone) const {
    const LegalLogRow& row = sample.row;
    const LegalLogSecrets secrets = secrets_.of(row.entity);
    const std::string& previous = sample.previous_signature.empty() && secrets.genesis
                                      ? *secrets.genesis
                                      : sample.previous_signature;
    const LegalLogHashes hashes = hashes_of(row, secrets.salt, previous, zone);
    for (size_t i = 0; i < hashes.line.size(); ++i)
      if (hashes.line[i] == row.signature_line || hashes.chained[i] == row.signature ||
          hashes.heads[i] == row.debuginfo)
        return true;
    return false;
  }

  std::vector<SampleRow> sample_;
  const SecretsOfEntities& secrets_;
};

// A row of each week, so that zones with other changes of clocks are told apart, and the
// last few, so that a damaged one does not decide.
std::vector<SampleRow> read_sample(PgConnection& connection, const std::string& log,
                                   const Columns& columns, const std::stop_token& stop) {
  const std::string usable = fmt::format(
      "date_creation IS NOT NULL AND coalesce(pg_column_size(object_data), 0) < {} AND {}",
      kGreatestSampleBytes,
      columns.contains("object_format") ? "coalesce(object_format, '') <> 'V2'" : "true");
  PgCursor cursor(
      connection, "legal_log_sample",
      fmt::format("SELECT {0}, (SELECT p.signature FROM {1} p WHERE p.entity = t.entity AND "
                  "p.rowid < t.rowid ORDER BY p.rowid DESC LIMIT 1) FROM {1} t WHERE t.rowid IN ("
                  "(SELECT min(rowid) FROM {1} WHERE {2} GROUP BY date_trunc('week', "
                  "date_creation) ORDER BY 1 DESC LIMIT {3}) UNION "
                  "(SELECT rowid FROM {1} WHERE {2} ORDER BY rowid DESC LIMIT {4}))",
                  row_expressions(columns), log, usable, kSampleWeeks, kSampleLast),
      kRowsPerFetch);
  std::vector<SampleRow> sample;
  while (cursor.next(stop)) sample.push_back({read_row(cursor), cursor.text(14)});
  return sample;
}

void choose_zone(const ZoneFinder& finder, const std::string& given, LegalLogReport& report,
                 const std::stop_token& stop) {
  report.time_zone = given.empty() ? "UTC" : given;
  report.zone_origin = ZoneOrigin::assumed;
  if (!given.empty() && (finder.empty() || finder.agrees(given))) {
    report.zone_origin = ZoneOrigin::given;
    return;
  }
  if (finder.empty()) return;
  for (const std::string& zone : known_time_zones()) {
    throw_if_stopped(stop);
    if (!finder.agrees(zone)) continue;
    report.time_zone = zone;
    report.zone_origin = ZoneOrigin::found;
    if (!given.empty())
      report.notes.push_back(
          fmt::format("the rows do not fit the time zone {} of the settings, but {}", given, zone));
    return;
  }
  report.notes.push_back(
      "most rows fit no time zone at all: MAIN_SECURITY_SALT may be another one than Dolibarr "
      "wrote them with");
}

/// Which rowids lie between two rows of an entity and belong to nobody.
class RowidGaps {
 public:
  void saw(int64_t rowid) {
    rowids_.insert(rowids_.end(), rowid);
    if (rowids_.size() > kRowidsRemembered) rowids_.erase(rowids_.begin());
  }
  /// "rowid 17", "rowids 17, 19", "rowids between 16 and 2000"; "" if there is none.
  std::string between(int64_t before, int64_t after) const {
    if (after - before <= 1) return "";
    if (after - before > kGreatestGap || rowids_.empty() || *rowids_.begin() > before + 1)
      return fmt::format("rowids between {} and {}", before, after);
    std::string list;
    size_t count = 0;
    for (int64_t rowid = before + 1; rowid < after; ++rowid) {
      if (rowids_.contains(rowid)) continue;
      list += (count++ == 0 ? "" : ", ") + std::to_string(rowid);
    }
    if (count > 10) return fmt::format("rowids between {} and {}", before, after);
    return count == 0 ? "" : (count == 1 ? "rowid " : "rowids ") + list;
  }

 private:
  std::set<int64_t> rowids_;
};

void check_rows(PgConnection& connection, const std::string& log, const Columns& columns,
                const SecretsOfEntities& secrets, LegalLogReport& report,
                const std::stop_token& stop) {
  // By rowid alone, which the primary key gives without sorting gigabytes.
  PgCursor cursor(
      connection, "legal_log",
      fmt::format("SELECT {} FROM {} t ORDER BY t.rowid", row_expressions(columns), log),
      kRowsPerFetch);
  std::map<int64_t, LegalLogChain> chains;
  RowidGaps gaps;
  gaps.saw(0);
  while (cursor.next(stop)) {
    const LegalLogRow row = read_row(cursor);
    LegalLogChain& chain = chains
                               .try_emplace(row.entity, row.entity, secrets.of(row.entity),
                                            report.time_zone, report.counts)
                               .first->second;
    chain.add(row, gaps.between(chain.last_rowid(), row.rowid));
    gaps.saw(row.rowid);
  }
  for (auto& [entity, chain] : chains) {
    chain.finish();
    report.heads[entity] = {chain.last_rowid(), chain.last_signature()};
  }
}

}  // namespace

LegalLogReport check_legal_log(const DatabaseSettings& settings, const std::string& php_time_zone,
                               const std::stop_token& stop) {
  LegalLogReport report;
  PgConnection connection = log_in(settings, stop);
  begin_pinned(connection, "", settings.lock_wait);
  const std::string name = settings.table_prefix + "blockedlog";
  const auto log = find_table(connection, name, required_columns());
  if (!log) {
    if (find_table(connection, name, {}))
      throw Error(Errc::source, name + " lacks columns that every version of Dolibarr has");
    report.absent = true;
    return report;
  }
  const Columns columns = columns_of(connection, *log);
  const SecretsOfEntities secrets(connection, settings.table_prefix);
  choose_zone(ZoneFinder(read_sample(connection, *log, columns, stop), secrets), php_time_zone,
              report, stop);
  check_rows(connection, *log, columns, secrets, report, stop);
  return report;
}

}  // namespace dolibarr_backup
