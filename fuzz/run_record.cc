// Any text is either refused as corrupt or parses into a record that can be relied
// upon and whose own text is read back as the same.
#include "core/run_record.h"

#include "base/error.h"
#include "fuzz/seeds.h"

namespace dolibarr_backup::fuzz {
namespace {

void check_promises(const RunRecord& record) {
  for (const auto& [half, entry] : record.halves) {
    const bool stored = entry.success() || entry.result == HalfResult::incomplete;
    require(!stored || (entry.archive && entry.taken), "what was stored is named");
  }
  if (!record.good_pair()) return;
  require(record.halves.size() == 2, "a good pair has both halves");
}

void check(std::string_view text) {
  std::optional<RunRecord> record;
  try {
    record = parse_run_record(text);
  } catch (const Error& error) {
    require(error.code() == Errc::corrupt, "malformed text is corrupt");
    return;
  }
  check_promises(*record);
  // Written, it may lose what it holds beyond the limits; then nothing more.
  const std::string written = to_json(*record);
  const RunRecord again = parse_run_record(written);
  check_promises(again);
  const std::string rewritten = to_json(again);
  require(parse_run_record(rewritten) == again || rewritten.size() > kMaxTextBytes,
          "parse(to_json(x)) == x");
}

RunRecord full_record() {
  const RunId run = RunId::make(Instant(std::chrono::seconds(1'782'785'700)), 12345);
  const KeySpace keys("erp/prod");
  const std::string digest(64, 'a');
  RunRecord record{.run = run};
  record.environment = "prod";
  record.started = run.start();
  record.finished = run.start() + std::chrono::seconds(40);
  record.result = RunResult::success;
  record.pair = PairJudgement::quiescent;
  record.attempts = 1;
  for (const Half half : kHalves)
    record.halves[half] = {
        .result = HalfResult::stored,
        .archive = ArchiveEntry{{keys.archive(run, half), 10, digest},
                                StoredObject{keys.manifest(run, half), 5, digest}},
        .fingerprint = Fingerprint{"exact-1", "1", "ab"},
        .taken = run.start(),
        .trust = DocsTrust{-5, 2},
        .facts = {{"tables", 3}},
        .problems = {"a\\b\xff"},
        .problems_omitted = 1};
  record.identity = Identity{"dolibarr", "a.b"};
  record.state = {.identity = record.identity,
                  .adopted = {"erp/prod/db/20250101T030000Z.dump"},
                  .damaged = {"erp/prod/db/x"}};
  record.versions = {{"tool", "0.1.0"}};
  record.pruned = {{"erp/prod/db/y.dump", "old"}};
  record.notes = {"note"};
  record.previous = {{run.text(), digest}};
  return record;
}

}  // namespace

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> all = [] {
    RunRecord failed{.run = full_record().run};
    failed.error = "no room";
    failed.halves[Half::db].result = HalfResult::failed;
    return std::vector<std::string>{to_json(full_record()), to_json(failed)};
  }();
  return all;
}

}  // namespace dolibarr_backup::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dolibarr_backup::fuzz;
  check(text_of(data, size));
  return 0;
}
