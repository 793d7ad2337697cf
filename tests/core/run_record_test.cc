#include "core/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// ---- records of all kinds --------------------------------------------------------

// Names and messages are byte strings: of another encoding, with NUL, with quotes.
rc::Gen<std::string> bytes() {
  const auto byte = rc::gen::weightedOneOf<char>(
      {{3, rc::gen::inRange<char>('a', 'z')},
       {1, rc::gen::element('\\', '"', '\n', '\0', 'x', '\xc3', '\xa9', '\xff')},
       {1, rc::gen::arbitrary<char>()}});
  return rc::gen::container<std::string>(byte);
}

template <typename Value>
rc::Gen<std::optional<Value>> maybe(rc::Gen<Value> values) {
  return rc::gen::map(rc::gen::maybe(std::move(values)), [](const rc::Maybe<Value>& value) {
    return value ? std::optional<Value>(*value) : std::nullopt;
  });
}

rc::Gen<std::string> filled() {
  return rc::gen::suchThat(bytes(), [](const std::string& text) { return !text.empty(); });
}

rc::Gen<std::string> digests() {
  return rc::gen::container<std::string>(64, rc::gen::elementOf(std::string("0123456789abcdef")));
}

rc::Gen<Instant> instants() {
  return rc::gen::map(rc::gen::inRange<int64_t>(0, 253'402'300'800),
                      [](int64_t seconds) { return Instant(std::chrono::seconds(seconds)); });
}

rc::Gen<StoredObject> objects() {
  return rc::gen::build<StoredObject>(rc::gen::set(&StoredObject::key, bytes()),
                                      rc::gen::set(&StoredObject::size),
                                      rc::gen::set(&StoredObject::sha256, digests()));
}

rc::Gen<ArchiveEntry> archive_entries() {
  return rc::gen::build<ArchiveEntry>(rc::gen::set(&ArchiveEntry::archive, objects()),
                                      rc::gen::set(&ArchiveEntry::manifest, maybe(objects())));
}

rc::Gen<Fingerprint> fingerprints() {
  return rc::gen::build<Fingerprint>(rc::gen::set(&Fingerprint::algorithm, bytes()),
                                     rc::gen::set(&Fingerprint::volatile_list, bytes()),
                                     rc::gen::set(&Fingerprint::value, bytes()));
}

rc::Gen<Identity> identities() {
  return rc::gen::build<Identity>(rc::gen::set(&Identity::database, bytes()),
                                  rc::gen::set(&Identity::instance, bytes()));
}

rc::Gen<DocsTrust> trusts() {
  return rc::gen::build<DocsTrust>(rc::gen::set(&DocsTrust::walk_started_ns),
                                   rc::gen::set(&DocsTrust::racy_files));
}

rc::Gen<SnapshotMark> marks() {
  return rc::gen::build<SnapshotMark>(rc::gen::set(&SnapshotMark::database, bytes()),
                                      rc::gen::set(&SnapshotMark::system_identifier, bytes()),
                                      rc::gen::set(&SnapshotMark::timeline, bytes()),
                                      rc::gen::set(&SnapshotMark::server_started, bytes()),
                                      rc::gen::set(&SnapshotMark::statistics_reset, bytes()),
                                      rc::gen::set(&SnapshotMark::snapshot, bytes()));
}

rc::Gen<HalfRecord> half_records() {
  const auto any = rc::gen::build<HalfRecord>(
      rc::gen::set(&HalfRecord::result, rc::gen::element(HalfResult::stored, HalfResult::unchanged,
                                                         HalfResult::incomplete, HalfResult::failed,
                                                         HalfResult::skipped)),
      rc::gen::set(&HalfRecord::archive, maybe(archive_entries())),
      rc::gen::set(&HalfRecord::fingerprint, maybe(fingerprints())),
      rc::gen::set(&HalfRecord::taken, maybe(instants())),
      rc::gen::set(&HalfRecord::trust, maybe(trusts())),
      rc::gen::set(&HalfRecord::mark, maybe(marks())),
      rc::gen::set(&HalfRecord::facts, rc::gen::container<std::map<std::string, uint64_t>>(
                                           bytes(), rc::gen::arbitrary<uint64_t>())),
      rc::gen::set(&HalfRecord::problems, rc::gen::container<std::vector<std::string>>(bytes())),
      rc::gen::set(&HalfRecord::problems_omitted));
  // What stored something or is unchanged says what and since when.
  return rc::gen::suchThat(any, [](const HalfRecord& half) {
    return half.result == HalfResult::failed || half.result == HalfResult::skipped ||
           (half.archive && half.taken);
  });
}

rc::Gen<CarriedState> states() {
  return rc::gen::build<CarriedState>(
      rc::gen::set(&CarriedState::identity, maybe(identities())),
      rc::gen::set(&CarriedState::adopted, rc::gen::container<std::vector<std::string>>(bytes())),
      rc::gen::set(&CarriedState::drilled, rc::gen::container<std::vector<std::string>>(bytes())),
      rc::gen::set(&CarriedState::damaged, rc::gen::container<std::vector<std::string>>(bytes())));
}

RunRecord any_record() {
  RunRecord record{.run = RunId::make(*instants(), *rc::gen::arbitrary<uint32_t>())};
  record.kind =
      *rc::gen::element(RunKind::backup, RunKind::prune, RunKind::adopt, RunKind::identity,
                        RunKind::verify, RunKind::drill, RunKind::restore);
  record.environment = *bytes();
  record.started = *instants();
  record.finished = *instants();
  record.result = *rc::gen::element(RunResult::success, RunResult::torn, RunResult::incomplete,
                                    RunResult::failed, RunResult::refused, RunResult::interrupted);
  record.error = *bytes();
  for (const Half half : kHalves)
    if (*rc::gen::arbitrary<bool>()) record.halves.emplace(half, *half_records());
  record.pair =
      *rc::gen::element(PairJudgement::none, PairJudgement::quiescent, PairJudgement::torn);
  record.attempts = *rc::gen::arbitrary<int>();
  record.identity = *maybe(identities());
  record.state = *states();
  record.versions = *rc::gen::container<std::map<std::string, std::string>>(bytes(), bytes());
  record.pruned = *rc::gen::container<std::vector<PrunedObject>>(rc::gen::build<PrunedObject>(
      rc::gen::set(&PrunedObject::key, bytes()), rc::gen::set(&PrunedObject::reason, bytes())));
  record.notes = *rc::gen::container<std::vector<std::string>>(filled());
  record.notes_omitted = *rc::gen::arbitrary<uint64_t>();
  record.previous = *rc::gen::container<std::vector<RecordRef>>(rc::gen::build<RecordRef>(
      rc::gen::set(&RecordRef::run, bytes()), rc::gen::set(&RecordRef::sha256, digests())));
  return record;
}

RC_GTEST_PROP(RunRecordProperty, EveryRecordIsReadBack, ()) {
  const RunRecord record = any_record();
  const std::string text = to_json(record);
  RC_ASSERT(text.ends_with("}\n"));
  RC_ASSERT(parse_run_record(text) == record);
  RC_ASSERT(to_json(parse_run_record(text)) == text);
}

// A record with everything in it.
RunRecord full_record() {
  const RunId run = *RunId::parse("20260630T021500Z-k3f7qa");
  const KeySpace keys("erp/prod");
  const std::string digest(64, 'a');
  RunRecord record{.run = run};
  record.environment = "prod";
  record.started = run.start();
  record.finished = run.start() + std::chrono::seconds(40);
  record.result = RunResult::success;
  record.pair = PairJudgement::quiescent;
  record.attempts = 1;
  record.error = "no room";
  for (const Half half : kHalves)
    record.halves[half] = {
        .result = HalfResult::stored,
        .archive = ArchiveEntry{{keys.archive(run, half), 10, digest},
                                StoredObject{keys.manifest(run, half), 5, digest}},
        .fingerprint = Fingerprint{"exact-1", "volatile-1", "ab"},
        .taken = run.start(),
        .trust = DocsTrust{-5, 2},
        .mark = SnapshotMark{"16384 erp", "7", "00000001", "2026-06-01 00:00:00+00",
                             "2026-05-01 00:00:00+00", "3:5:4"},
        .facts = {{"tables", 3}},
        .problems = {"vanished: facture/a.pdf"},
        .problems_omitted = 1};
  record.identity = Identity{"dolibarr", "salt.log"};
  record.state = {.identity = record.identity,
                  .adopted = {"erp/prod/db/20250101T030000Z.dump"},
                  .drilled = {"erp/prod/db/y.dump"},
                  .damaged = {"erp/prod/db/x.dump"}};
  record.versions = {{"tool", "0.1.0"}};
  record.pruned = {{"erp/prod/db/y.dump", "no kept instant needs it"}};
  record.notes = {"a note"};
  record.notes_omitted = 4;
  record.previous = {{run.text(), digest}};
  return record;
}

json full_json() {
  return json::parse(to_json(full_record()));
}

Error error_of(const std::string& text) {
  try {
    parse_run_record(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt) << error.what();
    return error;
  }
  ADD_FAILURE() << "accepted: " << text.substr(0, 200);
  return {Errc::bug, ""};
}

// ---- what a reader in ten years relies on ------------------------------------------

TEST(RunRecord, IsTheTextThatTheFormatDocumentDescribes) {
  const json value = full_json();
  EXPECT_EQ(value["format"], 1);
  EXPECT_EQ(value["kind"], "backup");
  EXPECT_EQ(value["run"], "20260630T021500Z-k3f7qa");
  EXPECT_EQ(value["started"], "2026-06-30T02:15:00Z");
  EXPECT_EQ(value["result"], "success");
  EXPECT_EQ(value["pair"], "quiescent");
  EXPECT_EQ(value["halves"]["db"]["archive"]["key"], "erp/prod/db/20260630T021500Z-k3f7qa.dump");
  EXPECT_EQ(value["halves"]["docs"]["manifest"]["size"], 5);
  EXPECT_EQ(value["previous"][0]["sha256"], std::string(64, 'a'));
  EXPECT_THAT(to_json(full_record()), HasSubstr("\n  \"run\": \"20260630T021500Z-k3f7qa\",\n"))
      << "two-space indented";
}

TEST(RunRecord, LeavesOutWhatIsEmpty) {
  const RunRecord record{.environment = "prod", .run = full_record().run};
  const json value = json::parse(to_json(record));
  std::vector<std::string> keys;
  for (const auto& [key, ignored] : value.items()) keys.push_back(key);
  EXPECT_THAT(keys, testing::ElementsAre("attempts", "environment", "finished", "format", "kind",
                                         "pair", "result", "run", "started"));
  EXPECT_EQ(parse_run_record(to_json(record)), record);
}

TEST(RunRecord, KeepsBytesThatAreNoUtf8) {
  RunRecord record = full_record();
  record.halves[Half::docs].problems = {"unreadable: caf\xe9\\x41.pdf"};
  EXPECT_EQ(json::parse(to_json(record))["halves"]["docs"]["problems"][0],
            "unreadable: caf\\xe9\\\\x41.pdf");
  EXPECT_EQ(parse_run_record(to_json(record)), record);
}

TEST(RunRecord, IgnoresKeysOfALaterVersion) {
  json value = full_json();
  // Into every object that has fields of its own; facts and versions are lists by name.
  for (json* object :
       {&value, &value["halves"], &value["halves"]["db"], &value["halves"]["db"]["archive"],
        &value["halves"]["db"]["manifest"], &value["halves"]["db"]["fingerprint"],
        &value["halves"]["db"]["trust"], &value["identity"], &value["state"],
        &value["state"]["identity"], &value["pruned"][0], &value["previous"][0]})
    (*object)["later"] = {{"any", {1, "two", nullptr}}};
  EXPECT_EQ(parse_run_record(value.dump()), full_record());
}

TEST(RunRecord, OfANewerFormatIsRefusedWithAHint) {
  json value = full_json();
  value["format"] = 2;
  value["run"] = 17;  // nothing else of it is judged
  const Error error = error_of(value.dump());
  EXPECT_THAT(error.message(), HasSubstr("has format 2, and this program reads up to 1"));
  EXPECT_THAT(error.hint(), HasSubstr("a newer dolibarr-backup wrote it"));
  value["format"] = 0;
  error_of(value.dump());
}

TEST(RunRecord, TextThatIsNoRecordIsRefused) {
  for (const std::string text : {"", "{", "[]", "null", "17", "\"text\"", "{}", "\xff", "{} {}"})
    error_of(text);
  const std::string whole = to_json(full_record());
  for (size_t size = 0; size + 2 < whole.size(); size += 7) error_of(whole.substr(0, size));
  error_of(std::string(100'000, '['));
}

// ---- each malformed field is named -------------------------------------------------

struct Malformed {
  const char* pointer;  ///< where, as RFC 6901 has it
  json value;
  const char* named;  ///< in the message
};

TEST(RunRecord, NamesTheFieldThatIsMalformed) {
  const std::vector<Malformed> cases = {
      {"/format", "1", "'format' is no count"},
      {"/format", -1, "'format' is no count"},
      {"/run", "20260630T021500Z", "'run' is no run's name"},
      {"/run", 1, "'run' is no text"},
      {"/kind", "copy", "'kind' is unknown: 'copy'"},
      {"/environment", nullptr, "'environment' is no text"},
      {"/environment", "a\\q", "'environment' holds an unknown escape"},
      {"/started", "2026-06-30", "'started' is no time"},
      {"/finished", "2026-02-30T02:15:00Z", "'finished' is no time"},
      {"/result", "fine", "'result' is unknown"},
      {"/error", 1, "'error' is no text"},
      {"/pair", "consistent", "'pair' is unknown"},
      {"/attempts", "1", "'attempts' is no whole number"},
      {"/attempts", 1.5, "'attempts' is no whole number"},
      {"/attempts", 5'000'000'000, "'attempts' is no whole number"},
      {"/halves", json::array(), "'halves' is no object"},
      {"/halves/db", "x", "'halves.db' is no object"},
      {"/halves/db/result", "lost", "'halves.db.result' is unknown"},
      {"/halves/db/archive", 1, "'halves.db.archive' is no object"},
      {"/halves/db/archive/key", 1, "'halves.db.archive.key' is no text"},
      {"/halves/db/archive/size", -1, "'halves.db.archive.size' is no count"},
      {"/halves/db/archive/size", 1.5, "'halves.db.archive.size' is no count"},
      {"/halves/db/archive/sha256", "ab", "'halves.db.archive.sha256' is no SHA-256"},
      {"/halves/db/archive/sha256", std::string(64, 'A'),
       "'halves.db.archive.sha256' is no SHA-256"},
      {"/halves/docs/manifest/size", "5", "'halves.docs.manifest.size' is no count"},
      {"/halves/docs/fingerprint", "x", "'halves.docs.fingerprint' is no object"},
      {"/halves/docs/fingerprint/value", 1, "'halves.docs.fingerprint.value' is no text"},
      {"/halves/docs/taken", "yesterday", "'halves.docs.taken' is no time"},
      {"/halves/docs/trust/walk_started_ns", "0",
       "'halves.docs.trust.walk_started_ns' is no whole number"},
      {"/halves/docs/trust/walk_started_ns", UINT64_MAX,
       "'halves.docs.trust.walk_started_ns' is no whole number"},
      {"/halves/docs/trust/racy_files", -1, "'halves.docs.trust.racy_files' is no count"},
      {"/halves/docs/facts", json::array(), "'halves.docs.facts' is no object"},
      {"/halves/docs/facts/tables", "3", "'halves.docs.facts.tables' is no count"},
      {"/halves/docs/problems", "x", "'halves.docs.problems' is no list"},
      {"/halves/docs/problems/0", 1, "'halves.docs.problems' is no text"},
      {"/halves/docs/problems_omitted", "1", "'halves.docs.problems_omitted' is no count"},
      {"/identity", 1, "'identity' is no object"},
      {"/identity/database", 1, "'identity.database' is no text"},
      {"/state/adopted", 1, "'state.adopted' is no list"},
      {"/state/damaged/0", 1, "'state.damaged' is no text"},
      {"/state/identity/instance", 1, "'state.identity.instance' is no text"},
      {"/versions", 1, "'versions' is no object"},
      {"/versions/tool", 1, "'versions.tool' is no text"},
      {"/pruned", 1, "'pruned' is no list"},
      {"/pruned/0", 1, "'pruned' is no object"},
      {"/pruned/0/reason", 1, "'pruned.reason' is no text"},
      {"/notes/0", 1, "'notes' is no text"},
      {"/notes_omitted", -1, "'notes_omitted' is no count"},
      {"/previous/0/run", 1, "'previous.run' is no text"},
      {"/previous/0/sha256", "x", "'previous.sha256' is no SHA-256"},
  };
  for (const Malformed& one : cases) {
    json value = full_json();
    ASSERT_TRUE(value.contains(json::json_pointer(one.pointer))) << one.pointer;
    value[json::json_pointer(one.pointer)] = one.value;
    EXPECT_THAT(error_of(value.dump()).message(), HasSubstr(one.named))
        << one.pointer << " = " << one.value;
  }
}

TEST(RunRecord, NamesTheFieldThatIsMissing) {
  const std::map<std::string, std::string> cases = {
      {"", "format kind environment run started finished result pair attempts"},
      {"/halves/db", "result archive taken"},
      {"/halves/db/archive", "key size sha256"},
      {"/halves/db/manifest", "key size sha256"},
      {"/halves/db/fingerprint", "algorithm volatile_list value"},
      {"/halves/db/trust", "walk_started_ns racy_files"},
      {"/halves/db/mark",
       "database system_identifier timeline server_started statistics_reset snapshot"},
      {"/identity", "database instance"},
      {"/pruned/0", "key reason"},
      {"/previous/0", "run sha256"}};
  for (const auto& [pointer, names] : cases) {
    std::istringstream words(names);
    for (std::string name; words >> name;) {
      json value = full_json();
      value[json::json_pointer(pointer)].erase(name);
      const Error error = error_of(value.dump());
      EXPECT_THAT(error.message(), HasSubstr(name + "' is missing")) << pointer;
    }
  }
}

TEST(RunRecord, AHalfWithoutArchiveIsFineOnlyIfNothingWasStored) {
  for (const std::string result : {"stored", "unchanged", "incomplete", "failed", "skipped"}) {
    json value = full_json();
    value["halves"]["db"] = {{"result", result}};
    if (result == "failed" || result == "skipped")
      EXPECT_EQ(parse_run_record(value.dump()).halves.at(Half::db).archive, std::nullopt);
    else
      EXPECT_THAT(error_of(value.dump()).message(), HasSubstr("'halves.db.archive' is missing"));
  }
}

TEST(RunRecord, AnErrorQuotesOnlyTheStartOfAHugeValue) {
  json value = full_json();
  value["kind"] = std::string(1 << 20, 'x');
  EXPECT_LT(error_of(value.dump()).message().size(), 1000u);
}

// ---- limits ------------------------------------------------------------------------

std::vector<std::string> texts(size_t count) {
  std::vector<std::string> list;
  for (size_t i = 0; i < count; ++i) list.push_back("text " + std::to_string(i));
  return list;
}

TEST(RunRecord, ListsAHundredTextsAndCountsTheRest) {
  RunRecord record = full_record();
  record.notes = texts(kMaxListedTexts);
  record.halves[Half::docs].problems = texts(kMaxListedTexts);
  EXPECT_EQ(parse_run_record(to_json(record)), record) << "a hundred are not too many";

  record.notes = texts(kMaxListedTexts + 3);
  record.halves[Half::docs].problems = texts(1000);
  const RunRecord read = parse_run_record(to_json(record));
  EXPECT_EQ(read.notes, texts(kMaxListedTexts));
  EXPECT_EQ(read.notes_omitted, 4u + 3u);
  EXPECT_EQ(read.halves.at(Half::docs).problems, texts(kMaxListedTexts));
  EXPECT_EQ(read.halves.at(Half::docs).problems_omitted, 1u + 900u);
}

TEST(RunRecord, CutsTextsThatAreTooLong) {
  RunRecord record = full_record();
  const std::string whole(kMaxTextBytes, 'e'), longer(kMaxTextBytes + 5, 'e');
  record.error = whole;
  EXPECT_EQ(parse_run_record(to_json(record)).error, whole);
  record.error = record.notes[0] = record.halves[Half::db].problems[0] = longer;
  const RunRecord read = parse_run_record(to_json(record));
  for (const std::string& text : {read.error, read.notes[0], read.halves.at(Half::db).problems[0]})
    EXPECT_EQ(text, whole + " [5 bytes left out]");
}

TEST(RunRecord, StaysSmallWhateverHappened) {
  RunRecord record = full_record();
  record.error = std::string(10 << 20, '\xff');
  record.notes = std::vector<std::string>(5000, std::string(20'000, '\xfe'));
  for (auto& [half, entry] : record.halves) entry.problems = record.notes;
  EXPECT_LT(to_json(record).size(), 16 * kMiB) << "what is read of a record at most";
}

// ---- what is a point ---------------------------------------------------------------

TEST(RunRecord, IsAPointOnlyIfBothHalvesSucceededTogether) {
  RunRecord record = full_record();
  EXPECT_TRUE(record.good_pair());
  record.halves[Half::db].result = HalfResult::unchanged;
  EXPECT_TRUE(record.good_pair());
  for (const PairJudgement pair : {PairJudgement::none, PairJudgement::torn}) {
    RunRecord other = record;
    other.pair = pair;
    EXPECT_FALSE(other.good_pair());
  }
  for (const HalfResult result :
       {HalfResult::incomplete, HalfResult::failed, HalfResult::skipped}) {
    for (const Half half : kHalves) {
      RunRecord other = record;
      other.halves[half].result = result;
      EXPECT_FALSE(other.good_pair()) << name_of(result);
    }
  }
  for (const Half half : kHalves) {
    RunRecord other = record;
    other.halves[half].archive.reset();
    EXPECT_FALSE(other.good_pair());
    other = record;
    other.halves.erase(half);
    EXPECT_FALSE(other.good_pair());
  }
}

}  // namespace
}  // namespace dolibarr_backup
