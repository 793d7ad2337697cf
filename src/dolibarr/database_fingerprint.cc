#include "dolibarr/database_fingerprint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "base/stop.h"
#include "dolibarr/schema_digest.h"
#include "dolibarr/table_digest.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kExact = "exact-1";
constexpr std::string_view kTms = "tms-1";
constexpr std::string_view kLargeObjects = "pg_catalog.pg_largeobject";
// 64 MiB: a range takes about a second, so that sessions end together.
constexpr uint64_t kPagesPerRange = 8192;
constexpr int kTidRangeScans = 140000;  // PostgreSQL 14's release notes, E.1.3.1.4
constexpr size_t kSequencesPerQuery = 100;

/// A piece of the work, and roughly how long it takes.
struct Task {
  uint64_t weight = 0;
  std::function<void(PgConnection&)> run;
};

// Takes the heaviest tasks first, so that no session ends long after the others.
class TaskQueue {
 public:
  TaskQueue(std::vector<Task> tasks, Progress& progress, std::stop_token stop)
      : tasks_(std::move(tasks)), progress_(progress), stop_(std::move(stop)) {
    std::stable_sort(tasks_.begin(), tasks_.end(),
                     [](const Task& a, const Task& b) { return a.weight > b.weight; });
    progress_.db_tables_total = tasks_.size();
    progress_.db_tables_done = 0;
  }

  size_t size() const { return tasks_.size(); }

  /// Works until nothing is left, or another session failed.
  void work(PgConnection& connection) {
    try {
      for (size_t at = next_++; at < tasks_.size() && !failed_; at = next_++) {
        throw_if_stopped(stop_);
        tasks_[at].run(connection);
        ++progress_.db_tables_done;
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::vector<Task> tasks_;
  Progress& progress_;
  std::stop_token stop_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;  // guarded by mutex_
};

/// What the tasks find, each in its own place.
struct Findings {
  std::mutex mutex;
  std::map<std::string, TableSums> tables;       // by full name
  std::map<std::string, std::string> tms;        // by full name: greatest tms
  std::map<std::string, std::string> sequences;  // by full name: value
  std::string schema;
};

std::vector<PageRange> ranges_of(const PgTable& table, int server_version) {
  const bool split = table.heap && table.filter.empty() && server_version >= kTidRangeScans &&
                     table.pages > kPagesPerRange;
  if (!split) return {{}};
  std::vector<PageRange> ranges;
  for (uint64_t begin = 0; begin < table.pages; begin += kPagesPerRange)
    ranges.push_back({begin, begin + kPagesPerRange, false});
  ranges.back().last = true;
  return ranges;
}

void add_table_tasks(const PgTable& table, int server_version, Findings& findings,
                     const std::stop_token& stop, std::vector<Task>& tasks) {
  const std::vector<PageRange> ranges = ranges_of(table, server_version);
  for (const PageRange& range : ranges) {
    tasks.push_back({table.bytes / ranges.size() + 1, [&, range](PgConnection& connection) {
                       const TableSums sums =
                           with_context("while reading table " + table.full_name(), [&] {
                             return read_table_sums(
                                 table, connection.query(table_sums_query(table, range), {}, stop));
                           });
                       const std::lock_guard lock(findings.mutex);
                       findings.tables[table.full_name()] += sums;
                     }});
  }
}

void add_tms_task(const PgTable& table, Findings& findings, const std::stop_token& stop,
                  std::vector<Task>& tasks) {
  const std::string query = tms_query(table);
  if (query.empty()) return;
  tasks.push_back({table.bytes + 1, [&, query](PgConnection& connection) {
                     const PgResult result =
                         with_context("while reading table " + table.full_name(),
                                      [&] { return connection.query(query, {}, stop); });
                     const std::lock_guard lock(findings.mutex);
                     findings.tables[table.full_name()].durable.rows =
                         static_cast<uint64_t>(result.integer(0, 0));
                     findings.tms[table.full_name()] = result.text(0, 1);
                   }});
}

// Volatile rows draw numbers from their table's sequence on a quiet day.
std::vector<const PgSequence*> durable_sequences(const TableList& list) {
  std::set<std::string> moving;
  for (const PgTable& table : list.tables)
    if (table.volatile_part.moves_sequence()) moving.insert(table.full_name());
  std::vector<const PgSequence*> durable;
  for (const PgSequence& sequence : list.sequences)
    if (!moving.contains(sequence.owner_table)) durable.push_back(&sequence);
  return durable;
}

void add_sequence_tasks(const TableList& list, Findings& findings, const std::stop_token& stop,
                        std::vector<Task>& tasks) {
  const std::vector<const PgSequence*> durable = durable_sequences(list);
  for (size_t begin = 0; begin < durable.size(); begin += kSequencesPerQuery) {
    std::vector<std::string> branches;
    for (size_t i = begin; i < std::min(begin + kSequencesPerQuery, durable.size()); ++i) {
      const PgSequence& sequence = *durable[i];
      branches.push_back(
          fmt::format("SELECT {}, last_value::text || ' ' || is_called::text FROM {}",
                      quote_literal(sequence.schema + "." + sequence.name),
                      quote_name(sequence.schema, sequence.name)));
    }
    tasks.push_back({kMiB, [&, query = fmt::format("{}", fmt::join(branches, " UNION ALL "))](
                               PgConnection& connection) {
                       const PgResult rows = with_context("while reading sequences", [&] {
                         return connection.query(query, {}, stop);
                       });
                       const std::lock_guard lock(findings.mutex);
                       for (int row = 0; row < rows.rows(); ++row)
                         findings.sequences[rows.text(row, 0)] = rows.text(row, 1);
                     }});
  }
}

void add_large_objects_task(Findings& findings, const std::stop_token& stop,
                            std::vector<Task>& tasks) {
  tasks.push_back(
      {kMiB, [&](PgConnection& connection) {
         const PgResult result = with_context("while reading large objects", [&] {
           return connection.query(
               "SELECT count(*), sum(('x' || left(a, 16))::bit(64)::int8), "
               "sum(('x' || right(a, 16))::bit(64)::int8) FROM (SELECT md5(m.oid::text || ' ' || "
               "md5(lo_get(m.oid))) AS a FROM pg_largeobject_metadata m OFFSET 0) AS hashed",
               {}, stop);
         });
         const TableSums sums = read_table_sums(PgTable{}, result);
         if (sums.all.rows == 0) return;
         const std::lock_guard lock(findings.mutex);
         findings.tables[std::string(kLargeObjects)] = sums;
       }});
}

void run_tasks(TaskQueue& queue, PgConnection& connection, const OpenSession& open_session,
               unsigned connections) {
  std::vector<std::jthread> threads;  // joined whatever happens
  const size_t sessions = std::min<size_t>(std::max(1u, connections), queue.size());
  for (size_t i = 1; i < sessions; ++i) {
    const auto work = [&] {
      try {
        PgConnection more = open_session();
        queue.work(more);
      } catch (const std::exception& error) {
        // One session is enough, only slower.
        log::warning("db: no further session for the fingerprint: {}", error.what());
      }
    };
    try {
      threads.emplace_back(work);
    } catch (const std::system_error& error) {
      log::warning("db: no further thread for the fingerprint: {}", error.what());
      break;
    }
  }
  queue.work(connection);
  threads.clear();
  queue.rethrow();
}

bool exact_mode(const DatabaseSettings& settings) {
  return settings.fingerprint == DatabaseSettings::FingerprintMode::exact;
}

DatabaseFingerprint conclude(const TableList& list, const Findings& findings,
                             const DatabaseSettings& settings) {
  const bool exact = exact_mode(settings);
  DatabaseFingerprint result;
  result.schema_digest = findings.schema;
  Digest digest = Digest::sha256();
  digest.update(fmt::format("schema {}\n", findings.schema));
  std::set<std::string> whole;
  for (const PgTable& table : list.tables)
    if (table.volatile_part.whole_table) whole.insert(table.full_name());
  for (const auto& [name, sums] : findings.tables) {
    const auto tms = findings.tms.find(name);
    const std::string business = exact                       ? sums.durable.digest()
                                 : tms == findings.tms.end() ? ""
                                                             : tms->second;
    if (!whole.contains(name))
      digest.update(
          fmt::format("table {}:{} {} {}\n", name.size(), name, sums.durable.rows, business));
    if (exact)
      result.tables.push_back({sums.all.rows, business, sums.all.digest(), name});
    else
      result.tables.push_back({sums.durable.rows, "", "", name});
  }
  for (const auto& [name, value] : findings.sequences)
    digest.update(fmt::format("sequence {}:{} {}\n", name.size(), name, value));
  result.fingerprint = fingerprint_method(settings);
  result.fingerprint.value = digest.finish_hex();
  return result;
}

}  // namespace

Fingerprint fingerprint_method(const DatabaseSettings& settings) {
  return {std::string(exact_mode(settings) ? kExact : kTms),
          volatile_list_id(settings.table_prefix), ""};
}

DatabaseFingerprint fingerprint_database(PgConnection& connection, const OpenSession& open_session,
                                         const TableList& list, const DatabaseSettings& settings,
                                         Progress& progress, const std::stop_token& stop) {
  Findings findings;
  std::vector<Task> tasks;
  if (exact_mode(settings)) {
    // First, for it is one long query that cannot be shared.
    tasks.push_back({UINT64_MAX, [&](PgConnection& session) {
                       findings.schema = with_context("while reading the schema",
                                                      [&] { return schema_digest(session, stop); });
                     }});
    for (const PgTable& table : list.tables)
      add_table_tasks(table, connection.server_version(), findings, stop, tasks);
    add_sequence_tasks(list, findings, stop, tasks);
    add_large_objects_task(findings, stop, tasks);
  } else {
    for (const PgTable& table : list.tables) add_tms_task(table, findings, stop, tasks);
  }
  TaskQueue queue(std::move(tasks), progress, stop);
  run_tasks(queue, connection, open_session, settings.connections);
  return conclude(list, findings, settings);
}

}  // namespace dolibarr_backup
