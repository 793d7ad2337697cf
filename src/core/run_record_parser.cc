#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "core/record_text.h"
#include "core/run_record.h"

namespace dolibarr_backup {
namespace {

using nlohmann::json;

constexpr size_t kShownBytes = 200;
constexpr int kGreatestDepth = 16;

[[noreturn]] void corrupt(const std::string& field, const std::string& what) {
  throw Error(Errc::corrupt, "the run record's '" + field + "' " + what)
      .with_hint("the record was damaged or is not ours; the chain and the other records stand");
}

/// An object of the record, with its place for messages.
class Reader {
 public:
  Reader(const json& value, std::string place) : value_(value), place_(std::move(place)) {
    if (!value_.is_object()) corrupt(place_, "is no object");
  }

  bool has(const char* key) const { return value_.contains(key); }
  std::string place(const char* key) const { return place_.empty() ? key : place_ + "." + key; }

  std::string text(const char* key) const { return text_of(at(key), place(key)); }
  std::string text_or_empty(const char* key) const { return has(key) ? text(key) : ""; }
  uint64_t count(const char* key) const { return count_of(at(key), place(key)); }
  uint64_t count_or_zero(const char* key) const { return has(key) ? count(key) : 0; }
  template <typename Integer>
  Integer whole(const char* key) const {
    const json& value = at(key);
    const bool fits = value.is_number_unsigned() ? std::in_range<Integer>(value.get<uint64_t>())
                                                 : value.is_number_integer() &&
                                                       std::in_range<Integer>(value.get<int64_t>());
    if (!fits) corrupt(place(key), "is no whole number, or too large");
    return value.get<Integer>();
  }
  Instant instant(const char* key) const {
    const std::optional<Instant> parsed = parse_instant(text(key));
    if (!parsed) corrupt(place(key), "is no time");
    return *parsed;
  }
  std::string digest(const char* key) const {
    std::string value = text(key);
    if (value.size() != 64 || value.find_first_not_of("0123456789abcdef") != std::string::npos)
      corrupt(place(key), "is no SHA-256");
    return value;
  }
  template <typename Name, size_t N>
  Name one_of(const char* key, const std::array<Name, N>& names) const {
    const std::string value = text(key);
    for (const Name name : names)
      if (name_of(name) == value) return name;
    corrupt(place(key), "is unknown: '" + cut_text(value, kShownBytes) + "'");
  }
  Reader object(const char* key) const { return {at(key), place(key)}; }
  std::vector<Reader> objects(const char* key) const {
    std::vector<Reader> list;
    for (const json& value : array(key)) list.emplace_back(value, place(key));
    return list;
  }
  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> list;
    for (const json& value : array(key)) list.push_back(text_of(value, place(key)));
    return list;
  }
  /// Calls `visit(name, value)` for each member.
  template <typename Visit>
  void members(const char* key, const Visit& visit) const {
    if (!has(key)) return;
    const Reader inner = object(key);
    for (const auto& [name, value] : inner.value_.items())
      visit(text_of(json(name), inner.place_), value, inner.place(name.c_str()));
  }

  static std::string text_of(const json& value, const std::string& place) {
    if (!value.is_string()) corrupt(place, "is no text");
    std::optional<std::string> bytes = from_record_text(value.get_ref<const std::string&>());
    if (!bytes) corrupt(place, "holds an unknown escape");
    return std::move(*bytes);
  }
  static uint64_t count_of(const json& value, const std::string& place) {
    if (!value.is_number_unsigned()) corrupt(place, "is no count");
    return value.get<uint64_t>();
  }

 private:
  const json& at(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end()) corrupt(place(key), "is missing");
    return *found;
  }
  const json& array(const char* key) const {
    static const json empty = json::array();
    if (!has(key)) return empty;
    if (!at(key).is_array()) corrupt(place(key), "is no list");
    return at(key);
  }
  const json& value_;
  std::string place_;
};

StoredObject read_object(const Reader& reader) {
  return {reader.text("key"), reader.count("size"), reader.digest("sha256")};
}

Identity read_identity(const Reader& reader) {
  return {reader.text("database"), reader.text("instance")};
}

HalfRecord read_half(const Reader& reader) {
  HalfRecord half;
  half.result = reader.one_of(
      "result", std::array{HalfResult::stored, HalfResult::unchanged, HalfResult::incomplete,
                           HalfResult::failed, HalfResult::skipped});
  if (reader.has("archive")) {
    half.archive = ArchiveEntry{read_object(reader.object("archive")), std::nullopt};
    if (reader.has("manifest")) half.archive->manifest = read_object(reader.object("manifest"));
  }
  if (reader.has("fingerprint")) {
    const Reader inner = reader.object("fingerprint");
    half.fingerprint =
        Fingerprint{inner.text("algorithm"), inner.text("volatile_list"), inner.text("value")};
  }
  if (reader.has("taken")) half.taken = reader.instant("taken");
  if (reader.has("trust")) {
    const Reader inner = reader.object("trust");
    half.trust = DocsTrust{inner.whole<int64_t>("walk_started_ns"), inner.count("racy_files")};
  }
  if (reader.has("mark")) {
    const Reader inner = reader.object("mark");
    half.mark = SnapshotMark{inner.text("database"),         inner.text("system_identifier"),
                             inner.text("timeline"),         inner.text("server_started"),
                             inner.text("statistics_reset"), inner.text("snapshot")};
  }
  reader.members("facts", [&](std::string name, const json& value, const std::string& place) {
    half.facts.emplace(std::move(name), Reader::count_of(value, place));
  });
  half.problems = reader.texts("problems");
  half.problems_omitted = reader.count_or_zero("problems_omitted");
  const bool has_archive = half.success() || half.result == HalfResult::incomplete;
  if (has_archive && !half.archive) corrupt(reader.place("archive"), "is missing");
  if (has_archive && !half.taken) corrupt(reader.place("taken"), "is missing");
  return half;
}

CarriedState read_state(const Reader& reader) {
  CarriedState state;
  if (reader.has("identity")) state.identity = read_identity(reader.object("identity"));
  state.adopted = reader.texts("adopted");
  state.drilled = reader.texts("drilled");
  state.damaged = reader.texts("damaged");
  return state;
}

void require_known_format(const Reader& reader) {
  const uint64_t format = reader.count("format");
  if (format >= 1 && format <= kRunRecordFormat) return;
  throw Error(Errc::corrupt, "the run record has format " + std::to_string(format) +
                                 ", and this program reads up to " +
                                 std::to_string(kRunRecordFormat))
      .with_hint("a newer dolibarr-backup wrote it: use that one");
}

RunRecord read_record(const Reader& reader) {
  require_known_format(reader);
  const std::optional<RunId> run = RunId::parse(reader.text("run"));
  if (!run) corrupt("run", "is no run's name");
  RunRecord record{.run = *run};
  record.kind = reader.one_of(
      "kind", std::array{RunKind::backup, RunKind::prune, RunKind::adopt, RunKind::identity,
                         RunKind::verify, RunKind::drill, RunKind::restore});
  record.environment = reader.text("environment");
  record.started = reader.instant("started");
  record.finished = reader.instant("finished");
  record.result = reader.one_of(
      "result", std::array{RunResult::success, RunResult::torn, RunResult::incomplete,
                           RunResult::failed, RunResult::refused, RunResult::interrupted});
  record.error = reader.text_or_empty("error");
  record.pair = reader.one_of(
      "pair", std::array{PairJudgement::none, PairJudgement::quiescent, PairJudgement::torn});
  record.attempts = reader.whole<int>("attempts");
  if (reader.has("halves")) {
    const Reader halves = reader.object("halves");
    for (const Half half : kHalves) {
      const std::string name(name_of(half));
      if (halves.has(name.c_str()))
        record.halves.emplace(half, read_half(halves.object(name.c_str())));
    }
  }
  if (reader.has("identity")) record.identity = read_identity(reader.object("identity"));
  if (reader.has("state")) record.state = read_state(reader.object("state"));
  reader.members("versions", [&](std::string name, const json& value, const std::string& place) {
    record.versions.emplace(std::move(name), Reader::text_of(value, place));
  });
  for (const Reader& pruned : reader.objects("pruned"))
    record.pruned.push_back({pruned.text("key"), pruned.text("reason")});
  reader.members("measured", [&](std::string what, const json& values, const std::string& place) {
    if (!values.is_object()) corrupt(place, "is no object");
    for (const auto& [key, value] : values.items())
      record.measured[what][from_record_text(key).value_or(key)] =
          Reader::text_of(value, place + "." + key);
  });
  record.verified = reader.texts("verified");
  record.notes = reader.texts("notes");
  record.notes_omitted = reader.count_or_zero("notes_omitted");
  for (const Reader& earlier : reader.objects("previous"))
    record.previous.push_back({earlier.text("run"), earlier.digest("sha256")});
  return record;
}

}  // namespace

RunRecord parse_run_record(std::string_view text) {
  json value;
  try {
    // Ours are five levels deep; a deeper one would only eat memory.
    value = json::parse(text, [](int depth, json::parse_event_t, const json&) {
      if (depth > kGreatestDepth) corrupt("the record", "is nested too deeply");
      return true;
    });
  } catch (const json::exception& error) {
    throw Error(Errc::corrupt, std::string("the run record is no JSON: ") + error.what());
  }
  return read_record(Reader(value, ""));
}

}  // namespace dolibarr_backup
