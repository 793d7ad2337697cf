// A key is either not ours or exactly the one that its parts build.
#include "core/object_keys.h"

#include "fuzz/seeds.h"

namespace dolibarr_backup::fuzz {
namespace {

void check_key(const KeySpace& keys, const std::string& key) {
  using Kind = ParsedKey::Kind;
  const ParsedKey parsed = keys.parse(key);
  switch (parsed.kind) {
    case Kind::archive:
      require(keys.archive(*parsed.run, *parsed.half) == key, "archive");
      require(parsed.taken == parsed.run->start(), "an archive is of its run's time");
      require(keys.manifest_of(key) == keys.manifest(*parsed.run, *parsed.half), "manifest_of");
      break;
    case Kind::reference_archive:
      require(parsed.half && parsed.taken && !parsed.run, "reference archive");
      break;
    case Kind::manifest:
      require(keys.manifest(*parsed.run, *parsed.half) == key, "manifest");
      break;
    case Kind::run_record:
      require(keys.run_record(*parsed.run) == key, "run record");
      break;
    case Kind::hold: {
      const Kind held = keys.parse(parsed.held).kind;
      require(held == Kind::archive || held == Kind::reference_archive, "an archive is held");
      require(keys.hold(parsed.held) == key, "hold");
      break;
    }
    case Kind::pointer:
      require(key == keys.restore_text() || key == keys.fingerprint_pointer(Half::db) ||
                  key == keys.fingerprint_pointer(Half::docs),
              "pointer");
      break;
    case Kind::unknown:
      break;
  }
}

void check(std::string_view text) {
  const KeySpace keys("erp/prod");
  check_key(keys, std::string(text));
  check_key(keys, keys.everything() + std::string(text));
  if (const std::optional<RunId> run = RunId::parse(text)) {
    require(run->text() == text, "a run's name is its text");
    const RunId later = RunId::make(run->start() + std::chrono::seconds(1), 0);
    require(later.text().size() != text.size() || *run < later, "names order by time");
  }
}

}  // namespace

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> all = [] {
    const KeySpace keys("erp/prod");
    const RunId run = RunId::make(Instant(std::chrono::seconds(1'782'785'700)), 12345);
    std::vector<std::string> texts = {run.text(),
                                      keys.run_record(run),
                                      keys.restore_text(),
                                      keys.fingerprint_pointer(Half::docs),
                                      "db/20250101T030000Z.dump",
                                      "docs/20250101T030000Z.tar.gz",
                                      "holds/docs_20250101T030000Z.tar.gz.json"};
    for (const Half half : kHalves) {
      texts.push_back(keys.archive(run, half));
      texts.push_back(keys.manifest(run, half));
      texts.push_back(keys.hold(keys.archive(run, half)));
    }
    return texts;
  }();
  return all;
}

}  // namespace dolibarr_backup::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dolibarr_backup::fuzz;
  check(text_of(data, size));
  return 0;
}
