#pragma once

#include <atomic>
#include <cstdint>

namespace dolibarr_backup {

/// Counters that the data path bumps and the terminal reads. All relaxed: they
/// are shown, never decided upon.
struct Progress {
  std::atomic<uint64_t> db_read_bytes{0};   ///< bytes that pg_dump produced
  std::atomic<uint64_t> db_tables_done{0};  ///< tables fingerprinted
  std::atomic<uint64_t> db_tables_total{0};
  std::atomic<uint64_t> docs_read_bytes{0};   ///< file bytes read for the archive
  std::atomic<uint64_t> docs_total_bytes{0};  ///< file bytes the walk found
  std::atomic<uint64_t> docs_files_walked{0};
  std::atomic<uint64_t> stored_bytes{0};  ///< bytes the store acknowledged
};

}  // namespace dolibarr_backup
